//! `ZOHO_SANDBOX=hostile`, or names of doubts with commas between: every stand-in Zoho of the tests has the other reading.
//! `ZOHO_DOUBTS_MET=<file>` adds a line to the file for each doubt that a test met: the test's name and the doubt's.

use std::fs::OpenOptions;
use std::io::Write as _;

use sandbox::Sandbox;

/// Turns what the variable names, and tells which doubts are met.
pub fn turn(sandbox: &Sandbox) {
    if let Ok(names) = std::env::var("ZOHO_SANDBOX") {
        sandbox.switches(|switches| switches.doubt(&names).expect("ZOHO_SANDBOX"));
    }
    let Ok(path) = std::env::var("ZOHO_DOUBTS_MET") else { return };
    let file = OpenOptions::new().create(true).append(true).open(path).expect("ZOHO_DOUBTS_MET");
    // The test harness names each thread after its test.
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    sandbox.switches(|switches| {
        switches.when_met(move |doubt| {
            (&file).write_all(format!("{test} {doubt}\n").as_bytes()).expect("ZOHO_DOUBTS_MET");
        });
    });
}
