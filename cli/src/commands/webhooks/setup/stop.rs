//! `zoho-connector webhooks setup --stop`.

use shared::base::id::ConnectionName;
use shared::core::connection;
use shared::core::events::subscription;

use crate::commands::failure::Failure;
use crate::commands::installation::Opened;
use crate::commands::webhooks::setup::rules::Rules;
use crate::commands::webhooks::setup::{channel, watch_row};
use crate::terminal::say;

/// Ends the subscription: first here, so that the connector stops polling and renewing, then at Zoho.
pub(super) async fn run(opened: &Opened, name: &ConnectionName) -> Result<(), Failure> {
    let state = &*opened.services.stores.state;
    let before = subscription::get(state, name).await?.map(|stored| stored.watch.inventory);
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
    if let Some(connection) = connection::get(state, name).await? {
        let rules = Rules::of(name, opened.public_url.as_str());
        rules.end(opened, &connection, &before.unwrap_or_default()).await?;
    }
    ended?;
    watch_row::forget(&opened.services, name).await?;
    say(format!("✓ Nothing is watched for {name}."));
    Ok(())
}
