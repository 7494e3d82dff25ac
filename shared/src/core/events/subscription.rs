//! The subscription of a connection, in a row of its own: which modules and kinds of records it watches, and CRM's channel, which
//! sends their changes until it ends. The operator sets the modules and kinds; only token-refresh writes the state of the channel.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::clock::{SignedDuration, Timestamp, is_to_come, later};
use crate::base::id::ConnectionName;
use crate::store::{Condition, Key, Put, Row, StoreError, Table, Version, all_rows};
use crate::zoho::inventory::record_kinds::RecordKind;
use crate::zoho::scope::Product;

const PARTITION: &str = "watch";

/// The pause between two renewals of a channel. It is short because only Zoho's answer shows that a channel is gone.
const RENEWED_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// What is watched for one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Whose account.
    pub connection: ConnectionName,
    /// From when on changes count.
    pub since: Timestamp,
    /// The same for modules and kinds that were added later, by [`list_name`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub added: BTreeMap<String, Timestamp>,
    /// Modules of CRM, by their API names.
    #[serde(default)]
    pub crm: Vec<String>,
    /// Kinds of records of Inventory.
    #[serde(default)]
    pub inventory: Vec<&'static RecordKind>,
    /// CRM's channel; nothing where the connector only polls.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// Whether Inventory's own webhooks send changes of these kinds; else the connector polls often.
    #[serde(default)]
    pub inventory_tells: bool,
    /// The origin of the addresses to which these webhooks post.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory_origin: Option<String>,
}

/// The name of a watched list, unique among both products.
pub fn list_name(product: Product, name: &str) -> String {
    format!("{product}/{name}")
}

impl Subscription {
    /// One that watches nothing yet.
    pub fn new(connection: ConnectionName, since: Timestamp) -> Self {
        Self {
            connection,
            since,
            added: BTreeMap::new(),
            crm: Vec::new(),
            inventory: Vec::new(),
            channel: None,
            inventory_tells: false,
            inventory_origin: None,
        }
    }

    /// From when on changes of a module or a kind count.
    pub fn since_of(&self, product: Product, name: &str) -> Timestamp {
        self.added.get(&list_name(product, name)).copied().unwrap_or(self.since)
    }
}

/// A channel of CRM's notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its id, which we chose.
    pub id: String,
    /// Where CRM posts.
    pub notify_url: String,
    /// When CRM last said that it is there.
    pub confirmed: Option<Timestamp>,
    /// When it ends, as CRM granted it.
    pub expires: Option<Timestamp>,
    /// Since when it was found to be gone, as long as it is.
    pub lost: Option<Timestamp>,
    /// When it last came back after it was gone: the connector polls for the changes in between.
    pub restored: Option<Timestamp>,
    /// CRM's refusal, as long as it lasts.
    pub refused: Option<Refusal>,
}

/// A channel that CRM does not want.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// When CRM refused it.
    pub at: Timestamp,
    /// CRM's reason, in words for people.
    pub reason: String,
}

impl Channel {
    /// One that does not exist yet.
    pub fn new(id: String, notify_url: String) -> Self {
        let (confirmed, expires, lost, restored, refused) = Default::default();
        Self { id, notify_url, confirmed, expires, lost, restored, refused }
    }

    /// Whether it is to be renewed now: long before its end, whatever Zoho granted, and at once where it never was there. What would be
    /// due later than any renewal is from before the clock was set back: the channel would end at Zoho before that.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due().is_none_or(|due| !is_to_come(due, now, RENEWED_EVERY))
    }

    fn due(&self) -> Option<Timestamp> {
        if let Some(refused) = &self.refused {
            return Some(later(refused.at, RENEWED_EVERY));
        }
        let (Some(confirmed), Some(expires)) = (self.confirmed, self.expires) else { return None };
        let half = expires.duration_since(confirmed) / 2;
        Some(later(confirmed, half.min(RENEWED_EVERY)))
    }

    /// Whether it ends soon: less than a quarter is left of what Zoho granted. It was not renewed when it should have been.
    pub fn is_ending(&self, now: Timestamp) -> bool {
        let (Some(confirmed), Some(expires)) = (self.confirmed, self.expires) else { return false };
        expires.duration_since(now) < expires.duration_since(confirmed) / 4
    }

    /// Whether CRM sends changes through it now.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.lost.is_none() && self.expires.is_some_and(|expires| now < expires)
    }
}

/// A row that was read, and by whose version it is replaced.
#[derive(Debug, Clone)]
pub struct Stored {
    /// What is watched.
    pub watch: Subscription,
    version: Version,
}

/// Reads what is watched for one connection.
///
/// # Errors
/// Where the store fails.
pub async fn get(state: &dyn Table, name: &ConnectionName) -> Result<Option<Stored>, StoreError> {
    state.get(&key(name)).await?.map(|row| read(&row)).transpose()
}

/// Reads what is watched for all. A row that cannot be read is left out, and holds up no other.
///
/// # Errors
/// Where the store fails.
pub async fn list(state: &dyn Table) -> Result<Vec<Stored>, StoreError> {
    let rows = all_rows(state, PARTITION, "").await?;
    let readable = |row: &Row| {
        let unreadable = |error: &StoreError| tracing::error!(row = row.key.sort, %error, "what is watched cannot be read");
        read(row).inspect_err(unreadable).ok()
    };
    Ok(rows.iter().filter_map(readable).collect())
}

/// Stores what is watched, in the place of what was read; says whether that was still there.
///
/// # Errors
/// Where the store fails.
pub async fn put(
    state: &dyn Table,
    watch: &Subscription,
    instead: Option<&Stored>,
) -> Result<bool, StoreError> {
    let condition = instead.map_or(Condition::Absent, |stored| Condition::Version(stored.version.clone()));
    Ok(state.put(Put::record(key(&watch.connection), watch, condition)?).await?.is_done())
}

/// Forgets what is watched; says whether it was still what was read.
///
/// # Errors
/// Where the store fails.
pub async fn remove(state: &dyn Table, stored: &Stored) -> Result<bool, StoreError> {
    let condition = Condition::Version(stored.version.clone());
    Ok(state.delete(key(&stored.watch.connection), condition).await?.is_done())
}

fn read(row: &Row) -> Result<Stored, StoreError> {
    Ok(Stored { watch: row.read()?, version: row.version.clone() })
}

/// Where a row stands.
pub fn key(name: &ConnectionName) -> Key {
    Key::new(PARTITION, name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_due_after_an_hour_or_half_of_its_time_and_where_the_clock_was_set_back() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let at = |seconds: i64| later(now, SignedDuration::from_secs(seconds));
        let channel = |confirmed: i64, lives: i64| Channel {
            confirmed: Some(at(confirmed)),
            expires: Some(at(confirmed + lives)),
            ..Channel::new("7".to_owned(), "https://connector.example.com".to_owned())
        };
        let refused = |seconds: i64| Channel {
            refused: Some(Refusal { at: at(seconds), reason: "no such module".to_owned() }),
            ..channel(-7200, 600_000)
        };
        for (channel, is_due) in [
            (Channel::new("7".to_owned(), String::new()), true),
            (channel(-3599, 600_000), false),
            (channel(-3600, 600_000), true),
            (channel(-1799, 3600), false),
            (channel(-1800, 3600), true),
            (refused(-3599), false),
            (refused(-3600), true),
            // Clocks may differ by a minute. What is more is from before the clock was set back.
            (channel(60, 600_000), false),
            (channel(61, 600_000), true),
            (refused(61), true),
        ] {
            assert_eq!(channel.is_due(now), is_due, "{channel:?}");
        }
    }
}
