//! `zoho-connector restore`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use shared::base::clock::{Clock, SystemClock, Timestamp};
use shared::core::access::key::{Keys, ServiceKey};
use shared::core::copied::restored;
use shared::core::events::agent_hook::Hook;
use shared::core::services::Services;
use shared::core::{connection, seal};
use shared::store::sqlite::Sqlite;
use shared::store::{Secrets, Stored};

use crate::commands::confirm::{confirm, refuse_unasked};
use crate::commands::installation::{Folder, Opened};
use crate::commands::keys;
use crate::copy::{self, Decryption, Filled, Purpose, Reader};
use crate::failure::Failure;
use crate::patience::patiently;
use crate::terminal::{say, say_json};

/// What stands above the list of what is lost.
const LOST: &str = "Lost by restoring";

const RIGHT_TO_RUN: &str =
    "its right to run: where it still does, both would use up each other's tokens. Stop it first";

#[derive(Args)]
#[command(
    after_help = "All keys are off afterwards, until `zoho-connector keys confirm ID` switches them on: one of them may have been revoked \
                        after the backup was made. The agent's hook is paused until `zoho-connector agent resume`. \
                        Writes that were under way are looked for at Zoho when they are repeated, and never sent again."
)]
pub(crate) struct Restore {
    /// File that `zoho-connector backup` wrote
    file: PathBuf,
    #[command(flatten)]
    decryption: Decryption,
    /// Folder of the lost store, where it can still be read: names the keys that were made or revoked since
    #[arg(long, value_name = "DIR")]
    compare: Option<PathBuf>,
    /// Do it without being asked
    #[arg(long)]
    yes: bool,
    /// One JSON document in place of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: Folder,
}

/// The keys of the lost store and of the backup.
struct Compared {
    made_since: Vec<ServiceKey>,
    revoked_since: Vec<ServiceKey>,
}

impl Restore {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let folder = self.folder.find_empty()?;
        let lost = self.compare.as_deref().map(keys_in).transpose()?;
        copy::refuse_unreadable(&self.file)?;
        if self.decryption.asks() {
            // Of which installation it is, and of when, stands in what the passphrase opens.
            let did = format!("what the installation did after {} was made", self.file.display());
            refuse_unasked(self.yes, LOST, &[did, RIGHT_TO_RUN.to_owned()])?;
        }
        let copy = Reader::open(&self.file, &self.decryption, Purpose::Backup)?;
        let (made, of) = (copy.head.made, copy.head.of.clone());
        let did = format!("what the installation in {of} did after {made}");
        confirm(self.yes, LOST, &[did, RIGHT_TO_RUN.to_owned()]).await?;
        // While somebody typed, a store may have come there.
        self.folder.find_empty()?;

        let (Opened { services, .. }, _) = self.folder.open_or_replace()?;
        let stores = &services.stores;
        let (filled, is_hook_paused) = fill(&services, copy, &folder).await?;

        let keys = Keys::new(stores.state.clone(), services.clock.clone()).list().await?;
        let connections = connection::list(&*stores.state).await?;
        let compared = lost.map(|lost| compare(&keys, &lost));
        if self.json {
            let ids = |keys: &[ServiceKey]| keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>();
            let compared = compared.map_or(Value::Null, |compared| {
                json!({ "made_since": ids(&compared.made_since), "revoked_since": ids(&compared.revoked_since) })
            });
            let connections: Vec<_> = connections.iter().map(|found| found.name.as_str()).collect();
            return Ok(say_json(&json!({
                "folder": folder,
                "made": made,
                "things": filled.taken,
                "left_out": filled.left_out,
                "connections": connections,
                "keys_off": ids(&keys),
                "hook_paused": is_hook_paused,
                "compared": compared,
            }))?);
        }
        say(format!(
            "✓ {} holds what was there at {made}: {} rows and secrets.",
            folder.display(),
            filled.taken
        ));
        if let Some(why) = filled.why_fewer() {
            say(format!("  {why}"));
        }
        key_lines(&keys, compared.as_ref()).into_iter().for_each(say);
        say(format!("  Keys work again after `{}`.", self.folder.command("keys confirm ID")));
        if is_hook_paused {
            say(format!(
                "  The agent is told nothing until `{}`: confirm its key first.",
                self.folder.command("agent resume")
            ));
        }
        say(format!(
            "  Not known are events, connections and settings that came after the backup: compare `{}`.",
            self.folder.command("connections")
        ));
        Ok(())
    }
}

