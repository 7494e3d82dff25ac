//! Zoho Inventory as agents see it: items and their stock, orders, the other records.

pub(crate) mod adjustments;
mod details;
pub(crate) mod items;
pub(crate) mod lookup;
mod quantity;
pub(crate) mod reconciliations;
pub(crate) mod records;
pub(crate) mod sales_orders;
mod stock;
pub(crate) mod stock_at_location;
pub(crate) mod transfer_orders;
