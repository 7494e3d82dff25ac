//! Items, by page or by exact SKU, everywhere or at one location, and one by its id.

mod by_name;
mod filters;
mod list;
mod one;
mod params;
pub(crate) mod routes;

use shared::base::id::ConnectionName;
use shared::zoho::inventory;
use shared::zoho::scope::Product;

use crate::request::caller::Caller;
use crate::zoho::Target;

const PATH: &str = "/v1/inventory/items";

/// What `fields=` cannot take away.
const ALWAYS: &[&str] = &["item_id", "untrusted"];

fn target<'a>(caller: &'a Caller, connection: &'a ConnectionName) -> Target<'a> {
    Target::new(caller, connection, Product::Inventory, inventory::scope::ITEMS)
}
