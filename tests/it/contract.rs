//! The API against its own document: schemathesis makes up requests, good and bad, and looks at each answer. The stand-in Zoho
//! is well, so that nothing may end in a 5xx. `tests/contract/schemathesis.toml` says what is tried and what must hold.

use std::path::PathBuf;
use std::process::Stdio;

use sandbox::{BodyForm, Entity, ItemChange, SignatureEncoding, Webhook};
use serde_json::Value;
use tests::agent::Agent;
use tests::aws::venv;
use tests::connector::Connector;
use tokio::process::Command;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contract");

/// Everything connected, a key for everything, and the id of an event.
async fn everything() -> (Connector, Agent, String) {
    let connector = Connector::start().await;
    connector.connect(&["--access", "write"]).await;
    connector.zoho.sandbox.switches(|switches| switches.per_minute_limit = None);
    let agent = connector
        .agent(&["--can", "inventory:write,crm:write,events,zoho:*:inventory/**,zoho:*:crm/**"])
        .await;
    let secret = connector.webhook_secret().await;
    connector.zoho.sandbox.add_webhook(Webhook {
        url: format!("{}/webhooks/default/inventory/item.updated", connector.url),
        secret,
        entity: Entity::Item,
        body: BodyForm::Json,
        encoding: SignatureEncoding::Hex,
    });
    let sent = connector.zoho.sandbox.change_item("3300000000070001", ItemChange::Stock(-1.0)).await.unwrap();
    let receipt: Value = serde_json::from_str(&sent[0].answer).unwrap();
    let event = receipt["event_id"].as_str().unwrap().to_owned();
    (connector, agent, event)
}

/// The document as it is served, but for the example of what the stand-in Zoho cannot have.
async fn document(agent: &Agent, event: &str, folder: &std::path::Path) -> PathBuf {
    let mut document = agent.get("/openapi.json").await.ok();
    let id = &mut document["paths"]["/v1/events/{id}"]["get"]["parameters"][0];
    assert_eq!(id["name"], "id");
    id["example"] = event.into();
    let file = folder.join("openapi.json");
    std::fs::write(&file, document.to_string()).unwrap();
    file
}

/// `CONTRACT="--max-examples 500 --seed 7"` tries more, or something else.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_documented() {
    let (connector, agent, event) = everything().await;
    let folder = tempfile::tempdir().unwrap();
    let document = document(&agent, &event, folder.path()).await;
    let mut command = Command::new(venv("contract").join("bin/schemathesis"));
    command.args(["--config-file", &format!("{SOURCES}/schemathesis.toml"), "run"]).arg(document);
    command.args(["--url", &connector.url]).env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", SOURCES);
    command.args(["--header", &format!("Authorization: Bearer {}", agent.key)]);
    if let Ok(more) = std::env::var("CONTRACT") {
        command.args(more.split_whitespace());
    }
    command.current_dir(folder.path()).stdin(Stdio::null()).kill_on_drop(true);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let ended = command.output().await.expect("schemathesis runs");
    println!("{}", String::from_utf8_lossy(&ended.stdout)); // shown when the test fails
    assert!(
        ended.status.success(),
        "schemathesis found something: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
}
