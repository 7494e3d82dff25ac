//! `zoho-connector keys revoke`.

use clap::Args;

use super::words::{id_in, in_words, store};
use crate::commands::confirm::confirm;
use crate::commands::installation::Installation;
use crate::failure::Failure;
use crate::terminal::say;

#[derive(Args)]
pub(crate) struct Revoke {
    /// The id: what stands between `zck_` and the next `_`
    id: String,
    /// Do it without being asked
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Revoke {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let id = id_in(&self.id);
        let store = store(&self.installation.open().await?.services);
        let missing = || {
            let list = self.installation.command("keys list");
            Failure::Other(format!("there is no key {id}; `{list}` shows them"))
        };
        let all = store.list().await?;
        let key = all.iter().find(|key| key.id == id).ok_or_else(missing)?;
        let lost = [in_words(key), "whoever holds it is refused within a minute, for good".to_owned()];
        confirm(self.yes, "Lost by revoking", &lost).await?;
        if !store.revoke(id).await? {
            return Err(missing());
        }
        say(format!("✓ Key {id} is revoked; it is dead everywhere within a minute."));
        Ok(())
    }
}
