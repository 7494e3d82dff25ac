//! What all tests of a run used of the functions' rights, and what they lacked. With `AWS_RIGHTS`, each process writes it to
//! that file, and `tests/it/rights.rs` compares the file with the template.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::{LazyLock, Mutex};

use super::roles::{Right, Roles};

/// The file.
const FILE: &str = "AWS_RIGHTS";

static SEEN: LazyLock<Mutex<BTreeSet<(&'static str, Right)>>> = LazyLock::new(Mutex::default);

pub(super) fn used(rights: BTreeSet<Right>) {
    rights.into_iter().for_each(|right| note("used", right));
}

pub(super) fn missing(right: Right) {
    note("missing", right);
}

fn note(what: &'static str, right: Right) {
    let Right { function, action, resource, rows } = right.clone();
    if !SEEN.lock().unwrap().insert((what, right)) {
        return;
    }
    if let Ok(path) = std::env::var(FILE) {
        // One write, so that the lines of two processes do not mix.
        let line = format!("{what}\t{function}\t{action}\t{resource}\t{rows}\n");
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

/// What the runs that wrote this file did with the template's rights.
pub struct Report {
    /// Rights that were used.
    pub used: Vec<Right>,
    /// Rights that were never used.
    pub unused: Vec<Right>,
    /// What was refused.
    pub missing: Vec<Right>,
}

impl Report {
    /// Reads the file that `AWS_RIGHTS` names.
    pub fn read() -> Self {
        let path = std::env::var(FILE).unwrap_or_else(|_| panic!("{FILE} names no file"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut seen = [("used", BTreeSet::new()), ("missing", BTreeSet::new())];
        for line in text.lines() {
            let [what, function, action, resource, rows] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{path} has a line {line:?}")
            };
            let right = super::roles::right(function, action, resource, rows);
            for (_, rights) in seen.iter_mut().filter(|(kind, _)| *kind == what) {
                rights.insert(right.clone());
            }
        }
        let [(_, used), (_, missing)] = seen;
        let (used, unused) = Roles::get().rights().into_iter().partition(|right| used.contains(right));
        Self { used, unused, missing: missing.into_iter().collect() }
    }
}
