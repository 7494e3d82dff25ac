//! `zoho-connector connections`.

use clap::Args;
use shared::core::connection::consent::Wish;
use shared::core::connection::{self, Connection, State};

use crate::commands::installation::{Installation, Opened};
use crate::failure::Failure;
use crate::terminal::{say, say_json};

#[derive(Args)]
pub(crate) struct Connections {
    /// One JSON document in place of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Connections {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Opened { services, public_url, .. } = self.installation.open().await?;
        let all = connection::list(&*services.stores.state).await?;
        if self.json {
            return Ok(say_json(&all)?);
        }
        if all.is_empty() {
            say(format!("Nothing is connected. Begin with `{}`.", self.installation.command("connect")));
        }
        for found in &all {
            describe(found, public_url.as_str());
        }
        Ok(())
    }
}

fn describe(found: &Connection, origin: &str) {
    let products: Vec<_> = found.scopes.products().iter().map(|product| product.as_str()).collect();
    say(format!("{}  {}  {}  {}", found.name, found.state.as_str(), found.data_centre, products.join("+")));
    let line = |name: &str, value: String| say(format!("  {name:<13}{value}"));
    for (name, organization) in [("Inventory", &found.organization), ("CRM", &found.crm_organization)] {
        if let Some(organization) = organization {
            line(name, format!("{} ({})", organization.name, organization.id));
        }
    }
    if let Some(user) = &found.user {
        line("Zoho user", user.clone());
    }
    line("Connected", found.connected_at.to_string());
    if let Some(expires) = found.token_expires {
        line("Token until", expires.to_string());
    }
    if let Some(notice) = found.notice() {
        line("Notice", notice);
    }
    if matches!(found.state, State::ReconnectRequired { .. }) && Wish::again(found).is_some() {
        line("Reconnect", format!("{origin}{}", Wish::path_again(&found.name)));
    }
}
