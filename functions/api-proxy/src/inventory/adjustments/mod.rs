//! Adjustments: the stock of items raised or lowered, with a reason.

pub(crate) mod adjustment;
mod body;
pub(crate) mod document;
#[cfg(test)]
mod fixtures;
pub(crate) mod judge;
pub(crate) mod plan;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod plan_tests;
mod prepare;
pub(crate) mod routes;

pub(crate) use prepare::demand_date;
