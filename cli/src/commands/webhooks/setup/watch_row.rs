//! The row of a subscription: setup writes what the operator selects, token-refresh writes the state of the channel.

use std::collections::BTreeMap;

use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::secret::random_hex;
use shared::core::events::subscription;
use shared::core::events::subscription::{Channel, Subscription, list_name};
use shared::core::services::Services;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::scope::Product;

use crate::commands::installation::Opened;
use crate::commands::webhooks::setup::selection::Selection;
use crate::failure::Failure;

/// How often the change is tried while others change the row.
const MAX_TRIES: usize = 5;

/// Who sends changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notifier {
    /// Zoho, CRM through a channel.
    ZohoWithChannel,
    /// Zoho, and CRM is not watched.
    ZohoWithoutChannel,
    /// Nobody: the connector polls.
    Nobody,
}

/// Stores the selection, and who sends its changes. Inventory's webhooks still count as working if neither the kinds nor the address
/// changed. What was not watched `before` counts from now on.
pub(super) async fn set(
    opened: &Opened,
    name: &ConnectionName,
    wanted: &Selection,
    before: Option<&Subscription>,
    told: Notifier,
) -> Result<(), Failure> {
    let origin = opened.public_url.as_str();
    let notify_url = format!("{origin}/webhooks/{name}/crm");
    let now = opened.services.clock.now();
    let since = before.map_or(now, |before| before.since);
    let added = before.map(|before| added(wanted, before, now)).unwrap_or_default();
    change(&opened.services, name, |watch| {
        (watch.since, watch.added) = (since, added.clone());
        watch.inventory_tells &= watch.inventory == wanted.inventory
            && !is_moved(watch, origin, &notify_url)
            && told != Notifier::Nobody;
        watch.crm.clone_from(&wanted.crm);
        watch.inventory.clone_from(&wanted.inventory);
        let by_channel = told == Notifier::ZohoWithChannel;
        let channel = watch.channel.take().filter(|_| by_channel);
        watch.channel = by_channel.then(|| {
            let channel = channel.unwrap_or_else(|| Channel::new(new_id(&opened.services), String::new()));
            Channel { notify_url: notify_url.clone(), ..channel }
        });
    })
    .await
}

/// Whether the connector had another address when this was stored. A row of an earlier build may tell it by the channel alone.
fn is_moved(watch: &Subscription, origin: &str, notify_url: &str) -> bool {
    watch.inventory_origin.as_ref().is_some_and(|before| before != origin)
        || watch.channel.as_ref().is_some_and(|channel| channel.notify_url != notify_url)
}

/// The beginning of each list that this setup or an earlier one added.
fn added(wanted: &Selection, before: &Subscription, now: Timestamp) -> BTreeMap<String, Timestamp> {
    let modules =
        wanted.crm.iter().map(|module| (Product::Crm, module.as_str(), before.crm.contains(module)));
    let kinds = wanted.inventory.iter();
    let kinds = kinds.map(|kind| (Product::Inventory, kind.word, before.inventory.contains(kind)));
    let since = modules.chain(kinds).map(|(product, name, was_watched)| {
        let since = if was_watched { before.since_of(product, name) } else { now };
        (list_name(product, name), since)
    });
    since.filter(|(_, since)| *since != before.since).collect()
}

