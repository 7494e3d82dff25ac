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
        .read(
            &target,
            |endpoint| inventory::locations_url(endpoint.api, endpoint.organization),
            response::inventory,
        )
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

/// A place as a caller named it.
#[derive(Debug)]
pub(crate) struct NamedPlace {
    /// Its id, or its exact name, as Zoho knows it.
    pub(crate) place: String,
    /// Another system's name of it, where a mapping led from that to the id.
    pub(crate) mapped: Option<String>,
}

/// Zoho's name of a place that a caller named: another system's name becomes the id that it is mapped to, all else stays as it is. Whoever
/// reads items afterwards calls [`demand_one_meaning`](crate::inventory::stock::demand_one_meaning).
pub(crate) async fn as_zoho_knows_it(
    mappings: &Mappings,
    connection: &ConnectionName,
    place: String,
) -> Result<NamedPlace, Problem> {
    // A short number may be a name.
    if place.len() >= LENGTH_OF_IDS && is_zoho_id(&place) {
        return Ok(NamedPlace { place, mapped: None });
    }
    Ok(match mappings.location(connection, &place).await? {
        Some(mapped) => NamedPlace { place: mapped.location_id, mapped: Some(place) },
        None => NamedPlace { place, mapped: None },
    })
}
