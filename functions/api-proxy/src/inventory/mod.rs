//! Zoho Inventory as agents see it: items and their stock, orders, the other records.

pub(crate) mod items;
pub(crate) mod lookup;
pub(crate) mod mappings;
pub(crate) mod near_twins;
pub(crate) mod records;
pub(crate) mod sales_orders;
pub(crate) mod stock_at_location;
