//! A store that is filled by the code that fills it in earnest: connections with a token, keys, events.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use shared::base::clock::{SharedClock, SignedDuration, SystemClock, later};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::access::key::{Keys, NewKey};
use shared::core::access::permission::Permission;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::organization::Organization;
use shared::core::events::webhook_secrets::{self, Source};
use shared::core::events::{Delivery, Events};
use shared::core::grant::Grant;
use shared::store::secret_record::text;
use shared::store::sqlite::Sqlite;
use shared::store::{Condition, Key, Put, Stores};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::ScopeSet;
use shared::zoho::secrets::{AccessTokenSecret, RefreshToken};
use tokio::task::JoinSet;

pub(super) const DEFAULT: &str = "default";
pub(super) const WEBHOOK_SECRET: &str = "custom-secret-0123456789";

/// The item as callers of the connector ask for it, and as the connector asks Zoho.
pub(super) const ITEM: &str = "/v1/inventory/items/3300000000070001";
pub(super) const ITEM_OF_ZOHO: &str = "/eu/api/inventory/v1/items/3300000000070001?organization_id=10234695";

const SCOPES: &str = "ZohoInventory.items.READ,ZohoInventory.salesorders.READ,ZohoInventory.contacts.READ,ZohoInventory.settings.READ";

/// What is written at once: the store commits it together.
const AT_ONCE: usize = 256;

/// Somebody with a key.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) key: String,
    pub(super) connection: String,
}

/// A store that is being filled.
pub(super) struct Filled {
    stores: Stores,
    clock: SharedClock,
    callers: Vec<Caller>,
}

impl Filled {
    /// Opens a store, new or not.
    pub(super) async fn make(folder: &Path) -> Self {
        let clock: SharedClock = Arc::new(SystemClock);
        let stores: Stores = Sqlite::open(folder, clock.clone()).unwrap().into();
        Self { stores, clock, callers: Vec::new() }
    }

    /// Those who were added.
    pub(super) fn take_callers(&mut self) -> Vec<Caller> {
        std::mem::take(&mut self.callers)
    }

    /// A connection whose token is fresh, and which takes webhooks.
    pub(super) async fn connect(&self, name: &str) {
        let name: ConnectionName = name.parse().unwrap();
        let now = self.clock.now();
        let organization = Some(Organization {
            id: "10234695".to_owned(),
            name: "Nordlicht Moebel".to_owned(),
            ..Organization::default()
        });
        let expires = later(now, SignedDuration::from_hours(24));
        let token = AccessToken {
            token: AccessTokenSecret::new("1000.access"),
            generation: 1,
            expires,
            data_centre: DataCentre::Eu,
            scopes: ScopeSet::parse(SCOPES),
            organization: organization.clone(),
            crm_organization: None,
        };
        let grant = Grant {
            refresh_token: RefreshToken::new("1000.refresh"),
            generation: 1,
            client_id: "1000.CLIENT".to_owned(),
            home: DataCentre::Eu,
            data_centre: DataCentre::Eu,
            scopes: ScopeSet::parse(SCOPES),
            organization,
            crm_organization: None,
            user: None,
            connected_at: now,
            chosen: None,
        };
        self.secret(&AccessToken::secret_name(&name), text(&token).unwrap()).await;
        webhook_secrets::set(&*self.stores.secrets, &name, Source::Custom, Secret::new(WEBHOOK_SECRET))
            .await
            .unwrap();
        let mut connection = grant.connection(name);
        connection.token_renewed_at = Some(now);
        connection.token_expires = Some(expires);
        assert!(self.stores.state.put(connection.row().unwrap()).await.unwrap().is_done());
    }

    async fn secret(&self, name: &str, value: Secret) {
        let pending = self.stores.secrets.stage(name, &value).await.unwrap();
        assert!(self.stores.secrets.promote(name, &pending, None).await.unwrap());
    }

    /// A key for each number, for the connection of that number.
    pub(super) async fn callers(&mut self, numbers: Range<usize>, connection: impl Fn(usize) -> String) {
        let keys = Arc::new(Keys::new(self.stores.state.clone(), self.clock.clone()));
        let may: Vec<Permission> =
            ["inventory:read", "events"].iter().map(|word| word.parse().unwrap()).collect();
        let made = at_once(numbers, |number| {
            let (keys, may, connection) = (keys.clone(), may.clone(), connection(number));
            async move {
                let name: ConnectionName = connection.parse().unwrap();
                let (_, key) = keys.create(NewKey::new("bench", may, vec![name])).await.unwrap();
                Caller { key: key.expose().to_owned(), connection }
            }
        });
        self.callers.extend(made.await);
    }

    /// Events of the usual connection that are fanned out already. The id of one that lies four fifths of the way through the new ones.
    pub(super) async fn events(&self, numbers: Range<usize>) -> String {
        let events = Arc::new(Events::new(self.stores.events.clone(), self.clock.clone()));
        let now = self.clock.now().to_string();
        let stored = at_once(numbers, |number| {
            let (events, time) = (events.clone(), now.clone());
            async move {
                let delivery = Delivery {
                    connection: ConnectionName::default(),
                    source: "inventory",
                    digest: format!("{number:064x}"),
                    kind: "zoho.inventory.item.updated".to_owned(),
                    subject: Some(format!("item/{number}")),
                    time: Some(time),
                    data: json!({ "item_id": number.to_string() }),
                    body: json!({ "item": { "item_id": number.to_string() } }).to_string(),
                };
                events.store(delivery).await.unwrap().event_id
            }
        });
        let mut ids = stored.await;
        ids.sort_unstable();
        // As if agents had had them all: the fan-out of `serve` goes on behind the last one.
        let position = json!({ "after": ids.last().unwrap(), "parts": 0 });
        let key = Key::new("progress", format!("fan-out/{DEFAULT}"));
        let put = Put::record(key, &position, Condition::Any).unwrap();
        assert!(self.stores.events.put(put).await.unwrap().is_done());
        ids.swap_remove(ids.len() * 4 / 5)
    }
}

/// What comes of each number, in any order.
async fn at_once<T, F>(numbers: Range<usize>, make: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut all = Vec::with_capacity(numbers.len());
    let mut under_way = JoinSet::new();
    for number in numbers {
        if under_way.len() >= AT_ONCE {
            all.push(under_way.join_next().await.unwrap().unwrap());
        }
        under_way.spawn(make(number));
    }
    while let Some(done) = under_way.join_next().await {
        all.push(done.unwrap());
    }
    all
}
