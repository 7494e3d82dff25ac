//! Places: those that the organisation lists, and what other systems call them.

use shared::base::id::{ConnectionName, is_zoho_id};
use shared::base::problem::{Code, Problem};
use shared::core::mappings::Mappings;
use shared::zoho::inventory;
use shared::zoho::response::{self, records};
use shared::zoho::value::{Object, id, text};

use crate::zoho::{Target, Zoho};

/// No id of Zoho's is shorter.
const LENGTH_OF_IDS: usize = 15;

/// A place that the organisation lists.
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
}

/// The places that the organisation lists. None where it lists none, or the connection may not read them.
pub(crate) async fn listed(zoho: &Zoho, target: &Target<'_>) -> Result<Vec<Listed>, Problem> {
    let target = target.with(inventory::scope::SETTINGS);
    let answer = zoho
        .read(&target, |place| inventory::locations_url(place.api, place.organization), response::inventory)
        .await;
    let listed = match answer {
        Ok(mut answer) => records(&mut answer, "locations")?,
        Err(problem) => match problem.code() {
            Code::RecordNotFound | Code::ZohoRejected | Code::ScopeMissing | Code::ZohoForbidden => {
                Vec::new()
            }
            _ => return Err(problem),
        },
    };
    let place = |place: &Object| {
        let name = text(place, "location_name").map(str::to_owned);
        Some(Listed { id: id(place, "location_id")?, name })
    };
    Ok(listed.iter().filter_map(place).collect())
}

/// Zoho's name of a place that a caller named: another system's name becomes the id that it is mapped to, all else stays as it is.
pub(crate) async fn as_zoho_knows_it(
    mappings: &Mappings,
    connection: &ConnectionName,
    place: String,
) -> Result<String, Problem> {
    // A short number may be a name.
    if place.len() >= LENGTH_OF_IDS && is_zoho_id(&place) {
        return Ok(place);
    }
    let mapped = mappings.location(connection, &place).await?;
    Ok(mapped.map_or(place, |mapped| mapped.location_id))
}