/// Stores that Inventory's webhooks for these kinds work at this address, unless another setup has changed the selection since.
pub(super) async fn inventory_tells(
    opened: &Opened,
    name: &ConnectionName,
    kinds: &[&'static RecordKind],
) -> Result<(), Failure> {
    let state = &*opened.services.stores.state;
    for _ in 0..MAX_TRIES {
        let Some(stored) = subscription::get(state, name).await? else { return Ok(()) };
        if kinds.is_empty() || stored.watch.inventory != kinds {
            return Ok(());
        }
        let origin = opened.public_url.as_str().to_owned();
        let watch =
            Subscription { inventory_tells: true, inventory_origin: Some(origin), ..stored.watch.clone() };
        if subscription::put(state, &watch, Some(&stored)).await? {
            return Ok(());
        }
    }
    Err(busy())
}

/// Changes the row, making it where there is none.
pub(super) async fn change(
    services: &Services,
    name: &ConnectionName,
    how: impl Fn(&mut Subscription),
) -> Result<(), Failure> {
    let state = &*services.stores.state;
    for _ in 0..MAX_TRIES {
        let stored = subscription::get(state, name).await?;
        let mut watch = match &stored {
            Some(stored) => stored.watch.clone(),
            None => Subscription::new(name.clone(), services.clock.now()),
        };
        how(&mut watch);
        if stored.as_ref().is_some_and(|stored| stored.watch == watch)
            || subscription::put(state, &watch, stored.as_ref()).await?
        {
            return Ok(());
        }
    }
    Err(busy())
}

/// Forgets the row.
pub(super) async fn forget(services: &Services, name: &ConnectionName) -> Result<(), Failure> {
    let state = &*services.stores.state;
    for _ in 0..MAX_TRIES {
        match subscription::get(state, name).await? {
            Some(stored) if !subscription::remove(state, &stored).await? => {}
            _ => return Ok(()),
        }
    }
    Err(busy())
}

fn busy() -> Failure {
    Failure::Other("what is watched is being changed by somebody else; run the command again".to_owned())
}

/// Seconds and five random digits: a number that every reader of JSON keeps exactly.
fn new_id(services: &Services) -> String {
    let random = u64::from_str_radix(&random_hex::<8>(), 16).unwrap_or_default() % 100_000;
    format!("{}{random:05}", services.clock.now().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_address_is_noticed_with_and_without_a_channel() {
        let (old, new) = ("https://old.example.com", "https://new.example.com");
        let hook = |origin: &str| format!("{origin}/webhooks/default/crm");
        let watch = |inventory_origin: Option<&str>, channel: Option<&str>| Subscription {
            inventory: vec![RecordKind::ITEM],
            channel: channel.map(|origin| Channel::new("7".to_owned(), hook(origin))),
            inventory_tells: true,
            inventory_origin: inventory_origin.map(str::to_owned),
            ..Subscription::new(ConnectionName::default(), Timestamp::UNIX_EPOCH)
        };
        for (stored, moved) in [
            (watch(Some(old), None), true),
            (watch(None, Some(old)), true),
            (watch(Some(old), Some(new)), true),
            (watch(Some(new), None), false),
            (watch(None, Some(new)), false),
            (watch(None, None), false),
        ] {
            assert_eq!(is_moved(&stored, new, &hook(new)), moved, "{stored:?}");
        }
    }

    #[test]
    fn what_was_watched_before_keeps_its_beginning_and_what_is_new_begins_now() {
        let at = |text: &str| format!("2026-11-21T{text}:00Z").parse::<Timestamp>().unwrap();
        let before = Subscription {
            added: [("crm/Leads".to_owned(), at("09:00")), ("crm/Calls".to_owned(), at("09:30"))].into(),
            crm: ["Deals", "Leads", "Calls"].map(str::to_owned).to_vec(),
            ..Subscription::new(ConnectionName::default(), at("08:00"))
        };
        let crm = ["Deals", "Leads", "Contacts"].map(str::to_owned).to_vec();
        let wanted = Selection { crm, inventory: vec![RecordKind::ITEM] };
        let added = added(&wanted, &before, at("10:00"));
        let after = Subscription { added, ..before };
        for (product, name, since) in [
            (Product::Crm, "Deals", "08:00"),
            (Product::Crm, "Leads", "09:00"),
            (Product::Crm, "Contacts", "10:00"),
            (Product::Inventory, "item", "10:00"),
        ] {
            assert_eq!(after.since_of(product, name), at(since), "{name}");
        }
        assert_eq!(after.added.len(), 3, "what is not watched any more is forgotten: {:?}", after.added);
    }
}
