//! What the connector is about: connections and their tokens, keys, consents, events. Made of `base`, `store` and
//! `zoho`; the functions are made of it.

pub mod access;
pub mod call_history;
pub mod connection;
pub mod copied;
pub mod events;
pub mod forget;
pub mod grant;
pub mod mappings;
pub mod quota;
pub mod reconciliation;
pub mod seal;
pub mod services;
pub mod writes;
pub mod zoho_client;
