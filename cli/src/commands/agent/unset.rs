//! `zoho-connector agent unset`.

use clap::Args;
use shared::core::events::agent_hook::Hook;

use super::hook::known;
use crate::commands::confirm::confirm;
use crate::commands::installation::Installation;
use crate::failure::Failure;
use crate::terminal::say;

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
        let lost = [format!("the hook {} with its token", hook.url.as_str())];
        confirm(self.yes, "By removing is lost", &lost).await?;
        Hook::forget(&*opened.services.stores.secrets).await?;
        say("✓ The hook is removed, and its token with it. Events wait until an agent claims them.");
        Ok(())
    }
}
