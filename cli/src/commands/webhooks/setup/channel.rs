//! CRM's channel: token-refresh makes, renews and ends it.

use std::time::Duration;

use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::connection::orders::Order;
use shared::core::connection::token_refresh::Reply;
use shared::core::events::subscription;
use shared::core::events::webhook_secrets;
use shared::core::events::webhook_secrets::WebhookSecrets;
use tokio::time::sleep;

use crate::commands::installation::Opened;
use crate::commands::webhooks::secret::new_secret;
use crate::commands::webhooks::setup::watch_row;
use crate::failure::Failure;

/// How often token-refresh is asked while another run holds the connection, and the pause between.
const MAX_TRIES: usize = 5;
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Makes the channel that the subscription describes, or changes the existing one. Gives its end as CRM granted it, or why there is
/// no channel.
pub(super) async fn make(
    opened: &Opened,
    name: &ConnectionName,
) -> Result<Result<Timestamp, String>, Failure> {
    let (state, secrets) = (&*opened.services.stores.state, &*opened.services.stores.secrets);
    let found = subscription::get(state, name).await?.and_then(|stored| stored.watch.channel);
    let Some(channel) = found else {
        return Ok(Err("somebody else has ended it meanwhile".to_owned()));
    };
    // The token is stored before CRM is asked: CRM may send the first notification at once.
    if WebhookSecrets::read(secrets).await?.channel(name, &channel.id).is_empty() {
        webhook_secrets::set_channel(secrets, name, &channel.id, new_secret()).await?;
    }
    Ok(match ask(opened, name).await? {
        Ok(Some(end)) => Ok(end),
        Ok(None) => Err("somebody else has ended it meanwhile".to_owned()),
        Err(reason) => Err(reason),
    })
}

/// Ends the channel, and deletes its token.
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

/// The end of the channel, nothing where the subscription has none; or why CRM refused it.
async fn ask(opened: &Opened, name: &ConnectionName) -> Result<Result<Option<Timestamp>, String>, Failure> {
    for _ in 0..MAX_TRIES {
        match opened.order(&Order::Watch { connection: name.clone() }).await? {
            Reply::Watching { expires } => return Ok(Ok(expires)),
            Reply::NotWatching { reason } => return Ok(Err(reason)),
            Reply::Busy | Reply::Full => sleep(RETRY_DELAY).await,
            _ => break,
        }
    }
    Err(Failure::Other(
        "token-refresh is busy with this connection; run the command again in some seconds".to_owned(),
    ))
}
