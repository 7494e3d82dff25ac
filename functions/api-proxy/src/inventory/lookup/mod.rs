//! Finds records by what people call them: an item by its exact SKU or by another system's id, a customer by the exact name. A name leads
//! to exactly one record, or the caller is told why not. Zoho's filters are checked again here: Zoho may ignore them, or match parts.

mod candidates;
pub(crate) mod customer;
pub(crate) mod named;
pub(crate) mod sku;
