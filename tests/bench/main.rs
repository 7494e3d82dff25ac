//! Measurements, and promises about time that only a quiet machine can keep. Nothing here is run with the tests:
//! `cargo test --profile measure --workspace --all-features --bench bench -- --ignored --nocapture` runs all of it, a module's
//! name behind it one part.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement that cannot go on must stop"
)]

mod cold_start;
mod flood;
mod instructions;
mod intake;
mod setup;
mod waits;
