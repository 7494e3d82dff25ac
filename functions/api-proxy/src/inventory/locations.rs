//! Locations: those that the organisation lists, and what other systems call them.

use std::collections::BTreeSet;

use shared::base::id::{ConnectionName, is_zoho_id};
use shared::base::problem::{Code, Problem};
use shared::core::mappings::Mappings;
use shared::zoho::inventory;
use shared::zoho::response::{self, records};
use shared::zoho::value::{Object, id, text};

use crate::zoho::{Endpoint, Target, Zoho};

/// How many digits an id of Zoho's has at least.
const LENGTH_OF_IDS: usize = 15;

/// How many names stand in a sentence, and how many characters of each.
const MAX_NAMES: usize = 20;
const MAX_NAME: usize = 80;

/// A location that the organisation lists.
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
}

/// The list of locations, as Zoho gives it.
async fn read_list(zoho: &Zoho, target: &Target<'_>) -> Result<Object, Problem> {
    let target = target.with_scope(inventory::scope::SETTINGS);
    let url = |endpoint: &Endpoint<'_>| inventory::locations_url(endpoint.api, endpoint.organization);
    zoho.read(&target, url, response::inventory).await
}

/// The locations that the organisation lists. There are none if it has no locations, or if the connection may not read them.
pub(crate) async fn listed(zoho: &Zoho, target: &Target<'_>) -> Result<Vec<Listed>, Problem> {
    let listed = match read_list(zoho, target).await {
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

/// Demands that there is a location of this id or exact name, as far as that can be told: a connection may not be allowed to read
/// them. `seen` are the names of locations where items have stock: older organisations have warehouses, which are not listed.
pub(super) async fn demand_location(
    zoho: &Zoho,
    target: &Target<'_>,
    location: &str,
    seen: &BTreeSet<String>,
) -> Result<(), Problem> {
    let is = |row: &Object| {
        ["location_id", "location_name"].iter().any(|field| id(row, field).as_deref() == Some(location))
    };
    let mut said = None;
    let listed = match read_list(zoho, target).await {
        Ok(mut answer) => records(&mut answer, "locations")?,
        // An organisation without locations does not know the call.
        Err(problem) if matches!(problem.code(), Code::RecordNotFound | Code::ZohoRejected) => {
            said = problem.said().cloned();
            Vec::new()
        }
        Err(problem) if !matches!(problem.code(), Code::ScopeMissing | Code::ZohoForbidden) => {
            return Err(problem);
        }
        Err(_) if seen.is_empty() => return Ok(()),
        Err(problem) => {
            said = problem.said().cloned();
            Vec::new()
        }
    };
    if listed.iter().any(is) || seen.contains(location) {
        return Ok(());
    }
    let names = listed.iter().filter_map(|row| text(row, "location_name").map(str::to_owned));
    let mut names: Vec<String> = names.chain(seen.iter().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    let problem = if names.is_empty() {
        let detail = "The organisation has no locations: its stock is in one place.";
        Problem::new(Code::LocationNotFound, detail).hint("Send the same request without `location`.")
    } else {
        Problem::new(
            Code::LocationNotFound,
            format!("The locations are: {}.", quoted(names.iter().map(String::as_str))),
        )
    };
    Err(match said {
        Some(said) => problem.zoho(said),
        None => problem,
    })
}

/// Names of locations for a sentence of ours: people wrote them, so that they are quoted and cut.
pub(crate) fn quoted<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(MAX_NAMES);
    let mut named: Vec<String> = names.take(MAX_NAMES).map(quoted_name).collect();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    named.join(", ")
}

/// One of them.
pub(crate) fn quoted_name(name: &str) -> String {
    format!("{:?}", name.chars().take(MAX_NAME).collect::<String>())
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
/// A function that reads items afterwards must call [`demand_one_meaning`](crate::inventory::stock::demand_one_meaning).
pub(super) async fn as_zoho_knows_it(
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
