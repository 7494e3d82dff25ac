//! What the person who consented reads at the end.

use shared::core::connection::consent::Ending;
use shared::core::connection::{Connection, GRANTS_PER_USER};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::oauth::Refusal;

use crate::client_fault::{GENERAL, client_fault};

/// From this number of connections of one Zoho user on, the page warns that Zoho keeps only 20.
const WARN_FROM_CONNECTIONS: usize = 15;

/// The connection was not made.
pub(crate) fn failed<L: Into<String>>(lines: impl IntoIterator<Item = L>) -> Ending {
    Ending {
        connected: false,
        title: "Not connected".to_owned(),
        facts: Vec::new(),
        lines: lines.into_iter().map(Into::into).collect(),
    }
}

/// The connection was made.
pub(crate) fn connected(row: &Connection, missing: &[String], all: &[Connection]) -> Ending {
    let inventory = row.organization.as_ref().map(|found| format!("{} ({})", found.name, found.id));
    let facts = [
        ("Connection", Some(row.name.to_string())),
        ("Zoho Inventory", inventory),
        ("Zoho CRM", row.crm_organization.as_ref().map(|found| found.name.clone())),
        ("Zoho user", row.user.clone()),
        ("Data centre", Some(row.data_centre.to_string())),
    ];
    let facts = facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let mut lines = Vec::new();
    if !missing.is_empty() {
        lines.push(format!(
            "Zoho did not give these scopes, so what needs them will not work: {}.",
            missing.join(", ")
        ));
    }
    lines.extend(many_connections(row, all));
    lines.push("Tested with one read per product. You can close this page.".to_owned());
    Ending { connected: true, title: "Connected".to_owned(), facts, lines }
}

/// A warning where this user has many connections.
fn many_connections(row: &Connection, all: &[Connection]) -> Option<String> {
    let others = row.same_user(all).filter(|other| other.name != row.name);
    let mut others: Vec<_> = others.collect();
    let count = others.len() + 1;
    others.sort_by_key(|other| other.connected_at);
    match others.first() {
        Some(oldest) if count > GRANTS_PER_USER => Some(format!(
            "This Zoho user has {count} connections, but Zoho keeps {GRANTS_PER_USER}: it will have ended the oldest, {}. Connect that one as another user.",
            oldest.name
        )),
        Some(_) if count >= WARN_FROM_CONNECTIONS => Some(format!(
            "This Zoho user has {count} connections. Zoho keeps {GRANTS_PER_USER} and then ends the oldest: connect the next ones as another user."
        )),
        _ => None,
    }
}

/// Why Zoho did not exchange the code, and what to do next.
pub(crate) fn explain(
    refusal: &Refusal,
    (dc, home): (DataCentre, DataCentre),
    redirect_uri: Option<&str>,
) -> Vec<String> {
    let line = match refusal {
        Refusal::InvalidCode => {
            "Zoho no longer accepts this consent: it takes each one once, and within a minute. Open a new link.".to_owned()
        }
        refusal if refusal.blames_client() => {
            format!("{}. Set the right one with `zoho-connector client set --id ID --data-centre DATA_CENTRE`; if it differs there, add `--only-for {dc}`. Then open a new link.", capitalised(&client_fault(refusal, dc, home)))
        }
        Refusal::InvalidRedirectUri => match redirect_uri {
            Some(uri) => format!("In Zoho's API console, register exactly this redirect URI, then open a new link: {uri}"),
            None => "This code does not come from a Self Client: Zoho wants the redirect URI of its client.".to_owned(),
        },
        Refusal::AccessDenied | Refusal::Throttled => {
            "Zoho had too many consents or token requests in a short time. Open a new link in ten minutes.".to_owned()
        }
        Refusal::General => format!("{GENERAL}. Check them, then open a new link."),
        Refusal::Unknown(word) if word.is_empty() => {
            "Zoho's accounts server gave neither a token nor a reason. Open a new link in some minutes.".to_owned()
        }
        Refusal::Unknown(word) => format!("Zoho refused with {word:?}. Open a new link in some minutes."),
        Refusal::Unreadable | Refusal::InvalidClient | Refusal::InvalidClientSecret => "Zoho's accounts server is not working properly. Open a new link in some minutes.".to_owned(),
        Refusal::Http(error) => format!("Zoho's accounts server could not be asked: {error}. Open a new link in some minutes."),
    };
    vec![line, "Nothing was changed.".to_owned()]
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