/// Fills the stores from the copy, and says whether there is a hook, which is paused then. They are sealed meanwhile: nothing works on
/// them before they are whole.
async fn fill(services: &Services, copy: Reader, folder: &Path) -> Result<(Filled, bool), Failure> {
    let (stores, made, now) = (&services.stores, copy.head.made, services.clock.now());
    seal::while_filling(&*stores.state, now).await?;
    let filling = copy.fill(stores, |stored| restored(stored, made, now));
    let filled = patiently("restoring", filling).await.map_err(|failure| {
        failure.going_on(&format!("{} is of no use: delete it, and restore again", folder.display()))
    })?;
    let is_hook_paused = pause_hook(&*stores.secrets).await?;
    seal::lift(&*stores.state).await?;
    Ok((filled, is_hook_paused))
}

/// Pauses the agent's hook, if there is one: its key is off, and the source may still run and tell it of the same events.
async fn pause_hook(secrets: &dyn Secrets) -> Result<bool, Failure> {
    let Some(hook) = Hook::read(secrets).await? else { return Ok(false) };
    Hook { paused: true, ..hook }.store(secrets).await?;
    Ok(true)
}

/// What is said of the keys.
fn key_lines(keys: &[ServiceKey], compared: Option<&Compared>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut list = |head: &str, keys: &[ServiceKey]| {
        lines.push(format!("  {head}:"));
        lines.extend(keys.iter().map(|key| format!("    {}", keys::in_words(key))));
    };
    if !keys.is_empty() {
        list("These keys are off until they are confirmed", keys);
    }
    let compared = compared.map(|compared| (&compared.revoked_since, &compared.made_since));
    if let Some((revoked, made)) = compared {
        if !revoked.is_empty() {
            list("These were revoked after the backup; leave them off, and revoke them again", revoked);
        }
        if !made.is_empty() {
            list("These were made after the backup, and are unknown here; make new ones", made);
        }
    }
    let rest = match compared {
        _ if keys.is_empty() && compared.is_none() => "  It has no keys.",
        None => {
            "  Keys that were made since are unknown here, and those that were revoked since stand among them."
        }
        Some((revoked, made)) if revoked.is_empty() && made.is_empty() => {
            "  Compared with the lost store: it has the same keys. None was made or revoked after the backup."
        }
        Some(_) => return lines,
    };
    lines.push(rest.to_owned());
    lines
}

/// The keys in a folder that nobody serves any more.
fn keys_in(folder: &Path) -> Result<Vec<ServiceKey>, Failure> {
    if !Sqlite::find_in(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        return Err(Failure::Other(format!("there is no store in {} to compare with", folder.display())));
    }
    let mut keys = Vec::new();
    let now: Timestamp = SystemClock.now();
    Sqlite::snapshot(folder, now, |stored| -> Result<(), Failure> {
        if let Stored::Row(row) = stored
            && row.kind() == "key"
        {
            let unreadable = |error: serde_json::Error| format!("a key in {}: {error}", folder.display());
            keys.push(serde_json::from_str(&row.value).map_err(unreadable)?);
        }
        Ok(())
    })?;
    Ok(keys)
}

fn compare(restored: &[ServiceKey], lost: &[ServiceKey]) -> Compared {
    let missing_in = |others: &[ServiceKey], keys: &[ServiceKey]| -> Vec<ServiceKey> {
        keys.iter().filter(|key| !others.iter().any(|other| other.id == key.id)).cloned().collect()
    };
    Compared { made_since: missing_in(restored, lost), revoked_since: missing_in(lost, restored) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::base::clock::SharedClock;
    use shared::core::access::key::NewKey;
    use shared::core::access::permission::Permission;
    use shared::store::Stores;

    use super::*;

    #[tokio::test]
    async fn a_comparison_always_has_a_result() {
        let clock: SharedClock = Arc::new(SystemClock);
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let made = Keys::new(stores.state, clock);
        let new = NewKey::new("agent", vec![Permission::Events], vec!["default".parse().unwrap()]);
        let (key, _) = made.create(new).await.unwrap();
        let keys = vec![key];
        let compared = |lost: &[ServiceKey]| key_lines(&keys, Some(&compare(&keys, lost))).join("\n");
        assert!(compared(&keys).contains("it has the same keys"), "{}", compared(&keys));
        let revoked = compared(&[]);
        assert!(revoked.contains("revoked after the backup;") && !revoked.contains("the same"), "{revoked}");
        let nothing = Compared { made_since: Vec::new(), revoked_since: Vec::new() };
        assert!(key_lines(&[], Some(&nothing)).join("").contains("it has the same keys"));
        assert_eq!(key_lines(&[], None), ["  It has no keys."]);
        assert!(key_lines(&keys, None).join("").contains("are unknown here"));
    }
}
