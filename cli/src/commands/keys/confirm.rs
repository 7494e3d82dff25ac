//! `zoho-connector keys confirm`.

use clap::Args;
use shared::base::clock::Timestamp;
use shared::core::access::key::ServiceKey;
use shared::core::services::Services;
use shared::core::writes::audit::Audit;

use super::words::{id_in, in_words, minute, store};
use crate::commands::confirm::confirm;
use crate::commands::installation::Installation;
use crate::failure::Failure;
use crate::terminal::say;

/// How many entries of the audit are read to know when a key wrote last.
const MAX_ENTRIES: usize = 500;

#[derive(Args)]
pub(crate) struct Confirm {
    /// Their ids: what stands between `zck_` and the next `_`
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<String>,
    /// All that are off
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Do it without being asked
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Confirm {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let services = self.installation.open().await?.services;
        let store = store(&services);
        let off: Vec<_> = store.list().await?.into_iter().filter(|key| key.off_since.is_some()).collect();
        let mut chosen = Vec::new();
        let list = self.installation.command("keys list");
        for id in self.ids.iter().map(|text| id_in(text)) {
            let missing = || Failure::Other(format!("no key {id} is off; `{list}` shows them"));
            let key = off.iter().find(|key| key.id == id).ok_or_else(missing)?;
            if !chosen.iter().any(|known: &&ServiceKey| known.id == key.id) {
                chosen.push(key);
            }
        }
        if self.all {
            chosen = off.iter().collect();
        }
        if chosen.is_empty() {
            say("No key is off.");
            return Ok(());
        }
        let mut on = Vec::new();
        for key in &chosen {
            let last = last_write(&services, key).await?;
            let last = last.map_or_else(
                || "not known to have written".to_owned(),
                |at| format!("wrote last {}", minute(at)),
            );
            on.push(format!("{}, made {}, {last}", in_words(key), minute(key.created)));
        }
        confirm(self.yes, "By confirming, whoever holds one of these gets in again", &on).await?;
        let mut left = Vec::new();
        for key in chosen {
            if store.confirm(&key.id).await? {
                say(format!("✓ Key {} works again, within a minute.", key.id));
            } else {
                left.push(key.id.as_str());
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(Failure::Other(format!(
            "not confirmed, because somebody revoked or confirmed it in the meantime: {}. `{list}` shows which",
            left.join(", ")
        )))
    }
}

/// When a key wrote last, as far as the newest entries of the audit tell.
async fn last_write(services: &Services, key: &ServiceKey) -> Result<Option<Timestamp>, Failure> {
    let audit = Audit::new(services.stores.state.clone(), services.clock.clone());
    let mut last: Option<Timestamp> = None;
    for connection in &key.connections {
        let (entries, _) = audit.list(connection, None, MAX_ENTRIES).await?;
        last = last.max(entries.iter().find(|entry| entry.key == key.id).map(|entry| entry.at));
    }
    Ok(last)
}
