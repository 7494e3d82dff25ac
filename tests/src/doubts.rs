//! `ZOHO_SANDBOX=hostile`, or names of doubts with commas between: every stand-in Zoho of the tests has the other reading.

use sandbox::Sandbox;

/// Turns what the variable names.
pub fn turn(sandbox: &Sandbox) {
    if let Ok(names) = std::env::var("ZOHO_SANDBOX") {
        sandbox.switches(|switches| switches.doubt(&names).expect("ZOHO_SANDBOX"));
    }
}
