//! Who may call what: service keys and the patterns of the pass-through.

pub mod key;
pub mod pattern;
