//! What meets every byte of an answer: the one crate that is compiled for speed. All else is compiled for size.

pub mod items;
pub mod scan;
pub mod text;
