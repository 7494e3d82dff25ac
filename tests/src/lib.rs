//! What the end-to-end tests stand on: the real binary in front of a sandbox, the functions as Lambda runs them, a person
//! at a browser, a clock that can be set, and the suite that every store must pass.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

pub mod agent;
pub mod aws;
pub mod browser;
pub mod cargo;
pub mod changes;
pub mod clock;
pub mod conformance;
pub mod connected;
pub mod connector;
pub mod deployed;
pub mod dice;
pub mod documents;
pub mod doubts;
pub mod faults;
pub mod flood;
pub mod gateway;
pub mod hooks;
pub mod house;
pub mod in_process;
pub mod inside;
pub mod lambda;
pub mod load;
pub mod memory;
pub mod node;
pub mod open_loop;
pub mod parallel;
pub mod planted;
pub mod process;
pub mod searched;
pub mod simulation;
pub mod two_worlds;
