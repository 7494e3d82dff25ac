//! One read per granted product, before a new token replaces a working one: Zoho does not check scopes or organisations when
//! it gives a token, so a new token can still be useless.

use std::time::Duration;

use serde_json::Value;
use shared::core::connection::consent::Wish;
use shared::core::connection::organization::Organization;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::failure::{Failure, FailureKind};
use shared::zoho::http::{Answer, Http};
use shared::zoho::response::{self, records};
use shared::zoho::scope::{Product, ScopeSet};
use shared::zoho::secrets::AccessTokenSecret;
use shared::zoho::value::{Object, id, number, text};
use shared::zoho::{crm, inventory};
use tokio::time::{Instant, sleep};

use crate::app::App;

const READ_TIMEOUT: Duration = Duration::from_secs(8);

/// How long to wait in all for calls that other programs use up, and the pause between two tries: a person waits at the browser,
/// and gets an answer within 25 seconds.
const MAX_WAIT: Duration = Duration::from_secs(12);
const RETRY_PAUSE: Duration = Duration::from_secs(3);

/// What the reads found.
pub(crate) struct Found {
    pub(crate) organizations: Organizations,
    pub(crate) crm_organization: Option<Organization>,
    pub(crate) user: Option<String>,
}

/// The organisations of Zoho Inventory that the connection could be for.
pub(crate) enum Organizations {
    None,
    One(Organization),
    Several(Vec<Organization>),
}

impl Organizations {
    /// The only one, or those to choose from.
    pub(crate) fn one_or_several(self) -> (Option<Organization>, Option<Vec<Organization>>) {
        match self {
            Self::None => (None, None),
            Self::One(only) => (Some(only), None),
            Self::Several(several) => (None, Some(several)),
        }
    }
}

/// Why the token is of no use, for the person at the browser.
pub(crate) type Useless = Vec<String>;

/// Tests a new token with one read of each requested product.
pub(crate) async fn probe(
    app: &App,
    wish: &Wish,
    dc: DataCentre,
    scopes: &ScopeSet,
    token: &AccessTokenSecret,
) -> Result<Found, Useless> {
    let api = app.centres.api(dc);
    let reader = Reader { http: &app.http, api: &api, scopes, token, until: Instant::now() + MAX_WAIT };
    let mut found = Found { organizations: Organizations::None, crm_organization: None, user: None };
    for product in wish.scopes.products() {
        match product {
            Product::Inventory => {
                found.organizations = probe_inventory(wish, &reader).await?;
                found.user = user(&reader, &found.organizations).await;
            }
            Product::Crm => found.crm_organization = probe_crm(wish, &reader).await?,
        }
    }
    Ok(found)
}

async fn probe_inventory(wish: &Wish, reader: &Reader<'_>) -> Result<Organizations, Useless> {
    let wanted = wish.organization.as_deref();
    if !reader.scopes.allows(inventory::scope::SETTINGS) {
        let Some(wanted) = wanted else {
            return Err(vec![
                    format!("The list of Inventory organisations needs the scope {}.", inventory::scope::SETTINGS),
                    "Ask for that scope too, or name the organisation: `zoho-connector connect --organization <id>`."
                        .to_owned(),
                ]);
        };
        let url = inventory::items_url(reader.api, wanted, &[], 1, 1);
        reader.read(&url, response::inventory).await.map_err(|failure| refused("Inventory", &failure))?;
        return Ok(Organizations::One(Organization { id: wanted.to_owned(), ..Organization::default() }));
    }
    let url = inventory::organizations_url(reader.api);
    let mut answer =
        reader.read(&url, response::inventory).await.map_err(|failure| refused("Inventory", &failure))?;
    let all: Vec<_> = records(&mut answer, "organizations")
        .map_err(|failure| refused("Inventory", &failure))?
        .iter()
        .filter(|found| has_inventory(found) || id(found, "organization_id").as_deref() == wanted)
        .filter_map(|organization| {
            Some(Organization {
                id: id(organization, "organization_id")?,
                name: text(organization, "name").unwrap_or_default().to_owned(),
                currency_code: text(organization, "currency_code").map(str::to_owned),
                price_precision: decimals(organization),
            })
        })
        .collect();
    only_or_several(all, wanted)
}

/// To how many decimals amounts are rounded there; the official file has it as a number with a point.
fn decimals(organization: &Object) -> Option<u32> {
    let decimals = number(organization.get("price_precision")).to_string();
    decimals.trim_end_matches(".0").parse().ok().filter(|decimals| *decimals <= 9)
}

/// Whether Inventory works there, as far as the list says: the suite lists organisations that only use Books, too, and such as
/// were switched off. One that the operator named is tried in any case.
fn has_inventory(organization: &Object) -> bool {
    let is_off = ["is_org_active", "isOrgActive"]
        .iter()
        .any(|field| organization.get(*field).and_then(Value::as_bool) == Some(false));
    // `AppList` is what its plan has, the other what it has begun to use.
    let apps =
        ["org_joined_app_list", "AppList"].iter().find_map(|field| organization.get(*field)?.as_array());
    let is_elsewhere = apps.is_some_and(|apps| {
        !apps.is_empty() && !apps.iter().any(|app| app.as_str().is_some_and(|app| app.contains("inventory")))
    });
    !is_off && !is_elsewhere
}

/// The e-mail address of the user who consented, by which their grants are counted. A failure of this read is no failure of
/// the test.
async fn user(reader: &Reader<'_>, organizations: &Organizations) -> Option<String> {
    let any = match organizations {
        Organizations::None => return None,
        Organizations::One(only) => only,
        Organizations::Several(several) => several.first()?,
    };
    if !reader.scopes.allows(inventory::scope::SETTINGS) {
        return None;
    }
    let url = inventory::user_url(reader.api, &any.id);
    let answer = reader.read(&url, response::inventory).await.ok()?;
    inventory::user_email(&answer)
}

