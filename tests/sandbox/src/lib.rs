//! A stand-in for Zoho: Accounts, Inventory v1 and CRM v8 of ten data centres in one process.
//!
//! It follows Zoho's documented rules and quirks, and uses none of the connector's code, so that a wrong reading of Zoho cannot
//! be in both. Where sources disagree, the default is the more documented reading, and [`Switches`] has the other one.
//!
//! ```text
//! front (record, faults, date) -> accounts | inventory | crm | control
//!                                    all on one State, behind one lock
//!                                    -> delivery (webhooks and notifications, once the lock is free)
//! ```

#![recursion_limit = "256"] // the longest records of Zoho, written as one literal

mod accounts;
mod api;
mod clock;
mod control;
mod crm;
mod data_centre;
mod delivery;
mod doubts;
mod fault;
mod front;
mod gate;
mod hands;
mod hands_on_stock;
mod http;
mod inventory;
mod limits;
mod met;
mod multipart;
mod object;
mod outbox;
mod pages;
mod sandbox;
mod serve;
mod signature;
mod state;
mod switches;
mod webhooks;
mod writing;

pub use api::{
    BodyForm, Client, Delivered, Entity, Fault, FaultKind, ItemChange, Limit, Options, PlaceStock, Recorded,
    SignatureEncoding, Webhook,
};
pub use doubts::DOUBTS;
pub use gate::Gate;
pub use sandbox::Sandbox;
pub use serve::Running;
pub use switches::Switches;
