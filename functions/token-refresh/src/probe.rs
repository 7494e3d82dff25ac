//! One read per granted product, before a new token replaces a working one: Zoho does not check scopes or organisations when
//! it gives a token, so a new token can still be useless.

use std::time::Duration;

use shared::core::connection::consent::Wish;
use shared::core::connection::organization::Organization;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::failure::{Failure, FailureKind};
use shared::zoho::http::{Answer, Http};
use shared::zoho::response::{self, records};
use shared::zoho::scope::{Product, ScopeSet};
use shared::zoho::secrets::AccessTokenSecret;
use shared::zoho::value::{id, text};
use shared::zoho::{crm, inventory};

use crate::app::App;

const READ_TIMEOUT: Duration = Duration::from_secs(8);

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
    let reader = Reader { http: &app.http, api: &api, scopes, token };
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
        return Ok(Organizations::One(Organization { id: wanted.to_owned(), name: String::new() }));
    }
    let url = inventory::organizations_url(reader.api);
    let mut answer =
        reader.read(&url, response::inventory).await.map_err(|failure| refused("Inventory", &failure))?;
    let all: Vec<_> = records(&mut answer, "organizations")
        .map_err(|failure| refused("Inventory", &failure))?
        .iter()
        .filter_map(|organization| {
            Some(Organization {
                id: id(organization, "organization_id")?,
                name: text(organization, "name").unwrap_or_default().to_owned(),
            })
        })
        .collect();
    only_or_several(all, wanted)
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
        })
    });
    match wanted {
            Some(wanted) if organization.as_ref().is_none_or(|found| found.id != wanted) => Err(vec![
                "This is not the company's CRM that was connected before.".to_owned(),
                "Sign in to Zoho as a user of the same company, or let the operator run `zoho-connector connect`."
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
}

impl Reader<'_> {
    async fn read<T>(&self, url: &str, judge: impl Fn(&Answer) -> Result<T, Failure>) -> Result<T, Failure> {
        judge(&self.http.get(url, self.token, READ_TIMEOUT).await?)
    }
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
            ]
        });
    }
    if all.len() > 1 {
        return Ok(Organizations::Several(all));
    }
    all.pop().map(Organizations::One).ok_or_else(|| {
        vec![
            "The user who consented has no organisation in Zoho Inventory.".to_owned(),
            "Sign in as a user of the company's Inventory, or connect CRM alone: `zoho-connector connect --products crm`."
                .to_owned(),
        ]
    })
}

fn refused(product: &str, failure: &Failure) -> Useless {
    let what = match failure.kind {
        FailureKind::DeadToken => format!(
            "Zoho {product} does not know the token that Zoho has only just given. Is {product} used in another data centre?"
        ),
        FailureKind::DeadTokenOrScope | FailureKind::ScopeMissing | FailureKind::Forbidden => {
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
