//! Where the API has the mappings.

pub(super) const PATH: &str = "/v1/inventory/mappings";
