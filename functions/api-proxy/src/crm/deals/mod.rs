//! Deals: read, written, and one with all that belongs to it.

pub(crate) mod brief;
mod fetch;
mod plan;
pub(crate) mod read;
pub(crate) mod write;
