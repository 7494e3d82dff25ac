//! Notes of a deal.

pub(crate) mod plan;
pub(crate) mod routes;
