//! What the functions share, in four modules. Imports go one way only, which `tests/layers/` checks:
//! `base` ← { `store`, `zoho` } ← `core` ← the functions.

pub mod base;
pub mod core;
pub mod store;
pub mod zoho;
