//! Whether a connector answers at the public address, before a person is sent there.

use std::time::Duration;

use shared::zoho::http;
use tokio::time::{Instant, sleep};

use crate::commands::health;

/// For one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// A connector that is started just now, beside this command, answers in this time.
const START: Duration = Duration::from_secs(3);

const RETRY_DELAY: Duration = Duration::from_millis(200);

/// What is at an address.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Connector,
    /// Something else, by its status.
    Other(u16),
    Nobody,
}

/// What is wrong with the address; nothing where a connector answers. One that is about to start is waited for. `how` says
/// what brings one there.
pub(super) async fn trouble(url: &str, how: &str, waits: bool) -> Option<String> {
    let until = Instant::now() + if waits { START } else { Duration::ZERO };
    loop {
        match find(url).await {
            Found::Connector => return None,
            Found::Nobody if Instant::now() < until => sleep(RETRY_DELAY).await,
            found => return words(url, how, &found),
        }
    }
}

fn words(url: &str, how: &str, found: &Found) -> Option<String> {
    match found {
        Found::Connector => None,
        Found::Other(status) => Some(format!(
            "what answers at {url} (with {status} at /health) is no Zoho Connector, so the consent would end nowhere. Stop it, or name the connector's own address with --public-url"
        )),
        Found::Nobody => Some(format!(
            "nothing answers at {url}. {how}, or name the connector's own address with --public-url; the link works as soon as it answers"
        )),
    }
}

/// What is wrong where the connector that answers does not know the link.
pub(super) fn another_store(url: &str) -> String {
    format!(
        "the connector that answers at {url} has another store, where this link is unknown. Stop it, or name this one's own address with --public-url"
    )
}

async fn find(url: &str) -> Found {
    let Ok(client) = http::browser() else { return Found::Nobody };
    let Ok(answer) = health::ask(&client, url, CALL_TIMEOUT).await else { return Found::Nobody };
    let status = answer.status().as_u16();
    if health::version(answer).await.is_some() { Found::Connector } else { Found::Other(status) }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    const HOW: &str = "Start it";

    async fn serve(app: Router) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        url
    }

    #[tokio::test]
    async fn a_connector_is_told_from_others_and_from_nobody() {
        let ours =
            Router::new().route("/health", get(|| async { Json(json!({ "status": "ok", "version": "1" })) }));
        assert_eq!(trouble(&serve(ours).await, HOW, false).await, None);
        let other = Router::new().route("/health", get(|| async { "I am well" }));
        assert!(trouble(&serve(other).await, HOW, false).await.unwrap().contains("no Zoho Connector"));
        let empty = trouble(&serve(Router::new()).await, HOW, false).await.unwrap();
        assert!(empty.contains("with 404"), "{empty}");
        // A port that was given back a moment ago.
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let nobody = trouble(&url, HOW, false).await.unwrap();
        assert!(nobody.contains(". Start it, or") && nobody.contains("--public-url"), "{nobody}");
    }
}
