//! `zoho-connector webhooks rotate`.

use clap::{Args, ValueEnum};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::events::webhook_secrets;
use shared::zoho::signature::standard_secret;

use crate::commands::installation::{Installation, Opened};
use crate::commands::named_connection;
use crate::commands::webhooks::secret::new_secret;
use crate::commands::webhooks::setup::unreachable;
use crate::failure::Failure;
use crate::terminal::{note, say};

#[derive(Args)]
pub(crate) struct Rotate {
    /// Name of the connection
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    /// Whose webhooks it is for
    #[arg(long, value_enum, default_value_t = Source::Inventory)]
    source: Source,
    /// Whether the URL of Zoho Inventory's webhook has a query string of its own, which Zoho then signs as well; without,
    /// it stays as it is, at first refused
    #[arg(long, value_enum, value_name = "WHETHER")]
    query_string: Option<QueryString>,
    /// Make it also for a connection that is still to be made: its webhooks are taken at once
    #[arg(long)]
    not_yet_connected: bool,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Source {
    /// Zoho Inventory
    Inventory,
    /// Any other sender
    Custom,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum QueryString {
    Expected,
    Refused,
}

impl Rotate {
    pub(super) async fn run(self) -> Result<(), Failure> {
        if self.query_string.is_some() && self.source != Source::Inventory {
            return Err(Failure::Other("--query-string is for --source inventory only".to_owned()));
        }
        let Opened { services, public_url, .. } = self.installation.open().await?;
        if self.not_yet_connected {
            named_connection::warn_of_unknown(&services, [&self.connection]).await?;
        } else {
            named_connection::refuse_unknown(&services, &self.installation, "connection", [&self.connection])
                .await?;
        }
        let secrets = &*services.stores.secrets;
        let secret = new_secret();
        let source = match self.source {
            Source::Inventory => webhook_secrets::Source::Inventory,
            Source::Custom => webhook_secrets::Source::Custom,
        };
        webhook_secrets::set(secrets, &self.connection, source, secret.clone()).await?;
        if let Some(whether) = self.query_string {
            let expected = whether == QueryString::Expected;
            webhook_secrets::set_inventory_query(secrets, &self.connection, expected).await?;
        }
        let url = format!("{}/webhooks/{}", public_url.as_str(), self.connection);
        match self.source {
            Source::Inventory => {
                if let Some(why) = unreachable(public_url.as_str()) {
                    note(format!("Warning: {why}. The URL below then begins with that address."));
                }
                inventory(&url, &secret);
            }
            Source::Custom => custom(&url, &secret),
        }
        say(
            "A running connector takes the new secret at once, and the one before it until the next rotation.",
        );
        let source = if self.source == Source::Custom { " --source custom" } else { "" };
        let test = format!("webhooks send-test --connection {}{source}", self.connection);
        say(format!("`{}` tries it.", self.installation.command(&test)));
        Ok(())
    }
}

fn inventory(url: &str, secret: &Secret) {
    say("In Zoho Inventory: Settings, Automation, Workflow Actions, Webhooks, New Webhook:");
    say(format!("  URL     {url}/inventory/item.updated  (POST, default payload)"));
    say(format!("  Secret  {}", secret.expose()));
    say(
        "The last part of the URL names the change: item.created, item.updated, item.deleted, salesorder.updated, …",
    );
}

fn custom(url: &str, secret: &Secret) {
    say("At the sender:");
    say(format!("  URL     {url}/custom/EVENT  (POST; JSON or a form)"));
    say(format!("  Secret  {}", secret.expose()));
    say(
        "EVENT is your name for what happened: letters, digits, `_`, `-`, `.`; the event's type is then custom.EVENT.",
    );
    say("The sender signs the body: X-Signature: sha256=<HMAC-SHA256 with the secret, in hexadecimal>.");
    say(format!(
        "A library of Standard Webhooks takes the secret as {} and signs time and name, too: the body's `type` is EVENT.",
        standard_secret(secret).expose()
    ));
    say("Where it cannot sign, like a workflow of Zoho CRM, it sends the secret itself: X-Webhook-Secret.");
}
