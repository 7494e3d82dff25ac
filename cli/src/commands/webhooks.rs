//! `zoho-connector webhooks rotate`.

use clap::{Args, Subcommand};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::webhook;

use super::Failure;
use super::place::{Opened, Place};
use crate::terminal::say;

#[derive(Subcommand)]
pub(crate) enum Webhooks {
    /// Makes a new secret for Zoho Inventory's webhooks; the one before it stays good until the next rotation
    Rotate(Rotate),
}

#[derive(Args)]
pub(crate) struct Rotate {
    /// Name of the connection
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    #[command(flatten)]
    place: Place,
}

impl Webhooks {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self::Rotate(rotate) = self;
        let Opened { parts, public_url } = rotate.place.open().await?;
        let secret = new_secret();
        webhook::set(&*parts.stores.secrets, &rotate.connection, secret.clone()).await?;
        let url = public_url.as_str();
        say("In Zoho Inventory: Settings, Automation, Workflow Actions, Webhooks, New Webhook:");
        say(format!(
            "  URL     {url}/webhooks/{}/inventory/item.updated  (POST, default payload)",
            rotate.connection
        ));
        say(format!("  Secret  {}", secret.expose()));
        say(
            "The last part of the URL names the change: item.created, item.updated, item.deleted, salesorder.updated, …",
        );
        say("A running connector knows the secret within a minute.");
        Ok(())
    }
}

/// Zoho takes 12 to 50 letters and digits: 48 hexadecimal digits are 192 bits.
pub(super) fn new_secret() -> Secret {
    Secret::new(Secret::random().expose().get(..48).unwrap_or_default())
}