async fn probe_crm(wish: &Wish, reader: &Reader<'_>) -> Result<Option<Organization>, Useless> {
    let wanted = wish.crm_organization.as_deref();
    if !reader.scopes.allows(crm::scope::ORG) {
        if reader.scopes.allows(crm::scope::DEALS) {
            let url = crm::list_url(reader.api, "Deals", "id", 1, None);
            reader.read(&url, response::crm).await.map_err(|failure| refused("CRM", &failure))?;
        }
        return match wanted {
            None => Ok(None),
            Some(_) => Err(vec![
                "Without the scope ZohoCRM.org.READ the connector cannot tell whose CRM this is.".to_owned(),
            ]),
        };
    }
    let judge = |answer: &_| match response::crm(answer)? {
        Some(mut answer) => records(&mut answer, "org"),
        None => Ok(Vec::new()),
    };
    let organizations = reader.read(&crm::org_url(reader.api), judge).await;
    let organization = organizations.map_err(|failure| refused("CRM", &failure))?.into_iter().next();
    let organization = organization.and_then(|org| {
        Some(Organization {
            id: id(&org, "zgid").or_else(|| id(&org, "id"))?,
            name: text(&org, "company_name").unwrap_or_default().to_owned(),
            ..Organization::default()
        })
    });
    match wanted {
            Some(wanted) if organization.as_ref().is_none_or(|found| found.id != wanted) => Err(vec![
                "This is not the company's CRM that was connected before.".to_owned(),
                "Sign in to Zoho as a user of the same company, or let the operator run `zoho-connector connect --other-organization`."
                    .to_owned(),
            ]),
            _ => Ok(organization),
        }
}

/// Reads with the new token.
struct Reader<'a> {
    http: &'a Http,
    api: &'a str,
    scopes: &'a ScopeSet,
    token: &'a AccessTokenSecret,
    /// Until when it waits for calls.
    until: Instant,
}

impl Reader<'_> {
    /// Reads once, and again while other programs leave the organisation no calls: the code of the consent is spent by now.
    async fn read<T>(&self, url: &str, judge: impl Fn(&Answer) -> Result<T, Failure>) -> Result<T, Failure> {
        loop {
            let failure = match judge(&self.http.get(url, self.token, READ_TIMEOUT).await?) {
                Err(failure) if is_crowded(&failure) => failure,
                judged => return judged,
            };
            let pause = failure.retry_after.map_or(RETRY_PAUSE, Duration::from_secs).max(RETRY_PAUSE);
            if Instant::now() + pause > self.until {
                return Err(failure);
            }
            sleep(pause).await;
        }
    }
}

/// Whether there were too many calls at this moment, which says nothing of the token.
fn is_crowded(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::RateLimited | FailureKind::TooManyAtOnce)
}

fn only_or_several(mut all: Vec<Organization>, wanted: Option<&str>) -> Result<Organizations, Useless> {
    if let Some(wanted) = wanted {
        let listed: Vec<_> = all.iter().map(|found| format!("{} ({})", found.id, found.name)).collect();
        let listed = listed.join(", ");
        let found = all.into_iter().find(|found| found.id == wanted).map(Organizations::One);
        return found.ok_or_else(|| {
            vec![
                format!("The user who consented is not in the Inventory organisation {wanted}."),
                format!("Their organisations: {}.", if listed.is_empty() { "none" } else { &listed }),
                "Sign in as a user of that organisation. To connect another one, the operator runs `zoho-connector connect --other-organization`."
                    .to_owned(),
            ]
        });
    }
    if all.len() > 1 {
        return Ok(Organizations::Several(all));
    }
    all.pop().map(Organizations::One).ok_or_else(|| {
        vec![
            "The user who consented has no active organisation in Zoho Inventory; such as only use Zoho Books do not count.".to_owned(),
            "Sign in as a user of the company's Inventory, name it with `zoho-connector connect --organization <id>`, or connect CRM alone: `zoho-connector connect --products crm`."
                .to_owned(),
        ]
    })
}

fn refused(product: &str, failure: &Failure) -> Useless {
    if is_crowded(failure) || failure.kind == FailureKind::DailyLimit {
        let (whose, when) = match failure.kind {
            FailureKind::DailyLimit => ("of this day", "tomorrow"),
            _ => ("of this minute", "in a minute"),
        };
        return vec![
            format!(
                "All calls {whose} to Zoho {product} are used up by the programs of this organisation, so that the new token could not be tested."
            ),
            format!(
                "Nothing was changed, and nothing is wrong in Zoho. Open a new link {when}: `zoho-connector connect` makes one."
            ),
        ];
    }
    let what = match failure.kind {
        FailureKind::DeadToken => format!(
            "Zoho {product} does not know the token that Zoho has only just given. Is {product} used in another data centre?"
        ),
        FailureKind::ScopeMissing => {
            format!("Zoho did not grant the access to Zoho {product} that was asked for.")
        }
        FailureKind::DeadTokenOrScope | FailureKind::Forbidden => {
            format!("The user who consented may not use Zoho {product}, or lacks the right to use its API.")
        }
        _ => format!("Zoho {product} did not answer the first read."),
    };
    let mut lines = vec![what];
    if let Some(said) = &failure.said {
        lines.push(format!("Zoho says: {} ({})", said.message, said.code));
    }
    lines.push(
        "Nothing was changed. Correct this in Zoho, then open a new link: `zoho-connector connect` makes one."
            .to_owned(),
    );
    lines
}
