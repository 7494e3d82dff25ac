//! What the tests of several files watch.

use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::events::subscription::{Channel, Subscription};
use shared::zoho::inventory::record_kinds::RecordKind;

use crate::polling::checkpoint::Checkpoint;

pub(super) fn at(text: &str) -> Timestamp {
    format!("2026-11-21T{text}Z").parse().unwrap()
}

pub(super) fn watch() -> Subscription {
    let mut channel = Channel::new("7".to_owned(), String::new());
    channel.expires = Some(at("20:00:00"));
    Subscription {
        added: [("inventory/item".to_owned(), at("09:00:00"))].into(),
        crm: vec!["Price_Books".to_owned()],
        inventory: vec![RecordKind::ITEM],
        channel: Some(channel),
        ..Subscription::new(ConnectionName::default(), at("08:00:00"))
    }
}

pub(super) fn polled(text: &str) -> Checkpoint {
    Checkpoint { polled_at: Some(at(text)), changes_seen_until: Some(at(text)), ..Checkpoint::default() }
}
