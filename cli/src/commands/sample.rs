//! `zoho-connector sample callback`: an event that is true only for a minute, and so cannot lie in `events/`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use oauth_callback::begin::begin;
use serde_json::{Value, json};
use shared::core::connection::consent::Consents;

use crate::commands::connect::request::ConsentRequest;
use crate::commands::failure::Failure;
use crate::commands::installation::{Installation, Opened};
use crate::terminal::{ask_line, say};

const EVENT: &str = include_str!("../../../events/oauth-callback.json");

#[derive(Subcommand)]
pub(crate) enum Sample {
    /// Begins a consent, and writes the event with which its browser comes back to oauth-callback
    Callback(Callback),
}

#[derive(Args)]
pub(crate) struct Callback {
    /// Where to write it
    #[arg(long, value_name = "FILE", default_value = "callback.json")]
    out: PathBuf,
    #[command(flatten)]
    request: ConsentRequest,
    #[command(flatten)]
    installation: Installation,
}

impl Sample {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self::Callback(callback) = self;
        let opened = callback.installation.open().await?;
        let Opened { services, public_url, .. } = &opened;
        let wish = callback.request.wish(&opened).await?;
        let consents = Consents::new(services.stores.state.clone(), services.clock.clone());
        let link = consents.make_link(&wish).await?.digest();
        let pkce = services.settings.pkce;
        let beginning = begin(&consents, &services.centres, public_url, wish, Some(link), pkce).await?;
        let beginning =
            beginning.ok_or_else(|| "too many consents of this connection are open".to_owned())?;
        say("Open this link of Zoho in a browser, and consent:");
        say(format!("  {}", beginning.location));
        let address = ask_line("Paste the address at which the browser ends: ")?;
        let Some((_, query)) = address.split_once('?') else {
            return Err(Failure::Other("this is not the address that Zoho's consent ends at".to_owned()));
        };
        let domain = public_url.as_str().strip_prefix("https://");
        let cookie = beginning.cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        write_private(&callback.out, &event(query, cookie, domain)?)
            .map_err(|error| format!("{} could not be written: {error}", callback.out.display()))?;
        say(format!("✓ {} is written. Zoho takes its code once, and for a minute:", callback.out.display()));
        say(format!("  cargo lambda invoke oauth-callback --data-file {}", callback.out.display()));
        if domain.is_none() {
            say(format!("  where the function runs with ZOHO_CONNECTOR_PUBLIC_URL={}", public_url.as_str()));
        }
        Ok(())
    }
}

/// Writes a file that only its owner may read: the code in it is worth a connection for a minute.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // One that was there keeps its rights when it is opened.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}

/// The event as API Gateway sends it.
fn event(query: &str, cookie: &str, domain: Option<&str>) -> Result<String, String> {
    let mut event: Value = serde_json::from_str(EVENT).map_err(|error| error.to_string())?;
    if let Some(event) = event.as_object_mut() {
        event.insert("rawQueryString".to_owned(), query.into());
        event.insert("cookies".to_owned(), json!([cookie]));
        event.remove("queryStringParameters");
        if let Some(domain) = domain
            && let Some(context) = event.get_mut("requestContext").and_then(Value::as_object_mut)
        {
            context.insert("domainName".to_owned(), domain.into());
        }
    }
    serde_json::to_string_pretty(&event).map_err(|error| error.to_string())
}
