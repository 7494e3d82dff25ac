//! Who may call what: service keys, their permissions, and the patterns of the pass-through.

pub mod key;
mod key_text;
pub mod pattern;
pub mod permission;
pub mod usage;
