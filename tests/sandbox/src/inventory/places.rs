//! The places of stock in a request: locations, or the warehouses of an older organisation.

use super::body;
use super::error::error;
use super::list::text;
use crate::http::Answer;
use crate::object::Object;
use crate::state::State;

/// Id and name of a place.
pub(crate) type Place = (String, String);

/// The two names of one place in a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys {
    pub(crate) location: &'static str,
    pub(crate) warehouse: &'static str,
    /// Whether a name that the organisation does not use may be dropped silently.
    pub(crate) lenient: bool,
}

pub(crate) const ADJUSTED: Keys = Keys { location: "location_id", warehouse: "warehouse_id", lenient: true };
pub(crate) const FROM: Keys =
    Keys { location: "from_location_id", warehouse: "from_warehouse_id", lenient: false };
pub(crate) const TO: Keys = Keys { location: "to_location_id", warehouse: "to_warehouse_id", lenient: false };

/// The place that a request names, where stock is going to be written.
pub(crate) fn named(state: &State, wanted: &Object, keys: Keys) -> Result<Option<Place>, Answer> {
    let (location, warehouse) = (body::id(wanted, keys.location), body::id(wanted, keys.warehouse));
    let switches = &state.switches;
    if location.is_empty() && warehouse.is_empty() {
        return Ok(None);
    }
    if switches.without_locations {
        return if switches.location_refused_without_locations() {
            Err(body::invalid(keys.location))
        } else {
            Ok(None)
        };
    }
    let id = if switches.legacy_warehouses {
        let dropped = location.is_empty() || (keys.lenient && switches.legacy_location_ignored());
        if !dropped {
            return Err(error(400, 9163, "Locations are not enabled for this organization."));
        }
        warehouse
    } else if location.is_empty() {
        warehouse
    } else {
        if !warehouse.is_empty() && switches.adjustment_places_must_agree() {
            return Err(body::invalid(keys.warehouse));
        }
        location
    };
    if id.is_empty() {
        return Ok(None);
    }
    let place = find(state, &id).ok_or_else(|| body::invalid(keys.location))?;
    writable(state, &place)?;
    Ok(Some(place))
}

/// The primary place.
pub(crate) fn primary(state: &State) -> Result<Place, Answer> {
    let place = state.shop.locations.first().map(id_and_name).unwrap_or_default();
    writable(state, &place)?;
    Ok(place)
}

/// The place with this id.
pub(crate) fn find(state: &State, id: &str) -> Option<Place> {
    state.shop.locations.iter().find(|place| text(place, "location_id") == id).map(id_and_name)
}

fn id_and_name(place: &Object) -> Place {
    (text(place, "location_id").to_owned(), text(place, "location_name").to_owned())
}

/// A user may read a place without being allowed to write there.
fn writable(state: &State, (id, name): &Place) -> Result<(), Answer> {
    if state.switches.read_only_locations.contains(id) {
        let message = format!("You do not have access to the associated location {name}.");
        return Err(error(400, 400_040, &message));
    }
    Ok(())
}

/// The keys of a document's places as the organisation knows them.
pub(crate) fn shown(state: &State, document: &mut Object) {
    const KEYS: [&str; 6] = [
        "location_id",
        "location_name",
        "from_location_id",
        "from_location_name",
        "to_location_id",
        "to_location_name",
    ];
    let rename = state.switches.legacy_warehouses;
    if !rename && !state.switches.without_locations {
        return;
    }
    let names_place = |key: &String| KEYS.contains(&key.as_str());
    *document = std::mem::take(document)
        .into_iter()
        .filter(|(key, _)| rename || !names_place(key))
        .map(|(key, value)| {
            (if names_place(&key) { key.replacen("location_", "warehouse_", 1) } else { key }, value)
        })
        .collect();
}
