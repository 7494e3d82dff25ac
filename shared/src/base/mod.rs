//! The lowest layer: every other one imports it, and it knows nothing of Zoho or of stores.

pub mod clock;
pub mod exactly_one;
pub mod html_page;
pub mod id;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod pasted;
pub mod problem;
pub mod secret;
pub mod settings;
pub mod telemetry;
pub mod ttl_cache;
pub mod web;
