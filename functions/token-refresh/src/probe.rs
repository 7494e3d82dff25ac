//! One read per granted product, before a new token takes the place of a working one: a token that Zoho gives can still
//! be useless, because Zoho does not look at scopes or organisations when it gives it.

use std::time::Duration;

use shared::base::secret::Secret;
use shared::core::connection::consent::Wish;
use shared::core::connection::organization::Organization;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::response;
use shared::zoho::response::{Failure, FailureKind};
use shared::zoho::scope::{Product, ScopeSet};
use shared::zoho::value::{id, records, text};
use shared::zoho::{crm, inventory};

use crate::TokenRefresh;

const PATIENCE: Duration = Duration::from_secs(8);

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

impl TokenRefresh {
    pub(crate) async fn probe(
        &self,
        wish: &Wish,
        dc: DataCentre,
        scopes: &ScopeSet,
        token: &Secret,
    ) -> Result<Found, Useless> {
        let api = self.centres.api(dc);
        let mut found = Found { organizations: Organizations::None, crm_organization: None, user: None };
        for product in wish.scopes.products() {
            match product {
                Product::Inventory => {
                    found.organizations = self.probe_inventory(wish, &api, scopes, token).await?;
                    found.user = self.user(&api, scopes, token, &found.organizations).await;
                }
                Product::Crm => found.crm_organization = self.probe_crm(wish, &api, scopes, token).await?,
            }
        }
        Ok(found)
    }

    async fn probe_inventory(
        &self,
        wish: &Wish,
        api: &str,
        scopes: &ScopeSet,
        token: &Secret,
    ) -> Result<Organizations, Useless> {
        let wanted = wish.organization.as_deref();
        if !scopes.allows(inventory::scope::SETTINGS) {
            let Some(wanted) = wanted else {
                return Err(vec![
                    format!("The list of Inventory organisations needs the scope {}.", inventory::scope::SETTINGS),
                    "Ask for that scope too, or name the organisation: `zoho-connector connect --organization <id>`."
                        .to_owned(),
                ]);
            };
            let url = inventory::items_url(api, wanted, &[], 1, 1);
            self.read(&url, token, response::inventory)
                .await
                .map_err(|failure| refused("Inventory", &failure))?;
            return Ok(Organizations::One(Organization { id: wanted.to_owned(), name: String::new() }));
        }
        let url = inventory::organizations_url(api);
        let mut answer = self
            .read(&url, token, response::inventory)
            .await
            .map_err(|failure| refused("Inventory", &failure))?;
        let all: Vec<_> = records(&mut answer, "organizations")
            .iter()
            .filter_map(|organization| {
                Some(Organization {
                    id: id(organization, "organization_id")?,
                    name: text(organization, "name").unwrap_or_default().to_owned(),
                })
            })
            .collect();
        choose(all, wanted)
    }

    /// The address of the user who consented, by which their grants are counted. It is good to know, and no more.
    async fn user(
        &self,
        api: &str,
        scopes: &ScopeSet,
        token: &Secret,
        organizations: &Organizations,
    ) -> Option<String> {
        let any = match organizations {
            Organizations::None => return None,
            Organizations::One(only) => only,
            Organizations::Several(several) => several.first()?,
        };
        if !scopes.allows(inventory::scope::SETTINGS) {
            return None;
        }
        let url = inventory::user_url(api, &any.id);
        let answer = self.read(&url, token, response::inventory).await.ok()?;
        inventory::user_email(&answer)
    }

    async fn probe_crm(
        &self,
        wish: &Wish,
        api: &str,
        scopes: &ScopeSet,
        token: &Secret,
    ) -> Result<Option<Organization>, Useless> {
        let wanted = wish.crm_organization.as_deref();
        if !scopes.allows(crm::scope::ORG) {
            if scopes.allows(crm::scope::DEALS) {
                let url = crm::list_url(api, "Deals", "id", 1, None);
                self.read(&url, token, response::crm).await.map_err(|failure| refused("CRM", &failure))?;
            }
            return match wanted {
                None => Ok(None),
                Some(_) => Err(vec![
                    "Without the scope ZohoCRM.org.READ it cannot be told whose CRM this is.".to_owned(),
                ]),
            };
        }
        let answer = self
            .read(&crm::org_url(api), token, response::crm)
            .await
            .map_err(|failure| refused("CRM", &failure))?;
        let organization = answer.and_then(|mut answer| records(&mut answer, "org").into_iter().next());
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

    async fn read<T>(
        &self,
        url: &str,
        token: &Secret,
        judge: impl Fn(&shared::zoho::http::Answer) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        judge(&self.http.get(url, token, PATIENCE).await?)
    }
}

fn choose(mut all: Vec<Organization>, wanted: Option<&str>) -> Result<Organizations, Useless> {
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
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(Organizations::One(only)),
        (None, _) => Err(vec![
            "The user who consented has no organisation in Zoho Inventory.".to_owned(),
            "Sign in as a user of the company's Inventory, or connect CRM alone: `zoho-connector connect --products crm`."
                .to_owned(),
        ]),
        (Some(last), false) => {
            all.push(last);
            Ok(Organizations::Several(all))
        }
    }
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
        lines.push(format!("Zoho's own words: {} ({})", said.message, said.code));
    }
    lines.push(
        "Nothing was changed. Mend this in Zoho, then open a new link: `zoho-connector connect` makes one."
            .to_owned(),
    );
    lines
}
