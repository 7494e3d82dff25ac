//! Deals: read, written, and one with all that belongs to it.

pub(crate) mod brief;
pub(crate) mod fetch;
mod foresee;
mod plan;
mod prepare;
pub(crate) mod read;
pub(crate) mod summary;
pub(crate) mod write;
