//! `zoho-connector agent unset`.

use clap::Args;
use shared::core::events::agent_hook::Hook;

use super::hook::known;
use crate::commands::failure::Failure;
use crate::commands::installation::Installation;
use crate::terminal::{agrees, can_ask, say};

#[derive(Args)]
pub(crate) struct Unset {
    /// Does not ask first
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Unset {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = self.installation.open().await?;
        let hook = known(&opened).await?;
        if !self.yes {
            if !can_ask() {
                return Err(Failure::Other(
                    "`agent unset` asks first, and there is no terminal to ask at: add --yes".to_owned(),
                ));
            }
            let question = format!("Remove the hook {} with its token?", hook.url.as_str());
            if !agrees(&question).await? {
                return Err(Failure::Other("Nothing was removed.".to_owned()));
            }
        }
        Hook::forget(&*opened.services.stores.secrets).await?;
        say("✓ The hook is removed, and its token with it. Events wait until an agent claims them.");
        Ok(())
    }
}
