//! Zoho's protocol: its addresses, tokens, answers and signatures. Nothing here depends on stores or on the caller.

pub mod api_path;
pub mod change_lists;
pub mod crm;
pub mod data_centre;
pub mod failure;
pub mod http;
pub mod inventory;
pub mod json;
pub mod oauth;
pub mod passthrough;
mod refusals;
pub mod response;
pub mod scope;
pub mod secrets;
pub mod signature;
pub mod token_probe;
pub mod value;
