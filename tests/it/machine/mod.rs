//! One machine: its unit, its end, copies of its store, its move to another place, and what is forgotten of a person.

mod copies;
mod forgotten;
mod moves;
mod service;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use shared::base::clock::SystemClock;
use shared::store::Stores;
use shared::store::sqlite::Sqlite;
use tempfile::NamedTempFile;
use tests::process::Ended;

/// Both halves of a key of age that protects nothing: a copy that is encrypted to it costs no second of work, as a passphrase does.
pub(crate) const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
const IDENTITY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

/// The file with the secret half.
fn identity() -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("# of tests\n{IDENTITY}\n")).unwrap();
    file
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn parsed(ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("no JSON: {}", ended.out))
}

fn stores(folder: &Path) -> Stores {
    Sqlite::open(folder, Arc::new(SystemClock)).unwrap().into()
}
