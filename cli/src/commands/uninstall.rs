//! `zoho-connector uninstall`: revokes all grants at Zoho and all keys, deletes what a stack keeps, and says what is left to do.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use shared::base::id::ConnectionName;
use shared::base::settings::Home;
use shared::core::access::key::Keys;
use shared::core::connection;
use shared::core::connection::orders::Order;
use shared::core::connection::token_refresh::Reply;
use shared::core::grant::client::Clients;
use shared::store::{StoreError, Table, all_rows};
use tokio::time::sleep;

use crate::commands::client::console;
use crate::commands::confirm::confirm;
use crate::commands::installation::{Installation, Opened};
use crate::commands::keys::in_words;
use crate::failure::{Failure, LEFT_TO_DO};
use crate::terminal::{are, counted, say};

/// A renewal that is under way ends within this many tries, two seconds apart.
const TRIES: u32 = 15;

/// Where it is written which connections have grants beside their own, which Zoho has yet to revoke.
const GRANTS_TO_REVOKE: [&str; 2] = ["parked-grant", "replaced-grant"];

#[derive(Args)]
pub(crate) struct Uninstall {
    /// Do it without being asked
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
        let all_keys = Keys::new(state.clone(), clock.clone());
        let keys = all_keys.list().await?;
        let mut lost: Vec<_> = connections
            .iter()
            .map(|found| format!("the connection {}, here and at Zoho", found.name))
            .collect();
        lost.extend(keys.iter().map(in_words));
        lost.push(kept(&opened.services.settings.home));
        confirm(self.yes, "Lost for good by uninstalling", &lost).await?;
        let mut unrevoked = Vec::new();
        for found in &connections {
            if !end(&opened, &found.name).await? {
                unrevoked.push(found.name.to_string());
            }
        }
        for name in with_grants_to_revoke(&**state).await? {
            unrevoked.push(format!("an earlier or unfinished consent of {name}"));
        }
        // Whoever held one would go on getting answers from a folder that is still served.
        for key in &keys {
            all_keys.revoke(&key.id).await?;
        }
        if !keys.is_empty() {
            say(format!(
                "✓ {} {} revoked, and refused within a minute.",
                counted(keys.len(), "key"),
                are(keys.len())
            ));
        }
        let consoles = consoles(&opened).await;
        remove(&self.installation, &opened).await?;
        say("At Zoho, delete the webhooks and rules that you made in Zoho Inventory (Settings, Automation),");
        say(format!("and the client in {consoles} if nothing else uses it."));
        if let (Some(name), _) = self.installation.to_remember()? {
            say(format!("Have commands forget it: zoho-connector installations forget {name}"));
        }
        if unrevoked.is_empty() {
            say("✓ No connection and no key is left. What stands above is yours to do.");
            return Ok(());
        }
        let names = unrevoked.join(", ");
        Err(Failure::Ended(
            LEFT_TO_DO,
            format!(
                "Zoho did not confirm the end of {names}: remove the app in the Zoho account (Security, Connected Apps)"
            ),
        ))
    }
}

/// Where the clients are, while that is known.
async fn consoles(opened: &Opened) -> String {
    let clients = Clients::read(&*opened.services.stores.secrets).await.map(|(clients, _)| clients);
    let consoles: BTreeSet<_> =
        clients.unwrap_or_default().iter().map(|client| console(client.home)).collect();
    match consoles.is_empty() {
        true => "Zoho's API console".to_owned(),
        false => consoles.into_iter().collect::<Vec<_>>().join(", "),
    }
}

/// What else is lost, and when.
fn kept(home: &Home) -> String {
    let kept = "all events, the audit, mappings, reconciliations and settings";
    match home {
        Home::Folder(folder) => {
            format!("{kept}, but only once you delete the folder {} yourself", folder.display())
        }
        Home::Stack(_) => kept.to_owned(),
    }
}

/// Connections of which an earlier grant, or one that waits for the choice of an organisation, still lives at Zoho. No schedule revokes it
/// once its secret is deleted.
async fn with_grants_to_revoke(state: &dyn Table) -> Result<BTreeSet<String>, StoreError> {
    let mut names = BTreeSet::new();
    for kind in GRANTS_TO_REVOKE {
        names.extend(all_rows(state, kind, "").await?.into_iter().map(|row| row.key.sort));
    }
    Ok(names)
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
    expect(unused_variables, clippy::unused_async, reason = "it asks AWS where it is built with it")
)]
async fn remove(installation: &Installation, opened: &Opened) -> Result<(), Failure> {
    match &opened.services.settings.home {
        Home::Folder(folder) => {
            say(format!(
                "Stop `serve`, then delete the folder {}: all that is kept is still in it, but for copies that `backup` wrote.",
                folder.display()
            ));
        }
        #[cfg(feature = "stack")]
        Home::Stack(stack) => {
            use shared::store::aws::{remove_secrets, remove_table};

            let config = installation.aws().await?;
            let secrets = remove_secrets(&config, &stack.name).await?;
            say(format!("✓ {} {} deleted.", counted(secrets.len(), "secret"), are(secrets.len())));
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
