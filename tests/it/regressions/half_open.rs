//! Seen: `serve` kept every connection for as long as its other end liked; 160 that sent nothing blocked `/health` where a process
//! may have few files open. Right: a caller with a key is answered, whoever else is there.

use tests::connector::Connector;
use tests::flood;

/// More than `serve` keeps at a time.
const STRANGERS: usize = 560;

#[tokio::test]
async fn a_caller_is_answered_beside_strangers_who_send_nothing() {
    let (connector, agent) = Connector::connected().await;
    let held = flood::strangers(&connector.url, STRANGERS).await;
    agent.get("/v1/inventory/items?per_page=1").await.ok();
    agent.get("/health").await.ok();
    assert_eq!(held.len(), STRANGERS);
}
