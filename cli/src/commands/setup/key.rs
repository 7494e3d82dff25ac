//! The agent's key, inside the parts of OpenClaw's configuration that it belongs to.

use serde_json::json;
use shared::core::access::key::{Keys, NewKey, ServiceKey};
use shared::core::access::permission::Permission;
use shared::core::connection::Connection;

use super::connection::leading_to;
use crate::commands::api::quoted;
use crate::commands::installation::{Installation, Opened};
use crate::commands::key_for_consent::{allowed, listed};
use crate::failure::Failure;
use crate::terminal::say;

/// What the keys are called that are made here.
const LABEL: &str = "openclaw";

/// Makes a key, unless the connection has one without an end and no new one is wanted.
pub(super) async fn make(
    installation: &Installation,
    opened: &Opened,
    connection: &Connection,
    (can, is_new): (Option<Vec<Permission>>, bool),
) -> Result<(), Failure> {
    let services = &opened.services;
    let keys = Keys::new(services.stores.state.clone(), services.clock.clone());
    let all = keys.list().await?;
    if let Some(known) = known(&all, connection).filter(|_| !is_new) {
        say(format!(
            "✓ The key {} ({}) is there, and may {}; its text was shown once.",
            known.id,
            known.label,
            listed(&known.permissions)
        ));
        // Without it, the other one would have all that the consent allows.
        let can = can.as_deref().map(|can| format!(" --can {}", quoted(&listed(can)))).unwrap_or_default();
        say(format!(
            "  `{}` makes another, and shows it inside the parts of OpenClaw's configuration.",
            installation.command(&format!("setup --new-key{can}{}", leading_to(&connection.name)))
        ));
        return Ok(());
    }
    let may = can.unwrap_or_else(|| allowed(&connection.scopes));
    let wanted = NewKey::new(LABEL, may, vec![connection.name.clone()]);
    let may = listed(&wanted.permissions);
    let (key, text) = keys.create(wanted).await?;
    say(format!(
        "✓ Service key {} is made, with {may}. It is shown once, and stored nowhere in the clear.",
        key.id
    ));
    tell(opened.public_url.as_str(), text.expose());
    Ok(())
}

/// The agent's key: the newest that was made here, else any that the connection has.
fn known<'a>(all: &'a [ServiceKey], connection: &Connection) -> Option<&'a ServiceKey> {
    let is_an_agents = |key: &&ServiceKey| {
        key.connections.contains(&connection.name) && key.expires.is_none() && key.off_since.is_none()
    };
    all.iter().filter(is_an_agents).max_by_key(|key| (key.label == LABEL, key.created))
}

/// The parts of OpenClaw's configuration, as the guide on OpenClaw has them.
fn tell(url: &str, key: &str) {
    let secrets = json!({ "zoho": { "key": key } });
    let configuration = json!({
        "secrets": {
            "providers": { "zohofile": { "source": "file", "path": "~/.openclaw/secrets.json", "mode": "json" } }
        },
        "skills": {
            "entries": {
                "zoho-connector": {
                    "enabled": true,
                    "apiKey": { "source": "file", "provider": "zohofile", "id": "/zoho/key" },
                    "env": { "ZOHO_CONNECTOR_URL": url }
                }
            }
        }
    });
    say("");
    say("For OpenClaw: ~/.openclaw/secrets.json, which only its user may read (mode 0600):");
    say("");
    say(format!("  {secrets}"));
    say("");
    say("in ~/.openclaw/openclaw.json:");
    say("");
    for line in format!("{configuration:#}").lines() {
        say(format!("  {line}"));
    }
    say("");
    say("and the skill, in the folder of the connector's source, which has it in skill/zoho-connector:");
    say("");
    say("  openclaw skills install ./skill/zoho-connector --as zoho-connector");
    say("");
    say("For any other agent, and to try it in a shell:");
    say(format!("  export ZOHO_CONNECTOR_URL={url}"));
    say(format!("  export ZOHO_CONNECTOR_KEY={key}"));
    say("  curl -s \"$ZOHO_CONNECTOR_URL/v1\" --oauth2-bearer \"$ZOHO_CONNECTOR_KEY\"");
    say("");
}
