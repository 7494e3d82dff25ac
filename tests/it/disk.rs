//! A disk that takes no more, below a real `serve`: a limit of its files' sizes, set while it runs and taken away again.
#![cfg(target_os = "linux")]

use std::process::Command;

use sandbox::Options;
use serde_json::{Value, json};
use tests::browser::Seen;
use tests::connector::{Connector, free_port};
use tests::hooks::sign;
use tests::process::Running;

const DEALS: &str = "/v1/crm/deals?per_page=1";
const ITEMS: &str = "/v1/inventory/items?per_page=1";
const NOTES: &str = "/v1/crm/deals/6100000000451001/notes";
const CONTENT: &str = "Written while the disk was full.";

/// How large a file of a process may become: one byte, or as much as it ever might.
const LIMIT: &str = "
import resource, sys
pid, of = int(sys.argv[1]), resource.RLIMIT_FSIZE
hard = resource.prlimit(pid, of)[1]
resource.prlimit(pid, of, (1 if sys.argv[2] == 'full' else hard, hard))
";

fn disk(pid: u32, state: &str) {
    let limited = Command::new("python3").args(["-c", LIMIT, &pid.to_string(), state]).status();
    assert!(limited.unwrap().success(), "{state}");
}

async fn tell(connector: &Connector, secret: &str) -> (Seen, Value) {
    let body = r#"{"item":{"item_id":"3300000000070001","sku":"SHELF-OAK-80"}}"#;
    let signature = sign(secret, body.as_bytes());
    let headers = [("X-Zoho-Webhook-Signature", signature.as_str())];
    let answer = connector.post("/webhooks/default/inventory/item.updated", &headers, body).await;
    let document = serde_json::from_str(&answer.text).unwrap();
    (answer, document)
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_lost_and_all_goes_on_when_there_is_space() {
    let connector = Connector::prepare(Options::new(""), format!("http://127.0.0.1:{}", free_port())).await;
    let (url, folder) = (connector.url.clone(), connector.folder().to_str().unwrap().to_owned());
    let listen = url.trim_start_matches("http://");
    let args = ["serve", "--listen", listen, "--data", &folder, "--public-url", &url];
    let mut server = Running::on_a_disk_that_fills(&args, &connector.variables());
    server.until("Store in").await;
    connector.connect(&["--access", "write"]).await;
    let agent = connector.agent(&["--can", "inventory:read,crm:write"]).await;
    let secret = connector.webhook_secret().await;
    agent.get(DEALS).await.ok();
    agent.get(ITEMS).await.ok();
    let sandbox = &connector.zoho.sandbox;
    let notes = || sandbox.notes().iter().filter(|note| note["Note_Content"] == CONTENT).count();
    let body = json!({ "Note_Content": CONTENT });
    let write = async || agent.write("POST", NOTES, &[("idempotency-key", "n")], &body).await;

    disk(server.pid(), "full");
    for _ in 0..2 {
        agent.get(DEALS).await.ok();
        agent.get(ITEMS).await.ok();
        write().await.problem("store_unavailable");
        assert_eq!(notes(), 0, "what cannot be written down is not sent");
        let (refused, problem) = tell(&connector, &secret).await;
        assert_eq!((refused.status, &problem["code"]), (503, &json!("store_unavailable")), "{problem}");
    }

    disk(server.pid(), "free");
    let written = write().await;
    assert_eq!((written.status, notes()), (201, 1), "{}", written.body);
    for is_known in [false, true] {
        let (taken, receipt) = tell(&connector, &secret).await;
        assert_eq!((taken.status, &receipt["duplicate"]), (200, &json!(is_known)), "{receipt}");
    }
    let again = write().await;
    assert_eq!((again.status, notes()), (201, 1), "{}", again.body);
    assert_eq!(server.terminate().await, 0);
}
