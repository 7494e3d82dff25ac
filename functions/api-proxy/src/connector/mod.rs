//! What the connector says of itself: that it runs, what a key may do, what was written, the OpenAPI document.

mod allowed;
pub(crate) mod audit;
pub(crate) mod health;
pub(crate) mod openapi_json;
pub(crate) mod self_description;
pub(crate) mod status;
