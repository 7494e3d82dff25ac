//! The public address: that its name can be looked up, that its certificate is good, and that this version of the connector answers
//! there. Whether that connector is this installation, `this_installation` finds out.

use std::error::Error;
use std::path::Path;

use reqwest::Url;
use reqwest::tls::TlsInfo;
use shared::base::public_url::PublicUrl;
use shared::base::settings::Home;
use shared::zoho::http;

use super::certificate;
use super::report::Report;
use super::this_installation::{self, CALL_TIMEOUT, served_elsewhere};
use crate::commands::health;
use crate::commands::installation::Opened;
use crate::commands::serve_command;
use crate::server::presence;

const CHECK: &str = "Public address";

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
    this_installation::check(report, opened, &client).await
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
