//! One file per thing that can be asked for.

pub(crate) mod deals;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod items;
pub(crate) mod status;
