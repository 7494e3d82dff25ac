//! What meets every byte of an answer: the one crate that is compiled for speed. All else is compiled for size.
//!
//! `text` finds and writes what must be escaped, `scan` goes through JSON without values, and on both stands `items`, which copies an item of
//! Zoho into the shape that callers get. What it cannot copy it says ([`scan::Stop`]), and `serde_json` does it: both ways give the same text.
//! `bounds` says how much an answer may hold.

pub mod bounds;
pub mod items;
pub mod scan;
pub mod text;
