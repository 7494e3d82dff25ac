//! Records by what people call them: an item by its exact SKU or by another system's id, a customer by exact name. Each leads to exactly
//! one, or the caller hears why not. Zoho's filters are not relied on: they may be ignored, or match in parts.

mod candidates;
pub(crate) mod customer;
pub(crate) mod named;
pub(crate) mod sku;
