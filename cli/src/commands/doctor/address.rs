//! The public address: that it can be looked up, has a good certificate, is answered by this version of the connector and by
//! this very installation.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use reqwest::tls::TlsInfo;
use reqwest::{Client, Url};
use serde_json::Value;
use shared::base::public_url::PublicUrl;
use shared::base::settings::Home;
use shared::zoho::http;

use super::certificate;
use super::key_for_a_check::KeyForACheck;
use super::report::Report;
use crate::commands::health;
use crate::commands::installation::Opened;
use crate::commands::serve_command;
use crate::server::presence;

const CHECK: &str = "Public address";

pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// What a connector says of a key that its store does not know.
const UNKNOWN_KEY: &str = "key_invalid";

/// Looks at the address, and says whether this installation answers there.
pub(super) async fn check(report: &mut Report, opened: &Opened) -> bool {
    let client = match http::browser() {
        Ok(client) => client,
        Err(error) => {
            report.bad(CHECK, error, "build zoho-connector anew");
            return false;
        }
    };
    check_stacks_address(report, opened);
    let url = opened.public_url.as_str();
    if let Some(why) = unknown_name(url).await {
        report.bad(
            CHECK,
            format!("the name in {url} cannot be looked up: {why}"),
            "set the name's DNS record, or correct the address (--public-url, ZOHO_CONNECTOR_PUBLIC_URL)",
        );
        return false;
    }
    let answer = match health::ask(&client, url, CALL_TIMEOUT).await {
        Ok(answer) => answer,
        Err(error) => {
            unreachable(report, opened, &error);
            return false;
        }
    };
    let now = opened.services.clock.now();
    if let Some(der) = answer.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate) {
        certificate::check(report, der, now);
    }
    let Some(version) = health::version(answer).await else {
        report.bad(
            CHECK,
            format!("something answers at {url}, but it is no Zoho Connector{}", served_elsewhere(opened)),
            "lead the address to the connector (reverse proxy, tunnel, port), or correct it with --public-url",
        );
        return false;
    };
    report.good(CHECK, format!("a connector answers at {url}"));
    check_version(report, opened, &version);
    is_ours(report, opened, &client).await
}

/// Why the host's name leads nowhere.
async fn unknown_name(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let (host, port) = (url.host_str()?.trim_matches(['[', ']']).to_owned(), url.port_or_known_default()?);
    tokio::net::lookup_host((host, port)).await.err().map(|error| error.to_string())
}

fn unreachable(report: &mut Report, opened: &Opened, error: &reqwest::Error) {
    let (url, words) = (opened.public_url.as_str(), causes(error));
    if words.contains("certificate") {
        certificate::refused(report, &words);
        return;
    }
    let why = if error.is_timeout() { "not in time".to_owned() } else { words };
    let folder = match &opened.services.settings.home {
        Home::Folder(folder) => folder,
        Home::Stack(_) => {
            return report.bad(
                CHECK,
                format!("nothing answers at {url} ({why})"),
                "name the stack's output ApiUrl with --public-url, or lead your own domain to it",
            );
        }
    };
    let (cause, mend) = why_no_server_answers(&presence::running(folder), folder, &opened.public_url);
    report.bad(CHECK, format!("nothing answers at {url} ({why}){cause}"), mend);
}

/// Which of this folder's servers should answer at an address where nothing does, and the mend.
fn why_no_server_answers(servers: &[String], folder: &Path, url: &PublicUrl) -> (String, String) {
    let (command, address) = (serve_command::for_folder(folder, url), url.as_str());
    match (servers, presence::known_otherwise(servers, address)) {
        ([], _) => (
            String::new(),
            format!(
                "start it with `{command}`; where it runs elsewhere, lead the address to it (reverse proxy, tunnel, port)"
            ),
        ),
        ([_], Some(known_as)) => (
            format!(": the server of this store takes {known_as} for its address"),
            format!(
                "end it, and start it with `{}` (a service: with ZOHO_CONNECTOR_PUBLIC_URL={address}); or, where {known_as} is right, \
                 name it here: --public-url {known_as}",
                serve_command::in_place_of(servers, folder, url)
            ),
        ),
        ([one], None) if !url.is_https() => (
            format!(": the server of this store is one at {one}"),
            format!("end it, and start it with `{command}`"),
        ),
        _ => (
            format!(": what runs on this store is at {}", servers.join("; ")),
            "lead the address to it (reverse proxy, tunnel, DNS)".to_owned(),
        ),
    }
}

/// All that an error says, but for the address.
pub(super) fn causes(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        words.push(cause.to_string());
        next = cause.source();
    }
    let of_tls = words.iter().rev().find(|words| words.contains("certificate"));
    of_tls.or(words.last()).cloned().unwrap_or_else(|| "no connection".to_owned())
}

fn check_version(report: &mut Report, opened: &Opened, theirs: &str) {
    let ours = env!("CARGO_PKG_VERSION");
    if theirs == ours {
        return report.good("Version", ours);
    }
    let mend = match &opened.services.settings.home {
        Home::Folder(_) => "install the same version on both sides, and start `serve` again",
        Home::Stack(_) => {
            "deploy this version (`sam build`, `sam deploy`), or install the version that is deployed"
        }
    };
    report.bad("Version", format!("the connector there is {theirs}, this command is {ours}"), mend);
}

/// Whether the connector that answers at the public address has another store.
pub(crate) async fn has_another_store(opened: &Opened) -> bool {
    let Ok(client) = http::browser() else { return false };
    let Ok(key) = KeyForACheck::make(&opened.services, Vec::new(), Vec::new()).await else { return false };
    let (_, document) = ask_with(key, &client, opened.public_url.as_str()).await;
    document.get("code").and_then(Value::as_str) == Some(UNKNOWN_KEY)
}

/// What the connector answers to a key, which ends by that.
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

/// A stack has its address from its template, if that names one: consents and links of another one end nowhere.
fn check_stacks_address(report: &mut Report, opened: &Opened) {
    let url = opened.public_url.as_str();
    let Some(own) = opened.own_url.as_ref().map(PublicUrl::as_str).filter(|own| *own != url) else { return };
    report.bad(
        "Stack's address",
        format!("the stack takes {own} for its address (PublicUrl or DomainName of its template), and gives Zoho a redirect URI there: no consent begun at {url} comes back"),
        format!("name that one: setup with --public-url {own} remembers it, and says who still has the old one; or, where {url} is right, deploy the stack with it"),
    );
}

/// The server knows its address from its start: consents and webhooks of another one end nowhere.
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

/// Where the server of this store is, in place of the address that leads to another; nothing where that is not known.
fn served_elsewhere(opened: &Opened) -> String {
    let Home::Folder(folder) = &opened.services.settings.home else { return String::new() };
    match presence::known_otherwise(&presence::running(folder), opened.public_url.as_str()) {
        Some(known_as) => format!(". The server of this store takes {known_as} for its address"),
        None => String::new(),
    }
}

/// A key that may do nothing is made in our store: whoever knows it has our store. A stranger who gets it can do nothing with it.
async fn is_ours(report: &mut Report, opened: &Opened, client: &Client) -> bool {
    const CHECK: &str = "This installation";
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
