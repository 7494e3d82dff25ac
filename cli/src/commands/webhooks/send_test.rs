//! `zoho-connector webhooks send-test`: goes the way that Zoho goes, through the public address.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::events::TEST_NOTE;
use shared::core::events::webhook_secrets::WebhookSecrets;
use shared::zoho::http;
use shared::zoho::signature::{HEADER, SignedText, sign_body};
use tokio::time::sleep;

use crate::commands::failure::Failure;
use crate::commands::installation::{Installation, Opened};
use crate::terminal::say;

/// For the whole call.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// A running connector reads the secrets again for what does not fit, but not more often than this.
const RETRY_DELAY: Duration = Duration::from_millis(2500);

#[derive(Args)]
pub(crate) struct SendTest {
    /// Name of the connection
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    /// As who to send
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
    header: Option<(&'static str, String)>,
    body: String,
}

impl SendTest {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Opened { services, public_url, .. } = self.installation.open().await?;
        let known = WebhookSecrets::read(&*services.stores.secrets).await?;
        let test = self.test(&known, services.clock.now())?;
        let url = format!("{}/webhooks/{}/{}", public_url.as_str(), self.connection, test.path);
        let (mut status, mut answer) = post(&url, &test).await?;
        if status == 401 {
            sleep(RETRY_DELAY).await;
            (status, answer) = post(&url, &test).await?;
        }
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

    /// Its body says that it is a test, and differs from every other one.
    fn test(&self, known: &WebhookSecrets, now: Timestamp) -> Result<Test, Failure> {
        let (name, now_ms) = (&self.connection, now.as_millisecond());
        let missing = |how: &str| {
            let how = self.installation.led(how);
            Failure::Other(format!("{name} has none of these secrets yet: {how}"))
        };
        let note = TEST_NOTE;
        Ok(match self.source {
            Source::Inventory => {
                let secret = known.inventory(name).first();
                let secret = secret.ok_or_else(|| missing("`zoho-connector webhooks rotate` makes one"))?;
                let body = json!({
                    "test": { "test_id": now_ms.to_string(), "note": note, "last_modified_time": now.to_string() }
                });
                let body = body.to_string();
                let signature = SignedText::new("", body.as_bytes()).sign(secret);
                Test { path: "inventory/test", header: Some((HEADER, signature)), body }
            }
            Source::Crm => {
                let channel = known.channels(name).last();
                let found = channel.and_then(|id| Some((id, known.channel(name, id).first()?)));
                let (channel, token) =
                    found.ok_or_else(|| missing("channels of Zoho CRM must be set up first"))?;
                let body = json!({
                    "server_time": now_ms, "query_params": {}, "module": "Tests", "resource_uri": note,
                    "ids": [now_ms.to_string()], "affected_fields": [], "operation": "update",
                    "channel_id": channel, "token": token.expose(),
                });
                Test { path: "crm", header: None, body: body.to_string() }
            }
            Source::Custom => {
                let secret = known.custom(name).first();
                let secret = secret
                    .ok_or_else(|| missing("`zoho-connector webhooks rotate --source custom` makes one"))?;
                let body = json!({ "note": note, "time": now.to_string() }).to_string();
                let signature = sign_body(body.as_bytes(), secret);
                Test { path: "custom/test", header: Some(("x-signature", signature)), body }
            }
        })
    }
}

async fn post(url: &str, test: &Test) -> Result<(u16, Value), Failure> {
    let mut request =
        http::browser()?.post(url).timeout(CALL_TIMEOUT).header("content-type", "application/json");
    if let Some((name, value)) = &test.header {
        request = request.header(*name, value);
    }
    let unreachable = |error: reqwest::Error| {
        Failure::Other(format!(
            "{url} does not answer ({}): is the connector running, and is this its address?",
            if error.is_timeout() { "not in time" } else { "no connection" }
        ))
    };
    let answer = request.body(test.body.clone()).send().await.map_err(unreachable)?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(unreachable)?;
    Ok((status, serde_json::from_str(&text).unwrap_or_default()))
}
