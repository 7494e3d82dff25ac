//! `zoho-connector webhooks send-test`: goes the way that Zoho goes, through the public address.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::events::TEST_NOTE;
use shared::core::events::webhook_secrets::WebhookSecrets;
use shared::zoho::signature::{HEADER, SignedText, sign_body};

use crate::commands::installation::{Installation, Opened};
use crate::commands::named_connection;
use crate::commands::webhooks::post::{Signature, post};
use crate::failure::Failure;
use crate::terminal::say;

#[derive(Args)]
pub(crate) struct SendTest {
    /// Name of the connection
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    /// Which sender's webhook to send
    #[arg(long, value_enum, default_value_t = Source::Inventory)]
    source: Source,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Source {
    /// Zoho Inventory
    Inventory,
    /// A channel of Zoho CRM
    Crm,
    /// Any other sender
    Custom,
}

/// What is posted.
struct Test {
    path: &'static str,
    signature: Option<Signature>,
    body: String,
}

impl SendTest {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Opened { services, public_url, .. } = self.installation.open().await?;
        let secrets = WebhookSecrets::read(&*services.stores.secrets).await?;
        let made = test(self.source, &self.connection, &secrets, services.clock.now());
        let test = match made {
            Ok(test) => test,
            Err(missing) => {
                // It may be missing because the connection is.
                named_connection::find(&services, &self.connection).await?;
                return Err(Failure::Other(self.installation.led(&missing)));
            }
        };
        let url = format!("{}/webhooks/{}/{}", public_url.as_str(), self.connection, test.path);
        let (status, answer) = post(&url, test.signature.as_ref(), &test.body).await.map_err(|why| {
            format!("{url} does not answer ({why}): is the connector running, and is this its address?")
        })?;
        let word = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or("-");
        if status != 200 {
            return Err(Failure::Other(format!(
                "{url} answered {status} {}: {} {}",
                word("code"),
                word("detail"),
                word("hint")
            )));
        }
        let id = word("event_id");
        say(format!(
            "✓ Stored as the event {id}. It is marked as a test: no agent is told of it or claims it."
        ));
        let show = format!("events show {id} --connection {}", self.connection);
        say(format!("  {}", self.installation.command(&show)));
        Ok(())
    }
}

/// What is posted: its body says that it is a test, and differs from every other one. Or what is missing for it, and how that is made.
fn test(
    source: Source,
    name: &ConnectionName,
    known: &WebhookSecrets,
    now: Timestamp,
) -> Result<Test, String> {
    let now_ms = now.as_millisecond();
    let note = TEST_NOTE;
    Ok(match source {
        Source::Inventory => {
            let secret = known.inventory(name).first();
            let secret = secret.ok_or_else(|| {
                    format!("{name} has no secret for webhooks of Zoho Inventory yet: `zoho-connector webhooks rotate --connection {name}` makes one")
                })?;
            let body = json!({
                "test": { "test_id": now_ms.to_string(), "note": note, "last_modified_time": now.to_string() }
            });
            let body = body.to_string();
            let signature = SignedText::new("", body.as_bytes()).sign(secret);
            Test { path: "inventory/test", signature: Some((HEADER, signature)), body }
        }
        Source::Crm => {
            let channel = known.channels(name).last();
            let found = channel.and_then(|id| Some((id, known.channel(name, id).first()?)));
            let (channel, token) = found.ok_or_else(|| {
                    format!("{name} has no channel of Zoho CRM yet, whose token the test needs: `zoho-connector webhooks setup --connection {name}` makes one")
                })?;
            let body = json!({
                "server_time": now_ms, "query_params": {}, "module": "Tests", "resource_uri": note,
                "ids": [now_ms.to_string()], "affected_fields": [], "operation": "update",
                "channel_id": channel, "token": token.expose(),
            });
            Test { path: "crm", signature: None, body: body.to_string() }
        }
        Source::Custom => {
            let secret = known.custom(name).first();
            let secret = secret
                    .ok_or_else(|| {
                        format!("{name} has no secret for other senders yet: `zoho-connector webhooks rotate --connection {name} --source custom` makes one")
                    })?;
            let body = json!({ "note": note, "time": now.to_string() }).to_string();
            let signature = sign_body(body.as_bytes(), secret);
            Test { path: "custom/test", signature: Some(("x-signature", signature)), body }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_command_for_this_connection() {
        let (shop, now) = ("shop".parse().unwrap(), "2026-11-30T10:00:00Z".parse().unwrap());
        for (source, missing, command) in [
            (Source::Inventory, "no secret for webhooks of Zoho Inventory", "rotate --connection shop`"),
            (Source::Crm, "no channel of Zoho CRM", "setup --connection shop`"),
            (Source::Custom, "no secret for other senders", "rotate --connection shop --source custom`"),
        ] {
            let why = test(source, &shop, &WebhookSecrets::default(), now).err().unwrap();
            let command = format!("`zoho-connector webhooks {command}");
            assert!(why.contains(missing) && why.contains(&command), "{why}");
        }
    }
}
