//! Where counts were made: names become places of the organisation. Organisations that list no places have those that their items
//! show.

use shared::base::problem::{Code, Problem};
use shared::zoho::inventory;
use shared::zoho::response::{self, records};
use shared::zoho::value::{id, text};

use super::row::{Spot, Where, cut};
use crate::zoho::{Target, Zoho};

/// The places that the organisation lists. None where it lists none, or the connection may not read them.
pub(super) async fn listed(zoho: &Zoho, target: &Target<'_>) -> Result<Vec<Spot>, Problem> {
    let target = target.with(inventory::scope::SETTINGS);
    let answer = zoho
        .read(&target, |place| inventory::locations_url(place.api, place.organization), response::inventory)
        .await;
    let listed = match answer {
        Ok(mut answer) => records(&mut answer, "locations")?,
        Err(problem) => match problem.code() {
            Code::RecordNotFound | Code::ZohoRejected | Code::ScopeMissing | Code::ZohoForbidden => Vec::new(),
            _ => return Err(problem),
        },
    };
    let spot = |place: &shared::zoho::value::Object| {
        Some(Spot { id: id(place, "location_id")?, name: text(place, "location_name").map(str::to_owned) })
    };
    Ok(listed.iter().filter_map(spot).collect())
}

/// The place of this id or exact name.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn find(places: &[Spot], name: &str) -> Result<Where, String> {
    if places.is_empty() {
        return Ok(Where::Called(name.to_owned()));
    }
    let mut found =
        places.iter().filter(|place| place.id == name || place.name.as_deref() == Some(name));
    match (found.next(), found.next()) {
        (Some(place), None) => Ok(Where::At(Spot { id: place.id.clone(), name: place.name.as_deref().map(cut) })),
        (Some(_), Some(_)) => Err(format!("several locations are called {name:?}: give the id of one")),
        (None, _) => Err(format!("there is no location {name:?}. The locations are: {}", names(places))),
    }
}

fn names(places: &[Spot]) -> String {
    let names: Vec<&str> = places.iter().map(|place| place.name.as_deref().unwrap_or(&place.id)).collect();
    names.join(", ")
}
