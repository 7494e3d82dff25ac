//! The Python environments of the tests.

use std::path::PathBuf;
use std::process::Command;

/// The Python environment of `tests/<name>/requirements.txt`, made if it is not there.
pub fn venv(name: &str) -> PathBuf {
    let venv = concat!(env!("CARGO_MANIFEST_DIR"), "/venv");
    let venv = Command::new(venv).arg(name).output().expect("tests/venv runs");
    assert!(venv.status.success(), "{}", String::from_utf8_lossy(&venv.stderr));
    PathBuf::from(String::from_utf8(venv.stdout).unwrap().trim())
}
