//! `zoho-connector agent show`.

use clap::Args;

use super::hook::known;
use super::state::Found;
use crate::commands::installation::Installation;
use crate::failure::Failure;
use crate::terminal::{say, say_json};

#[derive(Args)]
pub(crate) struct Show {
    /// One JSON document in place of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Show {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = self.installation.open().await?;
        let hook = known(&opened).await?;
        let found = Found::look(&opened.services, &hook).await?;
        if self.json {
            return Ok(say_json(&found.document(&hook))?);
        }
        let line = |name: &str, value: &str| say(format!("{name:<16}{value}"));
        line("Hook", hook.url.as_str());
        line("Agent", hook.agent_id.as_deref().unwrap_or("the gateway's default"));
        line("Types", &hook.types.join(","));
        line("Turns per hour", &hook.turns_per_hour.to_string());
        line("State", &opened.led(&found.line(&hook)));
        Ok(())
    }
}
