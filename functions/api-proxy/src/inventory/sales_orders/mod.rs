//! Sales orders: the routes, what they send to Zoho, and what an order would cost.

pub(crate) mod estimate;
pub(crate) mod plan;
pub(crate) mod routes;
