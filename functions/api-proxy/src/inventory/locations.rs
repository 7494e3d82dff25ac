//! Locations: those that the organisation lists, and what other systems call them.

use shared::base::id::{ConnectionName, is_zoho_id};
use shared::base::problem::{Code, Problem};
use shared::core::mappings::Mappings;
use shared::zoho::inventory;
use shared::zoho::response::{self, records};
use shared::zoho::value::{Object, id, text};

use crate::zoho::{Target, Zoho};

/// No id of Zoho's is shorter.
const LENGTH_OF_IDS: usize = 15;

/// A location that the organisation lists.
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
}

/// The locations that the organisation lists. None where it lists none, or the connection may not read them.
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
    let location = |location: &Object| {
        let name = text(location, "location_name").map(str::to_owned);
        Some(Listed { id: id(location, "location_id")?, name })
    };
    Ok(listed.iter().filter_map(location).collect())
}

/// A location as a caller named it.
#[derive(Debug)]
pub(crate) struct NamedLocation {
    /// Its id, or its exact name, as Zoho knows it.
    pub(crate) known_as: String,
    /// Another system's name of it, where a mapping led from that to the id.
    pub(crate) mapped: Option<String>,
}

/// Zoho's name of a location that a caller named: another system's name becomes the id that it is mapped to, all else stays as it is.
/// Whoever reads items afterwards calls [`demand_one_meaning`](crate::inventory::stock::demand_one_meaning).
pub(crate) async fn as_zoho_knows_it(
    mappings: &Mappings,
    connection: &ConnectionName,
    location: String,
) -> Result<NamedLocation, Problem> {
    // A short number may be a name.
    if location.len() >= LENGTH_OF_IDS && is_zoho_id(&location) {
        return Ok(NamedLocation { known_as: location, mapped: None });
    }
    Ok(match mappings.location(connection, &location).await? {
        Some(mapped) => NamedLocation { known_as: mapped.location_id, mapped: Some(location) },
        None => NamedLocation { known_as: location, mapped: None },
    })
}
