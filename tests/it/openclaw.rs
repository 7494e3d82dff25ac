//! The skill, the events and the tools of `/mcp` on a real OpenClaw with a scripted model: `tests/openclaw/run` does it, and says
//! each check in a line.

use std::path::Path;
use std::process::Command;

use tests::process::BINARY;

#[test]
#[ignore = "needs OpenClaw from npm"]
fn openclaw_works_by_the_skill_by_events_and_by_tools() {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("openclaw/run");
    let ended = Command::new(run).env("ZOHO_CONNECTOR_BIN", &*BINARY).status().expect("Python 3 is there");
    assert!(ended.success(), "a check failed; see above");
}
