//! `zoho-connector disconnect`.

use clap::Args;
use shared::base::id::ConnectionName;
use shared::core::connection::orders::Order;
use shared::core::connection::token_refresh::Reply;
use shared::core::events::webhook_secrets;

use crate::commands::failure::Failure;
use crate::commands::installation::Installation;
use crate::terminal::say;

#[derive(Args)]
pub(crate) struct Disconnect {
    /// Name of the connection
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    #[command(flatten)]
    installation: Installation,
}

impl Disconnect {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = self.installation.open().await?;
        let name = self.connection;
        match opened.order(&Order::Disconnect { connection: name.clone() }).await? {
            Reply::Disconnected { revoked } => {
                if revoked {
                    say(format!("✓ {name} is disconnected, here and at Zoho."));
                } else {
                    say(format!("✓ {name} is deleted here, but Zoho did not confirm the end of the grant."));
                    say("  Remove the app in the Zoho account: Security, Connected Apps.");
                }
                // Else webhooks of this company would be accepted for the next one that is connected under this name.
                if webhook_secrets::forget(&*opened.services.stores.secrets, &name).await? {
                    say("✓ Its webhooks are refused from now on.");
                    say(
                        "  Delete those that you made in Zoho Inventory, with their rules: Settings, Automation.",
                    );
                }
            }
            Reply::Unknown => return Err(Failure::Other(format!("there is no connection {name}"))),
            _ => return Err(Failure::Other("a renewal is under way; try again in some seconds".to_owned())),
        }
        Ok(())
    }
}
