//! `zoho-connector sample callback`: an event that is true only for a minute, and so cannot lie in `events/`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use oauth_callback::authorization_request::begin;
use serde_json::{Value, json};
use shared::base::id::ConnectionName;
use shared::core::connection::consent::Consents;

use crate::commands::connect::request::ConsentRequest;
use crate::commands::installation::{Installation, Opened};
use crate::failure::Failure;
use crate::new_file::{Over, Readers, refuse_taken, write};
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
    /// Write over the file if it is there
    #[arg(long)]
    force: bool,
    /// Name of the connection to make, or to connect anew
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    #[command(flatten)]
    request: ConsentRequest,
    #[command(flatten)]
    installation: Installation,
}

impl Sample {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self::Callback(callback) = self;
        // Before anybody consents for nothing.
        let over = Over::Unless { forced: callback.force };
        refuse_taken(&callback.out, over).map_err(Failure::Settings)?;
        let opened = callback.installation.open().await?;
        let Opened { services, public_url, .. } = &opened;
        let wish = callback.request.wish(&opened, &callback.connection).await?;
        let consents = Consents::new(services.stores.state.clone(), services.clock.clone());
        let link = consents.make_link(&wish).await?.digest();
        let pkce = services.settings.pkce;
        let beginning = begin(&consents, &services.centres, public_url, wish, Some(link), pkce).await?;
        let beginning =
            beginning.ok_or_else(|| "too many consents of this connection are open".to_owned())?;
        say("Open this link of Zoho in a browser, and consent:");
        say(format!("  {}", beginning.location));
        let address = ask_line("Paste the address at which the browser ends: ").await?;
        let Some((_, query)) = address.split_once('?') else {
            return Err(Failure::Other("this is not the address that Zoho's consent ends at".to_owned()));
        };
        let domain = public_url.as_str().strip_prefix("https://");
        let cookie = beginning.cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        // The code in it is worth a connection for a minute.
        write(&callback.out, &event(query, cookie, domain)?, over, Readers::Owner)?;
        say(format!("✓ {} is written. Zoho takes its code once, and for a minute:", callback.out.display()));
        say(format!("  cargo lambda invoke oauth-callback --data-file {}", callback.out.display()));
        if domain.is_none() {
            say(format!("  where the function runs with ZOHO_CONNECTOR_PUBLIC_URL={}", public_url.as_str()));
        }
        Ok(())
    }
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
