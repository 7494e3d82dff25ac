//! AWS Lambda on this machine: the real binaries of functions, driven through the Runtime API as Lambda drives them, with
//! API Gateway's HTTP API and Lambda's Invoke in front.
//!
//! ```text
//! gateway (event) ─┐
//! invoke_api ──────┼─► account (who runs, how many) ─► environment (one process) ─► runtime_api ◄─ the binary
//! Cloud::invoke ───┘
//! ```
//!
//! As on Lambda: a process gets one event at a time, an idle one is used again, a new one is started when all are busy, up
//! to the account's concurrency; an event that outlives its deadline ends with its process; what dies is replaced.
//!
//! Not as on Lambda: processes are frozen only where a test does it ([`Cloud::freeze`]); a failed init is not tried a second time; asynchronous
//! events are not repeated; memory is measured but not limited; answers are not streamed; an idle process stays.

mod account;
mod cloud;
mod environment;
mod error;
mod event;
mod figures;
mod function;
mod gateway;
mod invoke_api;
mod place;
mod runtime_api;

pub use cloud::Cloud;
pub use error::FunctionError;
pub use event::decoded_path;
pub use figures::Figures;
pub use gateway::Gateway;
pub(crate) use place::{ACCOUNT_ID, REGION};
