//! `zoho-connector webhooks setup --stop`.

use shared::base::id::ConnectionName;
use shared::core::connection;
use shared::core::events::subscription;
use shared::core::events::subscription::Subscription;

use crate::commands::confirm::confirm;
use crate::commands::installation::Opened;
use crate::commands::named_connection;
use crate::commands::webhooks::setup::rules::Rules;
use crate::commands::webhooks::setup::{channel, watch_row};
use crate::failure::{Failure, LEFT_TO_DO};
use crate::terminal::say;

/// Ends the subscription: first here, so that the connector stops polling and renewing, then at Zoho.
pub(super) async fn run(opened: &Opened, name: &ConnectionName, yes: bool) -> Result<(), Failure> {
    let state = &*opened.services.stores.state;
    let stored = subscription::get(state, name).await?;
    // What an earlier run began to stop is asked about once.
    let lost = stored.as_ref().map(|stored| lost(&stored.watch)).unwrap_or_default();
    if !lost.is_empty() {
        confirm(yes, &format!("Lost by stopping the watch of {name}"), &lost).await?;
    }
    let before = stored.map(|stored| stored.watch.inventory);
    let mut ended = Ok(false);
    if before.is_some() {
        watch_row::change(&opened.services, name, |watch| {
            watch.crm.clear();
            watch.inventory.clear();
            watch.inventory_tells = false;
        })
        .await?;
        ended = channel::end(opened, name).await;
    }
    if let Ok(true) = ended {
        say("✓ Zoho CRM's channel is ended.");
    }
    let mut deleted = true;
    match connection::get(state, name).await? {
        Some(connection) => {
            let rules = Rules::of(name, opened.public_url.as_str());
            deleted = rules.end(opened, &connection, &before.unwrap_or_default()).await?;
        }
        // Without this warning, a mistyped name looks as if something had been ended.
        None if before.is_none() => named_connection::warn_of_unknown(&opened.services, [name]).await?,
        None => {}
    }
    ended?;
    watch_row::forget(&opened.services, name).await?;
    say(format!("✓ Nothing is watched for {name}."));
    if deleted { Ok(()) } else { Err(left_to_delete()) }
}

/// What ends with a subscription, a line each.
fn lost(watch: &Subscription) -> Vec<String> {
    let kinds = watch.inventory.iter().map(|kind| kind.word);
    let watched: Vec<_> = watch.crm.iter().map(String::as_str).chain(kinds).collect();
    let mut lost = Vec::new();
    if !watched.is_empty() {
        lost.push(format!("new events of {}", watched.join(", ")));
    }
    if let Some(channel) = &watch.channel {
        lost.push(format!("Zoho CRM's channel {}", channel.id));
    }
    if watch.inventory_tells {
        lost.push("the webhooks and rules in Zoho Inventory that setup made".to_owned());
    }
    lost
}

/// Webhooks at Zoho that only a person can delete.
pub(super) fn left_to_delete() -> Failure {
    Failure::Ended(LEFT_TO_DO, "Webhooks are left to be deleted in Zoho Inventory, as above.".to_owned())
}
