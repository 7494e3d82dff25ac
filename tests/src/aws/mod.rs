//! AWS on this machine: DynamoDB in Rust, moto for the rest, and one address for both.
//!
//! ```text
//! functions, commands, adapters ─► (window: counts, fails) ─► front ─► dynamodb (tests/aws/dynamodb): the tables
//!                                                                 └──► moto (tests/aws/moto_server.py): Secrets Manager
//! ```

mod backend;
mod emulator;
mod front;
mod python;
mod window;

pub use emulator::{Aws, Names};
pub use python::venv;
pub use window::AwsWindow;
