//! Zoho's protocol: where it lives, how it grants and refuses tokens, how it answers, and how it signs. Nothing here
//! knows of stores or of who is calling.

pub mod answer;
pub mod changes;
pub mod coql;
pub mod crm;
pub mod crm_channel;
pub mod crm_field;
pub mod data_centre;
pub mod elsewhere;
pub mod http;
pub mod inventory;
pub mod inventory_rules;
pub mod oauth;
pub mod passed;
pub mod path;
pub mod scope;
pub mod signature;
pub mod value;
