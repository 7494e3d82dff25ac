//! The stock of an item, everywhere and at each location, in exact figures; and whether a location is the one that is meant.
//!
//! Zoho keeps two counts of the same goods. Accounting stock moves with invoices and bills, physical stock with shipments and
//! receives; the organisation prefers one of them, and that one is the stock on hand.
//! <https://www.zoho.com/us/inventory/kb/items/item-stock-onhand.html>. No page says which key is which: what other products read
//! is that `available_stock` is accounting stock and `actual_available_stock` physical stock. An adjustment moves both.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::base::problem::{Code, Problem};
use shared::zoho::value::{Object, id, text};

use crate::inventory::decimals::decimal;
use crate::inventory::locations::quoted;

/// The count that a quantity is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) enum Basis {
    /// What Zoho calls the stock on hand.
    #[default]
    OnHand,
    /// What shipments and receives leave.
    Physical,
    /// What invoices and bills leave.
    Accounting,
}

/// The figures of an item at a location, or everywhere. Those that Zoho's answer does not have are missing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Figures {
    pub(crate) on_hand: Option<Decimal>,
    pub(crate) physical: Option<Decimal>,
    pub(crate) accounting: Option<Decimal>,
    /// What can be promised.
    pub(crate) available: Option<Decimal>,
    /// What is promised.
    pub(crate) committed: Option<Decimal>,
    /// What is under way to the location.
    pub(crate) in_transit: Option<Decimal>,
}

impl Figures {
    fn of(object: &Object, prefix: &str) -> Self {
        let figure = |name: &str| decimal(object.get(&format!("{prefix}{name}")));
        Self {
            on_hand: figure("stock_on_hand"),
            physical: figure("actual_available_stock"),
            accounting: figure("available_stock"),
            available: figure("available_for_sale_stock"),
            committed: figure("committed_stock"),
            in_transit: figure("quantity_in_transit"),
        }
    }

    /// The figure of a basis.
    pub(crate) fn by(&self, basis: Basis) -> Option<Decimal> {
        match basis {
            Basis::OnHand => self.on_hand,
            Basis::Physical => self.physical,
            Basis::Accounting => self.accounting,
        }
    }

    /// Whether Zoho keeps two different counts.
    pub(super) fn bases_differ(&self) -> bool {
        matches!((self.physical, self.accounting), (Some(one), Some(other)) if one != other)
    }
}

/// A location where an item has stock.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Location {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    /// Whether Zoho calls it a warehouse, as older organisations do.
    pub(crate) is_warehouse: bool,
    pub(crate) figures: Figures,
}

impl Location {
    /// Whether people call it so: by its id, or by its exact name.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.id == name || self.name.as_deref() == Some(name)
    }
}

/// The locations of an item as Zoho gives it; none where the organisation has no locations.
pub(crate) fn locations(item: &Object) -> Vec<Location> {
    let kinds = [("locations", "location_", false), ("warehouses", "warehouse_", true)];
    let found = kinds.into_iter().find_map(|(list, prefix, is_warehouse)| {
        let locations = item.get(list)?.as_array()?.iter().filter_map(Value::as_object);
        let location = |location: &Object| {
            Some(Location {
                id: id(location, &format!("{prefix}id"))?,
                name: text(location, &format!("{prefix}name")).map(str::to_owned),
                is_warehouse,
                figures: Figures::of(location, prefix),
            })
        };
        // An item can be kept from locations: then it is not mapped there.
        let is_mapped = |location: &&Object| location.get("is_item_mapped") != Some(&Value::Bool(false));
        let locations: Vec<Location> = locations.filter(is_mapped).filter_map(location).collect();
        (!locations.is_empty()).then_some(locations)
    });
    found.unwrap_or_default()
}

/// Demands that at least one of the items is kept at a location of this id or name. If none is, there is no such location.
pub(super) fn demand_kept_at(items: &[Object], name: &str) -> Result<(), Problem> {
    let locations: Vec<Location> = items.iter().flat_map(locations).collect();
    if locations.iter().any(|location| location.is_called(name)) {
        return Ok(());
    }
    if locations.is_empty() && items.iter().any(|item| item.contains_key("stock_on_hand")) {
        let detail = "The organisation has no locations: its stock is in one place.";
        return Err(
            Problem::new(Code::LocationNotFound, detail).hint("Send the same request without a location.")
        );
    }
    if locations.is_empty() {
        // None of the items has stock. The lines are refused for that.
        return Ok(());
    }
    Err(Problem::new(Code::LocationNotFound, format!("The locations are: {}.", names_of(&locations))))
}

/// The ids and the names of the locations that Zoho shows with an item, also of those from which it is kept.
fn names_shown(item: &Object) -> impl Iterator<Item = (String, &str)> {
    let kinds =
        [("locations", "location_id", "location_name"), ("warehouses", "warehouse_id", "warehouse_name")];
    let shown = kinds.into_iter().find_map(|(list, id_field, name_field)| {
        let locations = item.get(list)?.as_array()?;
        (!locations.is_empty()).then_some((locations, id_field, name_field))
    });
    shown.into_iter().flat_map(|(locations, id_field, name_field)| {
        let locations = locations.iter().filter_map(Value::as_object);
        locations.filter_map(move |location| Some((id(location, id_field)?, text(location, name_field)?)))
    })
}

