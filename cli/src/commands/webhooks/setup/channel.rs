//! CRM's channel: asked for and ended by token-refresh, which renews it ever after.

use std::time::Duration;

use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::connection::token_refresh::{Ask, Reply};
use shared::core::events::subscription;
use shared::core::events::webhook_secrets;
use shared::core::events::webhook_secrets::WebhookSecrets;
use tokio::time::sleep;

use crate::commands::failure::Failure;
use crate::commands::installation::Opened;
use crate::commands::webhooks::secret::new_secret;
use crate::commands::webhooks::setup::watch_row;

/// How often token-refresh is asked while somebody else is at it, and how long between.
const TRIES: usize = 5;
const AGAIN: Duration = Duration::from_secs(2);

/// Has the channel made or brought in line that the row wants; its end by CRM's word, or why there is none.
pub(super) async fn make(
    opened: &Opened,
    name: &ConnectionName,
) -> Result<Result<Timestamp, String>, Failure> {
    let (state, secrets) = (&*opened.services.stores.state, &*opened.services.stores.secrets);
    let found = subscription::get(state, name).await?.and_then(|stored| stored.watch.channel);
    let Some(channel) = found else {
        return Ok(Err("somebody else has ended it meanwhile".to_owned()));
    };
    // Before CRM is asked: what it tells at once must be known as its own.
    if WebhookSecrets::read(secrets).await?.channel(name, &channel.id).is_empty() {
        webhook_secrets::set_channel(secrets, name, &channel.id, new_secret()).await?;
    }
    Ok(match ask(opened, name).await? {
        Ok(Some(end)) => Ok(end),
        Ok(None) => Err("somebody else has ended it meanwhile".to_owned()),
        Err(reason) => Err(reason),
    })
}

/// Has the channel ended that is there, and forgets its token.
pub(super) async fn end(opened: &Opened, name: &ConnectionName) -> Result<bool, Failure> {
    let (state, secrets) = (&*opened.services.stores.state, &*opened.services.stores.secrets);
    let found = subscription::get(state, name).await?.and_then(|stored| stored.watch.channel);
    let Some(channel) = found else { return Ok(false) };
    watch_row::change(&opened.services, name, |watch| watch.crm.clear()).await?;
    if let Err(reason) = ask(opened, name).await? {
        let end = channel.expires.map(|end| format!(" It ends by itself at {end}.")).unwrap_or_default();
        return Err(Failure::Other(format!(
            "Zoho CRM's channel {} was not ended: {reason}{end} Run the command again",
            channel.id
        )));
    }
    webhook_secrets::remove_channel(secrets, name, &channel.id).await?;
    Ok(true)
}

/// When the channel ends that is there now, nothing where none is wanted; or why it is not as it is wanted.
async fn ask(opened: &Opened, name: &ConnectionName) -> Result<Result<Option<Timestamp>, String>, Failure> {
    let token_refresh = opened.token_refresh();
    for _ in 0..TRIES {
        let reply = token_refresh.ask(Ask::Watch { connection: name.clone() }).await;
        match reply.map_err(|error| error.to_string())? {
            Reply::Watching { expires } => return Ok(Ok(expires)),
            Reply::NotWatching { reason } => return Ok(Err(reason)),
            Reply::Busy | Reply::Full => sleep(AGAIN).await,
            _ => break,
        }
    }
    Err(Failure::Other(
        "token-refresh is busy with this connection; run the command again in some seconds".to_owned(),
    ))
}
