//! The lowest layer: all others import it, and it depends neither on Zoho nor on stores.

pub mod background;
pub mod call_counts;
pub mod clock;
pub mod exactly_one;
pub mod html_page;
pub(crate) mod http_client;
pub mod id;
mod json_lines;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod loopback;
pub mod nearest;
pub mod pasted;
pub mod problem;
pub mod public_url;
pub mod secret;
pub mod settings;
pub mod settings_error;
pub mod telemetry;
pub mod ttl_cache;
pub mod web;
