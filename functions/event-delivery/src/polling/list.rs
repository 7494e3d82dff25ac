//! The lists that are polled, made of what is watched.

use shared::base::clock::{SignedDuration, Timestamp, earlier};
use shared::base::id::ConnectionName;
use shared::core::events::ledger::REMEMBERED;
use shared::core::events::subscription::Subscription;
use shared::zoho::change_lists::Order;
use shared::zoho::crm;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::scope::Product;

/// A poll begins this much before the end of the last one: clocks differ, and a list may show a change late.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);

/// A list that is polled.
#[derive(Debug)]
pub(super) struct List {
    pub(super) connection: ConnectionName,
    pub(super) source: Source,
    /// The word for one of its records in events.
    pub(super) record: String,
    /// From when on changes count.
    pub(super) since: Timestamp,
    /// Whether webhooks report its changes, too.
    pub(super) has_webhooks: bool,
    /// When webhooks last came back after they were lost.
    pub(super) restored: Option<Timestamp>,
    /// The least time between two polls for each call that a poll takes.
    pub(super) pause_per_call: SignedDuration,
}

/// What is listed.
#[derive(Debug)]
pub(super) enum Source {
    /// A module of CRM.
    Crm(String),
    /// A kind of record of Inventory.
    Inventory(&'static RecordKind),
}

impl List {
    /// Its name in the store and in the log.
    pub(super) fn name(&self) -> String {
        let list = match &self.source {
            Source::Crm(module) => module,
            Source::Inventory(kind) => kind.word,
        };
        format!("{}/{}/{list}", self.connection, self.product())
    }

    pub(super) fn product(&self) -> Product {
        match self.source {
            Source::Crm(_) => Product::Crm,
            Source::Inventory(_) => Product::Inventory,
        }
    }

    /// CRM's lists are read oldest change first, so that a poll can stop and go on. Inventory has no filter by time that is sure
    /// to work, so its lists are read newest change first.
    pub(super) fn order(&self) -> Order {
        match self.source {
            Source::Crm(_) => Order::OldestFirst,
            Source::Inventory(_) => Order::NewestFirst,
        }
    }

    /// From when on a poll looks for changes, where all are known until `seen_until`. The ledger forgets older changes, so it
    /// cannot say whether they are known.
    pub(super) fn poll_from(&self, seen_until: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let known = seen_until.map_or(self.since, |seen| earlier(seen, OVERLAP));
        known.max(self.since).max(earlier(now, REMEMBERED))
    }
}

/// The lists of what is watched for a connection.
pub(super) fn lists_of(watch: &Subscription, now: Timestamp) -> Vec<List> {
    let list = |source, record: String, has_webhooks, restored| {
        let since = match &source {
            Source::Crm(module) => watch.since_of(Product::Crm, module),
            Source::Inventory(kind) => watch.since_of(Product::Inventory, kind.word),
        };
        let (connection, pause_per_call) = (watch.connection.clone(), SignedDuration::ZERO);
        List { connection, source, record, since, has_webhooks, restored, pause_per_call }
    };
    let channel = watch.channel.as_ref();
    let is_live = channel.is_some_and(|channel| channel.is_live(now));
    let restored = channel.and_then(|channel| channel.restored);
    let modules = watch.crm.iter().map(|module| {
        list(Source::Crm(module.clone()), crm::modules::record_word(module), is_live, restored)
    });
    let kinds = watch
        .inventory
        .iter()
        .map(|kind| list(Source::Inventory(kind), kind.word.to_owned(), watch.inventory_tells, None));
    modules.chain(kinds).collect()
}

#[cfg(test)]
mod tests {
    use shared::base::clock::later;

    use super::*;
    use crate::polling::fixtures::{at, watch};

    #[test]
    fn a_poll_begins_a_little_before_the_end_of_the_last_one_and_never_before_the_watch() {
        let watch = watch();
        let lists = lists_of(&watch, at("12:00:00"));
        let base = |list: usize, through| lists[list].poll_from(through, at("12:00:00"));
        assert_eq!(base(0, None), at("08:00:00"));
        assert_eq!(base(0, Some(at("09:00:00"))), at("08:50:00"));
        assert_eq!(base(0, Some(at("08:05:00"))), at("08:00:00"));
        let much_later = later(at("12:00:00"), SignedDuration::from_hours(60 * 24));
        assert_eq!(lists[0].poll_from(Some(at("09:00:00")), much_later), earlier(much_later, REMEMBERED));
        // Added an hour later, and perhaps watched long before that, too.
        assert_eq!(base(1, None), at("09:00:00"));
        assert_eq!(base(1, Some(at("07:00:00"))), at("09:00:00"));
        let names: Vec<_> = lists.iter().map(|list| (list.name(), list.record.clone())).collect();
        assert_eq!(
            names,
            [
                ("default/crm/Price_Books".to_owned(), "price_book".to_owned()),
                ("default/inventory/item".to_owned(), "item".to_owned())
            ]
        );
    }
}
