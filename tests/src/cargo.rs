//! Cargo, called from a test.

use std::process::Command;

/// What Cargo tells a test of its package. A build that hears it takes it for a change: it builds `ring`, and with it almost
/// everything, anew, and so does the next build that does not hear it.
const OF_A_PACKAGE: [&str; 5] =
    ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_"];

/// Cargo as somebody calls it in a shell.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.env_remove("RUSTC_BOOTSTRAP"); // with it the tests tell how long each took; what is built then would be built anew
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| OF_A_PACKAGE.iter().any(|begin| name.starts_with(begin))) {
            cargo.env_remove(name);
        }
    }
    cargo
}
