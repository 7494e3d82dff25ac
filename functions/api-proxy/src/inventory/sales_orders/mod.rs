//! Writing sales orders: what callers send, what Zoho gets, what an order would cost. They are read in `inventory/records/`.

mod amount;
mod estimate;
mod order_body;
mod plan;
mod prepare;
pub(crate) mod routes;
