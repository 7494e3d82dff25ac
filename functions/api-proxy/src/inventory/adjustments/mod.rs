//! Adjustments: the stock of items raised or lowered, with a reason.

pub(crate) mod adjustment;
mod body;
mod document;
#[cfg(test)]
mod fixtures;
mod judge;
mod outcome;
mod plan;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod plan_tests;
mod prepare;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod prepare_tests;
pub(crate) mod routes;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod stand_in;
