//! `zoho-connector refresh`.

use clap::Args;
use serde_json::json;
use shared::base::id::ConnectionName;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_refresh::{Ask, Reply};
use shared::core::connection::{self, Connection};
use shared::core::grant::client::Clients;
use shared::store::secret_record::load;

use crate::commands::client::set_client_of;
use crate::commands::installation::Installation;
use crate::commands::named_connection;
use crate::failure::Failure;
use crate::patience::patiently;
use crate::terminal::{say, say_json};

#[derive(Args)]
pub(crate) struct Refresh {
    /// Name of the connection
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    /// One JSON document in place of a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Refresh {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = self.installation.open().await?;
        let (services, name) = (&opened.services, self.connection);
        // Whatever is stored is to be replaced, however long it would live.
        let token = load::<AccessToken>(&*services.stores.secrets, &AccessToken::secret_name(&name)).await?;
        let dead = token.map(|(token, _)| token.token.digest());
        let token_refresh = opened.token_refresh();
        let asked = token_refresh.ask(Ask::Renew { connection: name.clone(), dead });
        let reply = patiently(&format!("asking Zoho for a new token of {name}"), asked).await;
        let failed = |line: String| Err(Failure::Other(line));
        match reply.map_err(|error| error.to_string())? {
            Reply::Renewed => {
                let found = connection::get(&*services.stores.state, &name).await?;
                let expires = found.as_ref().and_then(|found| found.token_expires);
                if self.json {
                    let notice = found.as_ref().and_then(Connection::notice);
                    let document = json!({ "connection": name, "token_expires": expires, "notice": notice });
                    return Ok(say_json(&document)?);
                }
                let until = expires.map(|at| format!(", good until {at}")).unwrap_or_default();
                say(format!("✓ {name} has a new access token{until}."));
                if let Some(notice) = found.and_then(|found| found.notice()) {
                    say(format!("  {notice}"));
                }
                Ok(())
            }
            Reply::Wait { seconds, reason } => failed(format!("{reason}. Try again in {seconds} s")),
            Reply::Misconfigured { reason } => {
                let found = named_connection::find(services, &name).await?;
                let (clients, _) = Clients::read(&*services.stores.secrets).await?;
                let set = self.installation.command(&set_client_of(&found, &clients));
                failed(format!("{reason}. Correct it with `{set}`"))
            }
            Reply::ReconnectRequired { .. } => failed(format!(
                "Zoho no longer accepts the grant of {name}: a person must consent again, `{}`",
                self.installation.command(&format!("connect --connection {name}"))
            )),
            Reply::Unknown => {
                named_connection::find(services, &name).await?;
                failed(format!("there is no connection {name}"))
            }
            _ => failed("a renewal is under way; try again in some seconds".to_owned()),
        }
    }
}
