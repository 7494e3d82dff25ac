//! Transfer orders: stock moved from one location to another, at once or on its way.

mod body;
mod judge;
mod plan;
mod prepare;
mod receive;
pub(crate) mod routes;
mod transfer;
