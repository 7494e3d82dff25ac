//! Zoho's protocol: where it lives, how it grants and refuses tokens, how it answers, and how it signs. Nothing here
//! knows of stores or of who is calling.

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
