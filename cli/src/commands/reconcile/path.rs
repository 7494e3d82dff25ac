//! Where the API has the reconciliations.

pub(super) const PATH: &str = "/v1/inventory/reconciliations";
