//! The row of what is watched: written here as it is wanted, and by token-refresh as it is.

use shared::base::id::ConnectionName;
use shared::base::secret::random_hex;
use shared::core::parts::Parts;
use shared::core::watch::{self, Channel, Kind, Watch};

use super::Failure;
use super::wanted::Wanted;
use crate::commands::place::Opened;

/// How often the row is read again that somebody else changed meanwhile.
const TRIES: usize = 5;

/// Writes down what is wanted, and whether CRM is to tell of it through a channel. Of Inventory nothing is known yet.
pub(super) async fn set(
    opened: &Opened,
    name: &ConnectionName,
    wanted: &Wanted,
    by_channel: bool,
) -> Result<(), Failure> {
    let notify_url = format!("{}/webhooks/{name}/crm", opened.public_url.as_str());
    change(&opened.parts, name, |watch| {
        watch.crm.clone_from(&wanted.crm);
        watch.inventory.clone_from(&wanted.inventory);
        watch.inventory_tells = false;
        let channel = watch.channel.take().filter(|_| by_channel);
        watch.channel = by_channel.then(|| {
            let channel = channel.unwrap_or_else(|| Channel::new(new_id(&opened.parts), String::new()));
            Channel { notify_url: notify_url.clone(), ..channel }
        });
    })
    .await
}

/// Writes down that Inventory tells of these kinds, unless something else was wanted since.
pub(super) async fn inventory_tells(
    opened: &Opened,
    name: &ConnectionName,
    kinds: &[Kind],
) -> Result<(), Failure> {
    let state = &*opened.parts.stores.state;
    for _ in 0..TRIES {
        let Some(stored) = watch::get(state, name).await? else { return Ok(()) };
        if kinds.is_empty() || stored.watch.inventory != kinds {
            return Ok(());
        }
        let watch = Watch { inventory_tells: true, ..stored.watch.clone() };
        if watch::put(state, &watch, Some(&stored)).await? {
            return Ok(());
        }
    }
    Err(busy())
}

/// Changes the row, making it where there is none.
pub(super) async fn change(
    parts: &Parts,
    name: &ConnectionName,
    how: impl Fn(&mut Watch),
) -> Result<(), Failure> {
    let state = &*parts.stores.state;
    for _ in 0..TRIES {
        let stored = watch::get(state, name).await?;
        let mut watch = match &stored {
            Some(stored) => stored.watch.clone(),
            None => Watch {
                connection: name.clone(),
                since: parts.clock.now(),
                crm: Vec::new(),
                inventory: Vec::new(),
                channel: None,
                inventory_tells: false,
            },
        };
        if watch.crm.is_empty() && watch.inventory.is_empty() {
            watch.since = parts.clock.now();
        }
        how(&mut watch);
        if stored.as_ref().is_some_and(|stored| stored.watch == watch)
            || watch::put(state, &watch, stored.as_ref()).await?
        {
            return Ok(());
        }
    }
    Err(busy())
}

/// Forgets the row.
pub(super) async fn forget(parts: &Parts, name: &ConnectionName) -> Result<(), Failure> {
    let state = &*parts.stores.state;
    for _ in 0..TRIES {
        match watch::get(state, name).await? {
            Some(stored) if !watch::remove(state, &stored).await? => {}
            _ => return Ok(()),
        }
    }
    Err(busy())
}

fn busy() -> Failure {
    Failure::Other("what is watched is being changed by somebody else; run the command again".to_owned())
}

/// Seconds and five random digits: a number that every reader of JSON keeps exactly.
fn new_id(parts: &Parts) -> String {
    let random = u64::from_str_radix(&random_hex::<8>(), 16).unwrap_or_default() % 100_000;
    format!("{}{random:05}", parts.clock.now().as_second())
}
