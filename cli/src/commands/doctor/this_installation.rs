//! Whether the connector that answers at the public address is this very installation: whether it has the same store, and takes the
//! same address for its own.

use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use shared::base::settings::Home;
use shared::zoho::http;

use super::key_for_a_check::KeyForACheck;
use super::report::Report;
use crate::commands::installation::Opened;
use crate::commands::serve_command;
use crate::server::presence;

const CHECK: &str = "This installation";

/// How long the doctor waits for what should answer at once.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// What a connector says of a key that its store does not know.
const UNKNOWN_KEY: &str = "key_invalid";

/// Checks that the connector that answers has this store, and says so. For this, a key that allows nothing is made in the store: a
/// connector that knows the key has the store, and a stranger who gets the key can do nothing with it.
pub(super) async fn check(report: &mut Report, opened: &Opened, client: &Client) -> bool {
    let url = opened.public_url.as_str();
    let key = match KeyForACheck::make(&opened.services, Vec::new(), Vec::new()).await {
        Ok(key) => key,
        Err(error) => {
            report.bad(CHECK, error.to_string(), "see the check of the store");
            return false;
        }
    };
    let id = key.id.clone();
    let (status, document) = ask_with(key, client, url).await;
    if document.pointer("/key/id").and_then(Value::as_str) == Some(id.as_str()) {
        report.good(CHECK, "the address leads to this very store");
        check_own_address(report, opened);
        return true;
    }
    let word = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or("-");
    match word("code") {
        UNKNOWN_KEY => report.bad(
            CHECK,
            format!(
                "the connector at {url} has another store: it does not know the keys of this one{}",
                served_elsewhere(opened)
            ),
            "correct the address (--public-url), or name the installation that is served there (--data, --stack, --installation)",
        ),
        // The key was made by our clock, and is judged by the connector's.
        "key_expired" => report.bad(
            CHECK,
            format!(
                "at {url}, a key of this moment has ended: the connector's clock is minutes ahead of this machine's"
            ),
            "set the clocks of both machines right",
        ),
        "store_unavailable" => report.bad(
            CHECK,
            format!("the connector at {url} does not reach its own store"),
            match &opened.services.settings.home {
                Home::Folder(_) => "look at the log of `serve`: disk, rights of the folder".to_owned(),
                Home::Stack(stack) => format!(
                    "its log group /aws/lambda/{}-api-proxy names the right or the table that is missing; `sam deploy` puts both back",
                    stack.name
                ),
            },
        ),
        code => report.bad(
            CHECK,
            format!("{url}/v1/status answered {status} {code}: {}", word("detail")),
            "let the reverse proxy pass everything on as it is, the header Authorization included",
        ),
    }
    false
}

/// Checks that the server takes the public address for its own. It was told its address at its start: consents and webhooks that go to
/// another one never arrive.
fn check_own_address(report: &mut Report, opened: &Opened) {
    let Home::Folder(folder) = &opened.services.settings.home else { return };
    let url = opened.public_url.as_str();
    let servers = presence::running(folder);
    // Several are wrong already, and only one of them has the address.
    if let ([_], Some(known_as)) = (servers.as_slice(), presence::known_otherwise(&servers, url)) {
        report.bad(
            "Server's address",
            format!("the server takes {known_as} for its address, and gives Zoho a redirect URI there: no consent begun at {url} comes back"),
            format!(
                "end it, and start it with `{}` (a service: with ZOHO_CONNECTOR_PUBLIC_URL={url}); or, where that one is right, name it here: --public-url {known_as}",
                serve_command::that_keeps_its_place(&servers, folder, &opened.public_url)
            ),
        );
    }
}

/// Says where the server of this store is, if that is known and the public address leads to something else.
pub(super) fn served_elsewhere(opened: &Opened) -> String {
    let Home::Folder(folder) = &opened.services.settings.home else { return String::new() };
    match presence::known_otherwise(&presence::running(folder), opened.public_url.as_str()) {
        Some(known_as) => format!(". The server of this store takes {known_as} for its address"),
        None => String::new(),
    }
}

/// Whether the connector that answers at the public address has another store.
pub(crate) async fn has_another_store(opened: &Opened) -> bool {
    let Ok(client) = http::browser() else { return false };
    let Ok(key) = KeyForACheck::make(&opened.services, Vec::new(), Vec::new()).await else { return false };
    let (_, document) = ask_with(key, &client, opened.public_url.as_str()).await;
    document.get("code").and_then(Value::as_str) == Some(UNKNOWN_KEY)
}

/// What the connector answers to a key. The key ends with that.
async fn ask_with(key: KeyForACheck, client: &Client, url: &str) -> (u16, Value) {
    let request = client.get(format!("{url}/v1/status")).timeout(CALL_TIMEOUT).bearer_auth(key.text.expose());
    let answer = match request.send().await {
        Ok(answer) => Some((answer.status().as_u16(), answer.text().await.unwrap_or_default())),
        Err(_) => None,
    };
    key.end().await;
    let (status, text) = answer.unwrap_or_default();
    (status, serde_json::from_str(&text).unwrap_or_default())
}
