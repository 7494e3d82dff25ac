//! `zoho-connector disconnect`.

use clap::Args;
use shared::base::id::ConnectionName;
use shared::core::access::key::Keys;
use shared::core::connection::orders::Order;
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{self, Connection};
use shared::core::events::subscription;
use shared::core::events::webhook_secrets::{self, WebhookSecrets};
use shared::core::services::Services;

use crate::commands::confirm::confirm;
use crate::commands::installation::{Installation, Opened};
use crate::commands::keys;
use crate::commands::named_connection;
use crate::failure::Failure;
use crate::terminal::say;

#[derive(Args)]
pub(crate) struct Disconnect {
    /// Name of the connection
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    /// Do it without being asked
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Disconnect {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = self.installation.open().await?;
        let name = self.connection.clone();
        let is_there = connection::get(&*opened.services.stores.state, &name).await?.is_some();
        if !is_there && self.end_what_is_left(&opened, &name).await? {
            return Ok(());
        }
        let found = named_connection::find(&opened.services, &name).await?;
        let lost = lost(&opened.services, &found).await?;
        confirm(self.yes, &format!("Lost by disconnecting {name}"), &lost).await?;
        match opened.order(&Order::Disconnect { connection: name.clone() }).await? {
            Reply::Disconnected { revoked } => {
                if revoked {
                    say(format!("✓ {name} is disconnected, here and at Zoho."));
                } else {
                    say(format!("✓ {name} is deleted here, but Zoho did not confirm the end of the grant."));
                    say("  Remove the app in the Zoho account: Security, Connected Apps.");
                }
                end_webhooks(&opened, &name).await?;
            }
            Reply::Unknown => return Err(Failure::Other(format!("there is no connection {name}"))),
            _ => return Err(Failure::Other("a renewal is under way; try again in some seconds".to_owned())),
        }
        Ok(())
    }

    /// Ends the webhooks of a connection that is not there: who ended it died before that, or left it to the schedule. Says whether it
    /// had any.
    async fn end_what_is_left(&self, opened: &Opened, name: &ConnectionName) -> Result<bool, Failure> {
        let known = WebhookSecrets::read(&*opened.services.stores.secrets).await?;
        // The token of a channel counts, too: it is all that is left where only CRM was watched.
        if !known.has_any(name) {
            return Ok(false);
        }
        let what = format!("{name} is not connected. Lost by ending what is left of it");
        confirm(self.yes, &what, &[SECRETS.to_owned()]).await?;
        end_webhooks(opened, name).await?;
        Ok(true)
    }
}

/// What is lost with the secrets of webhooks.
const SECRETS: &str = "the secrets of its webhooks, which are refused from then on";

fn has_webhooks(known: &WebhookSecrets, name: &ConnectionName) -> bool {
    !known.inventory(name).is_empty() || !known.custom(name).is_empty()
}

/// Else webhooks of this company would be accepted for the next one that is connected under this name.
async fn end_webhooks(opened: &Opened, name: &ConnectionName) -> Result<(), Failure> {
    if webhook_secrets::forget(&*opened.services.stores.secrets, name).await? {
        say("✓ Its webhooks are refused from now on.");
        say("  Delete those that you made in Zoho Inventory, with their rules: Settings, Automation.");
    }
    Ok(())
}

/// What ends with a connection, a line each.
async fn lost(services: &Services, found: &Connection) -> Result<Vec<String>, Failure> {
    let organization = found.organization.as_ref().or(found.crm_organization.as_ref());
    let organization = organization.map_or("an unknown organisation", |found| found.name.as_str());
    let user = found.user.as_deref().unwrap_or("its user");
    let mut lost = vec![format!("the access to {organization}, until {user} consents again")];
    let keys = Keys::new(services.stores.state.clone(), services.clock.clone());
    for key in keys.list().await?.iter().filter(|key| key.connections.contains(&found.name)) {
        let only =
            if key.only_connection().is_some() { "which can do nothing then" } else { "for this connection" };
        lost.push(format!("the use of {}, {only}", keys::in_words(key)));
    }
    if let Some(stored) = subscription::get(&*services.stores.state, &found.name).await? {
        let kinds = stored.watch.inventory.iter().map(|kind| kind.word);
        let watched: Vec<_> = stored.watch.crm.iter().map(String::as_str).chain(kinds).collect();
        if !watched.is_empty() {
            lost.push(format!("new events of {}", watched.join(", ")));
        }
    }
    let known = WebhookSecrets::read(&*services.stores.secrets).await?;
    if has_webhooks(&known, &found.name) {
        lost.push(SECRETS.to_owned());
    }
    Ok(lost)
}
