//! Zoho Inventory as agents see it: items and their stock, orders, the other records.

mod absent_fields;
pub(crate) mod adjustments;
mod dates;
mod decimals;
mod details;
mod documents;
mod item_reads;
pub(crate) mod items;
mod locations;
pub(crate) mod lookup;
pub(crate) mod mappings;
mod named_lines;
pub(crate) mod near_twins;
mod quantity;
pub(crate) mod reconciliations;
pub(crate) mod records;
pub(crate) mod sales_orders;
mod stock;
pub(crate) mod stock_at_location;
mod touched;
pub(crate) mod transfer_orders;
mod uncertain_refusal;
mod unfit;
