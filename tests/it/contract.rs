//! The API against its own document: schemathesis makes up requests, good and bad, and looks at each answer. The sandbox is
//! well, so that nothing may end in a 5xx.

use std::process::Stdio;

use tests::connector::Connector;
use tests::moto::venv;
use tokio::process::Command;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contract");

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute"]
async fn every_answer_is_documented() {
    let connector = Connector::start().await;
    connector.connect(&["--access", "write"]).await;
    connector.zoho.sandbox.switches(|switches| {
        switches.per_minute_limit = None;
    });
    let agent = connector.agent(&["--can", "inventory:write,crm:write,events"]).await;
    let mut command = Command::new(venv("contract").join("bin/schemathesis"));
    command.current_dir(SOURCES).args(["run", &format!("{}/openapi.json", connector.url)]);
    command.args(["--header", &format!("Authorization: Bearer {}", agent.key)]);
    if let Ok(more) = std::env::var("CONTRACT") {
        command.args(more.split_whitespace());
    }
    let ended = command.stdin(Stdio::null()).kill_on_drop(true).status().await.expect("schemathesis runs");
    assert!(ended.success(), "{ended}");
}
