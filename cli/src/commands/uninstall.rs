//! `zoho-connector uninstall`: revokes all grants at Zoho, deletes what is kept, and says what is left to do.

use std::time::Duration;

use clap::Args;
use shared::base::id::ConnectionName;
use shared::base::settings::Home;
use shared::core::access::key::Keys;
use shared::core::connection;
use shared::core::connection::orders::Order;
use shared::core::connection::token_refresh::Reply;
use tokio::time::sleep;

use crate::commands::failure::Failure;
use crate::commands::installation::{Installation, Opened};
use crate::terminal::{agrees, can_ask, say};

/// A renewal that is under way ends within this many tries, two seconds apart.
const TRIES: u32 = 15;

#[derive(Args)]
pub(crate) struct Uninstall {
    /// Ask nothing
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Uninstall {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = self.installation.open().await?;
        let (state, clock) = (&opened.services.stores.state, &opened.services.clock);
        let connections = connection::list(&**state).await?;
        let names: Vec<_> = connections.iter().map(|found| found.name.as_str()).collect();
        let keys = Keys::new(state.clone(), clock.clone()).list().await?.len();
        let place = match &opened.services.settings.home {
            Home::Stack(stack) => format!("the stack {}", stack.name),
            Home::Folder(folder) => format!("the folder {}", folder.display()),
        };
        say(format!("This ends the connector in {place} for good:"));
        match names.as_slice() {
            [] => say("  no connection is there to be ended;"),
            names => say(format!("  its grants are revoked at Zoho: {};", names.join(", "))),
        }
        say(format!("  {keys} service keys, the audit, the events and all settings are lost."));
        if !self.yes {
            if !can_ask() {
                return Err(Failure::Settings("nobody can be asked here: say --yes".to_owned()));
            }
            if !agrees("Go on?").await? {
                return Err(Failure::Other("nothing was done".to_owned()));
            }
        }
        let mut unrevoked = Vec::new();
        for found in &connections {
            if !end(&opened, &found.name).await? {
                unrevoked.push(found.name.as_str());
            }
        }
        if !unrevoked.is_empty() {
            say(format!(
                "✗ Zoho did not confirm the end of {}. Remove the app in the Zoho account: Security, Connected Apps.",
                unrevoked.join(", ")
            ));
        }
        remove(&opened).await?;
        say("What is yours to do at Zoho: delete the webhooks and rules that you made in Zoho Inventory");
        say(
            "(Settings, Automation), and the client in https://api-console.zoho.com if nothing else uses it.",
        );
        Ok(())
    }
}

/// Ends a connection, once no renewal is under way. Says whether Zoho confirmed it.
async fn end(opened: &Opened, name: &ConnectionName) -> Result<bool, Failure> {
    for tried in 1..=TRIES {
        match opened.order(&Order::Disconnect { connection: name.clone() }).await? {
            Reply::Disconnected { revoked } => {
                say(format!(
                    "✓ {name} is disconnected{}.",
                    if revoked { ", here and at Zoho" } else { " here" }
                ));
                return Ok(revoked);
            }
            Reply::Unknown => return Ok(true),
            _ if tried < TRIES => sleep(Duration::from_secs(2)).await,
            _ => {}
        }
    }
    Err(Failure::Other(format!("a renewal of {name} is under way; run the command again in a minute")))
}

/// Deletes secrets and tables of a stack, and says what is left to do.
#[cfg_attr(
    not(feature = "stack"),
    expect(clippy::unused_async, reason = "it waits where it is built with AWS")
)]
async fn remove(opened: &Opened) -> Result<(), Failure> {
    match &opened.services.settings.home {
        Home::Folder(folder) => {
            say(format!(
                "Stop `serve`, and delete the folder {}: all that is kept is in it.",
                folder.display()
            ));
        }
        #[cfg(feature = "stack")]
        Home::Stack(stack) => {
            use shared::store::aws::{remove_secrets, remove_table};

            let config = crate::commands::installation::aws_config().await?;
            let secrets = remove_secrets(&config, &stack.name).await?;
            say(format!("✓ {} secrets are deleted.", secrets.len()));
            for table in stack.state_table.iter().chain(&stack.events_table) {
                if remove_table(&config, table).await? {
                    say(format!("✓ The table {table} is deleted."));
                }
            }
            say("Now delete the stack, for its schedules find no tables any more:");
            say(format!("  sam delete --stack-name {}", stack.name));
            say("AWS keeps for a while, or until you delete it:");
            say("  a backup of each table for 35 days, for nothing (DynamoDB, Backups);");
            say("  the metrics in the namespace ZohoConnector, for 15 months and for nothing;");
            say("  the bucket of SAM with the uploaded code (stack aws-sam-cli-managed-default);");
            say("  your own certificate, key of KMS and records in the DNS, if you gave any.");
        }
        #[cfg(not(feature = "stack"))]
        Home::Stack(_) => {}
    }
    Ok(())
}
