//! AWS on this machine: DynamoDB in Rust, moto for the rest, and one address for both.
//!
//! ```text
//! functions, commands, adapters ─► (window: counts, fails) ─► front ─► dynamodb (tests/aws/dynamodb): the tables
//!                                                               │ └──► moto (tests/aws/moto_server.py): Secrets Manager
//!                                                             guard (roles, policy; rights: what was used), trouble
//! ```

mod backend;
mod emulator;
mod front;
pub(crate) mod guard;
pub mod policy;
mod python;
pub mod rights;
pub mod roles;
mod trouble;
mod window;

pub use emulator::{Aws, Names};
pub use python::venv;
pub use trouble::Trouble;
pub use window::AwsWindow;
