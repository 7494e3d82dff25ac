//! Sales orders: the routes, what they send to Zoho, and what an order would cost.

mod estimate;
mod order;
mod plan;
mod prepare;
pub(crate) mod routes;
