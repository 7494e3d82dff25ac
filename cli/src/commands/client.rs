//! `zoho-connector client set`.

use clap::{Args, Subcommand};
use shared::core::client::{self, Client as Registered};
use shared::zoho::data_centre::DataCentre;

use super::{Failure, Place};
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
    #[command(flatten)]
    place: Place,
}

impl Client {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self::Set(set) = self;
        let id = set.id.trim().to_owned();
        if id.is_empty() {
            return Err(Failure::Other("--id is empty".to_owned()));
        }
        let parts = set.place.open()?;
        let secret = ask_secret("Client secret (not shown): ")?;
        let home = set.data_centre;
        client::set(&*parts.stores.secrets, Registered { id, home, secret, secrets: Vec::new() }).await?;
        say(format!(
            "Client stored. In Zoho's API console ({home}), register this redirect URI to the letter:"
        ));
        say(format!("  {}", parts.settings.public_url.redirect_uri()));
        say("Then: zoho-connector connect");
        Ok(())
    }
}
