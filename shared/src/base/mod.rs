//! The ground floor: what every other room stands on, and what knows nothing of Zoho or of stores.

pub mod believed;
pub mod clock;
pub mod id;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod page;
pub mod problem;
pub mod secret;
pub mod settings;
pub mod telemetry;
pub mod web;
