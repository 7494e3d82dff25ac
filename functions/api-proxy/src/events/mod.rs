//! The events that wait for the agent: the list, and the queue that agents claim from.

pub(crate) mod claims;
mod completed;
pub(crate) mod list;
mod representation;
