//! `zoho-connector client set`.

use clap::{Args, Subcommand};
use shared::base::pasted::{clean, oddity};
use shared::core::grant::client;
use shared::core::grant::client::{CentreSecret, Client as Registered, Clients};
use shared::zoho::data_centre::DataCentre;

use crate::commands::failure::Failure;
use crate::commands::installation::{Installation, Opened};
use crate::terminal::{ask_secret, say};

#[derive(Subcommand)]
pub(crate) enum Client {
    /// Stores a client's id and secret; the secret is asked for, or read from standard input
    Set(Set),
}

#[derive(Args)]
pub(crate) struct Set {
    /// Client id, as Zoho's API console shows it
    #[arg(long)]
    id: String,
    /// Data centre where the client is registered: us, eu, in, au, jp, ca, sa, cn, uk, ae
    #[arg(long, default_value = "us")]
    data_centre: DataCentre,
    /// The secret holds in this data centre only, beside the one that is set for the others
    #[arg(long, value_name = "DATA_CENTRE")]
    only_for: Option<DataCentre>,
    #[command(flatten)]
    installation: Installation,
}

impl Client {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self::Set(set) = self;
        let id = clean(&set.id);
        if id.is_empty() {
            return Err(Failure::Other("--id is empty".to_owned()));
        }
        if let Some(oddity) = oddity(&id) {
            return Err(Failure::Other(format!("--id holds {oddity}: a client id looks like 1000.ABC…")));
        }
        let Opened { services, public_url } = set.installation.open_or_make().await?;
        let secret = ask_secret("Client secret (not shown): ")?.into();
        let secrets = &*services.stores.secrets;
        let (clients, _) = Clients::read(secrets).await?;
        let known = clients.find(&id).cloned();
        let (home, client) = match (set.only_for, known) {
            (None, _) => {
                let home = set.data_centre;
                (home, Registered { id, home, secret, secrets: Vec::new() })
            }
            (Some(data_centre), Some(mut known)) => {
                known.secrets.retain(|entry| entry.data_centre != data_centre);
                known.secrets.push(CentreSecret { data_centre, secret });
                (known.home, known)
            }
            (Some(_), None) => {
                return Err(Failure::Other(format!(
                    "there is no client {id} yet; set it without --only-for first"
                )));
            }
        };
        client::set(secrets, client).await?;
        say(format!(
            "Client stored. In Zoho's API console ({home}), register this redirect URI to the letter:"
        ));
        say(format!("  {}", public_url.redirect_uri()));
        say(format!("Then: {}", set.installation.command("connect")));
        Ok(())
    }
}
