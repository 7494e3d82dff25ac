//! What the connector is about: connections and their tokens, keys, consents, events. Made of `base`, `store` and
//! `zoho`; the functions are made of it.

pub mod agent;
pub mod audit;
pub mod client;
pub mod connection;
pub mod consent;
pub mod event;
pub mod grant;
pub mod idempotency;
pub mod key;
pub mod ledger;
pub mod own;
pub mod parts;
pub mod pattern;
pub mod preview;
pub mod quota;
pub mod renewal;
pub mod renewer;
pub mod token;
pub mod watch;
pub mod webhook;