/// Demands that the name by which a mapping led to a location is not Zoho's own name of another location. It was not when it was
/// imported. If people gave that name to another location since, nobody knows which of the two is meant.
pub(super) fn demand_one_meaning(
    items: &[Object],
    location: &str,
    mapped: Option<&str>,
) -> Result<(), Problem> {
    let Some(name) = mapped else { return Ok(()) };
    let mut shown = items.iter().flat_map(names_shown);
    let Some((other, _)) = shown.find(|(other, called)| other != location && *called == name) else {
        return Ok(());
    };
    let detail = format!(
        "The name {name:?} is mapped to location {location}, and is Zoho's own name of location {other} now."
    );
    Err(Problem::new(Code::MappingStale, detail).hint(
        "Name the location by its id. The operator can remove the name, or say what is right: `locations` of `POST /v1/inventory/mappings`.",
    ))
}

/// The names of locations for a sentence of ours.
pub(super) fn names_of(locations: &[Location]) -> String {
    let mut names: Vec<&str> =
        locations.iter().map(|location| location.name.as_deref().unwrap_or(&location.id)).collect();
    names.sort_unstable();
    names.dedup();
    quoted(names.into_iter())
}

/// The figures of an item over all locations.
pub(crate) fn total(item: &Object) -> Figures {
    Figures::of(item, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::decimals::json;

    fn object(text: &str) -> Object {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn each_location_has_its_figures_whatever_zoho_calls_it_and_however_it_writes_them() {
        let item = object(
            r#"{"stock_on_hand":9.5,"locations":[{"location_id":"1","location_name":"Main","location_stock_on_hand":"9.50","location_available_stock":9.5,
                "location_actual_available_stock":7,"location_committed_stock":"","location_quantity_in_transit":2.000000}]}"#,
        );
        let [main] = locations(&item).try_into().unwrap();
        assert!(main.is_called("1") && main.is_called("Main") && !main.is_called("main"));
        let figures = main.figures;
        assert_eq!(figures.by(Basis::OnHand), Some("9.5".parse().unwrap()));
        assert_eq!((figures.committed, figures.in_transit), (None, Some(Decimal::TWO)));
        assert!(figures.bases_differ() && !total(&item).bases_differ());
        let old = object(r#"{"warehouses":[{"warehouse_id":"9","warehouse_stock_on_hand":-3.0}]}"#);
        assert!(locations(&old)[0].is_warehouse);
        assert_eq!(json(locations(&old)[0].figures.on_hand.unwrap()).to_string(), "-3");
        assert!(locations(&object(r#"{"locations":[],"warehouses":[]}"#)).is_empty());
    }

    #[test]
    fn each_basis_has_its_own_figure_and_two_counts_differ_only_where_both_are_there() {
        let figures = total(&object(
            r#"{"stock_on_hand":1,"actual_available_stock":2,"available_stock":3,"available_for_sale_stock":4,"committed_stock":5,"quantity_in_transit":6}"#,
        ));
        let all = [figures.by(Basis::OnHand), figures.by(Basis::Physical), figures.by(Basis::Accounting)];
        assert_eq!(all, [1, 2, 3].map(|figure| Some(Decimal::from(figure))));
        let others = [figures.available, figures.committed, figures.in_transit];
        assert_eq!(others, [4, 5, 6].map(|figure| Some(Decimal::from(figure))));
        assert!(figures.bases_differ());
        for same in [
            r#"{"actual_available_stock":2,"available_stock":"2.00"}"#,
            r#"{"actual_available_stock":2}"#,
            r#"{"available_stock":2}"#,
            "{}",
        ] {
            assert!(!total(&object(same)).bases_differ(), "{same}");
        }
    }

    #[test]
    fn a_mapped_name_that_zoho_has_for_another_location_means_neither() {
        let item = |list: &str, prefix: &str, rest: &str| {
            object(&format!(
                r#"{{"{list}":[{{"{prefix}_id":"1","{prefix}_name":"Main"}},{{"{prefix}_id":2,"{prefix}_name":"Shop"{rest}}}]}}"#
            ))
        };
        for shown in [
            item("locations", "location", ""),
            item("locations", "location", r#","is_item_mapped":false"#),
            item("warehouses", "warehouse", ""),
        ] {
            let items = [object("{}"), shown];
            let problem = demand_one_meaning(&items, "1", Some("Shop")).unwrap_err();
            assert_eq!(problem.code(), Code::MappingStale);
            assert_eq!(
                problem.detail(),
                "The name \"Shop\" is mapped to location 1, and is Zoho's own name of location 2 now."
            );
            for (location, mapped) in
                [("1", None), ("Shop", None), ("2", Some("Shop")), ("1", Some("shop")), ("1", Some("till 1"))]
            {
                assert!(demand_one_meaning(&items, location, mapped).is_ok(), "{location} {mapped:?}");
            }
        }
        assert!(demand_one_meaning(&[], "1", Some("Shop")).is_ok());
    }

    #[test]
    fn a_location_must_be_one_of_some_items_and_twenty_are_named() {
        let item = |id: usize| {
            object(&format!(r#"{{"locations":[{{"location_id":"{id}","location_name":"P{id:02}"}}]}}"#))
        };
        let items: Vec<Object> = (0..21).map(item).collect();
        assert!(demand_kept_at(&items, "P20").is_ok() && demand_kept_at(&items, "20").is_ok());
        let problem = demand_kept_at(&items, "elsewhere").unwrap_err();
        assert_eq!(problem.code(), Code::LocationNotFound);
        assert!(problem.detail().contains("\"P19\", and 1 more"), "{}", problem.detail());
        let names = names_of(&items[..20].iter().flat_map(locations).collect::<Vec<_>>());
        assert!(names.ends_with("\"P19\""), "{names}");
        let single = [object(r#"{"stock_on_hand":1}"#)];
        assert!(demand_kept_at(&single, "P01").unwrap_err().detail().contains("has no locations"));
        assert!(demand_kept_at(&[object("{}")], "P01").is_ok(), "that it has no stock is what is wrong");
    }
}
