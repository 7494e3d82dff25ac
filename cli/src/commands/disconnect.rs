//! `zoho-connector disconnect`.

use std::sync::Arc;

use clap::Args;
use shared::base::id::ConnectionName;
use shared::core::renewer::{Ask, Reply};
use token_refresh::Local;

use super::Failure;
use super::place::{Opened, Place};
use crate::terminal::say;

#[derive(Args)]
pub(crate) struct Disconnect {
    /// Name of the connection
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    #[command(flatten)]
    place: Place,
}

impl Disconnect {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Opened { parts, .. } = self.place.open().await?;
        let name = self.connection;
        let renewer = parts.renewer.clone().unwrap_or_else(|| Arc::new(Local::new(&parts)));
        let reply = renewer.ask(Ask::Disconnect { connection: name.clone() }).await;
        match reply.map_err(|error| error.to_string())? {
            Reply::Disconnected { revoked: true } => {
                say(format!("✓ {name} is disconnected, here and at Zoho."));
            }
            Reply::Disconnected { revoked: false } => {
                say(format!("✓ {name} is deleted here, but Zoho did not confirm the end of the grant."));
                say("  Remove the app in the Zoho account: Security, Connected Apps.");
            }
            Reply::Unknown => return Err(Failure::Other(format!("there is no connection {name}"))),
            _ => return Err(Failure::Other("a renewal is under way; try again in some seconds".to_owned())),
        }
        Ok(())
    }
}
