//! Stock figures of an item, under one set of names.

use hot::items::{FIGURES, KIT_HAS_NONE, OF_ITEM};
use serde_json::{Value, json};

use crate::zoho::value::{Object, id, number, text};

/// Zoho's stock figures under one set of names. An item that tracks no inventory has no figures, which is not zero.
/// `available` is the stock that can be sold (`available_for_sale_stock`). Figures that an answer does not have are null: lists
/// have neither `available` nor figures by location.
pub(super) fn stock(item: &Object) -> Value {
    let says =
        |field: &str, word: &str| text(item, field).is_some_and(|text| text.eq_ignore_ascii_case(word));
    if item.get("is_combo_product") == Some(&Value::Bool(true)) && says("combo_type", "kit") {
        return json!({ "tracked": false, "why": KIT_HAS_NONE });
    }
    // Organisations that never switched to locations still have warehouses.
    let lists = [("locations", &OF_LOCATION), ("warehouses", &OF_WAREHOUSE)];
    let locations = lists.into_iter().find_map(|(list, names)| {
        let locations = item.get(list)?.as_array()?.iter().filter_map(Value::as_object);
        let figures_of = |location: &Object| {
            let mut named = Object::with_capacity(8);
            named.insert("location_id".to_owned(), id(location, names.id).into());
            named.insert("name".to_owned(), text(location, names.name).into());
            named.extend(figures(location, &names.figures));
            Value::Object(named)
        };
        Some(locations.map(figures_of).collect::<Vec<_>>())
    });
    if locations.is_none() && !item.contains_key("stock_on_hand") {
        return json!({ "tracked": false });
    }
    let mut stock = Object::with_capacity(8);
    stock.insert("tracked".to_owned(), true.into());
    stock.extend(figures(item, &OF_ITEM));
    stock.insert("locations".to_owned(), locations.map_or(Value::Null, Value::Array));
    stock.into()
}

/// Whether an item of this `stock` does not show all figures that it has when it is read by itself.
pub fn lacks_figures(stock: &Value) -> bool {
    stock.get("tracked") == Some(&Value::Bool(true)) && stock.get("locations").is_some_and(Value::is_null)
}

/// Zoho's names of the six figures, in the order of [`figures`].
macro_rules! figures_behind {
    ($prefix:literal) => {
        [
            concat!($prefix, "stock_on_hand"),
            concat!($prefix, "available_for_sale_stock"),
            concat!($prefix, "committed_stock"),
            concat!($prefix, "actual_available_stock"),
            concat!($prefix, "available_stock"),
            concat!($prefix, "quantity_in_transit"),
        ]
    };
}

/// How Zoho names what a location says.
struct PlaceNames {
    id: &'static str,
    name: &'static str,
    figures: [&'static str; 6],
}

const OF_LOCATION: PlaceNames =
    PlaceNames { id: "location_id", name: "location_name", figures: figures_behind!("location_") };
const OF_WAREHOUSE: PlaceNames =
    PlaceNames { id: "warehouse_id", name: "warehouse_name", figures: figures_behind!("warehouse_") };

/// Zoho's figures of an item or of a location by our names. Those that say which count they are come only where Zoho has them: the pages
/// of Zoho do not say it, other products read them so. A count that is the stock on hand once more is left out, and so is nothing on
/// its way.
fn figures(object: &Object, zohos: &'static [&'static str; 6]) -> impl Iterator<Item = (String, Value)> {
    let [on_hand, ..] = *zohos;
    FIGURES.iter().zip(zohos).filter_map(move |((ours, always), zohos)| {
        let figure = number(object.get(*zohos));
        let says_more = || {
            let known = if *ours == "in_transit" { Some(0.0) } else { number(object.get(on_hand)).as_f64() };
            !figure.is_null() && figure.as_f64() != known
        };
        (*always || says_more()).then(|| ((*ours).to_owned(), figure))
    })
}
