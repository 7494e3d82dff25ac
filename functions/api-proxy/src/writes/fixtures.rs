//! A connection and its caller for tests, with a store in memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use shared::base::clock::{SharedClock, SignedDuration, later};
use shared::base::id::ConnectionName;
use shared::base::settings::{SANDBOX_URL, Settings};
use shared::core::access::key::ServiceKey;
use shared::core::access::permission::Permission;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::organization::Organization;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::core::services::Services;
use shared::store::Stores;
use shared::store::secret_record::text;
use shared::store::sqlite::Sqlite;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::{Access, Product, ScopeSet};
use shared::zoho::secrets::AccessTokenSecret;
use tokio::time::Instant;

use crate::request::caller::Caller;
use crate::request::concurrency::Places;
use crate::request::response_headers::ResponseHeaders;

/// When a test begins.
pub(crate) const BEGIN: &str = "2026-11-22T10:00:00Z";

/// Whose stock the connection moves.
pub(crate) const DATA_CENTRE: DataCentre = DataCentre::Eu;
pub(crate) const ORGANIZATION: &str = "1";

/// The token of a test is good.
pub(crate) struct NoTokenRefresh;

#[async_trait]
impl TokenRefreshClient for NoTokenRefresh {
    async fn ask(&self, _: Ask) -> Result<Reply, TokenRefreshError> {
        Err(TokenRefreshError("nobody needs another token".to_owned()))
    }
}

/// Services with a store in memory, whose calls to Zoho go to this address.
pub(crate) fn services(clock: SharedClock, zoho: &str) -> Services {
    let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
    let settings = Settings::read(|name| (name == SANDBOX_URL).then(|| zoho.to_owned())).unwrap();
    Services::new(settings, clock, stores).unwrap()
}

/// Stores a token with these scopes for the default connection.
pub(crate) async fn connect(services: &Services, scopes: &[&str]) {
    let token = AccessToken {
        token: AccessTokenSecret::new("1000.token"),
        generation: 1,
        expires: later(services.clock.now(), SignedDuration::from_hours(1)),
        data_centre: DATA_CENTRE,
        scopes: ScopeSet::parse(&scopes.join(",")),
        organization: Some(Organization { id: ORGANIZATION.to_owned(), ..Organization::default() }),
        crm_organization: None,
    };
    let (secrets, secret) = (&services.stores.secrets, AccessToken::secret_name(&ConnectionName::default()));
    let pending = secrets.stage(&secret, &text(&token).unwrap()).await.unwrap();
    assert!(secrets.promote(&secret, &pending, None).await.unwrap());
}

/// A caller who may move stock with the default connection, and must have an answer after so much time.
pub(crate) fn caller(time: Duration) -> Caller {
    let mut key: ServiceKey = serde_json::from_value(json!({
        "id": "key", "label": "key", "digest": "", "permissions": [], "connections": [], "created": BEGIN, "expires": null,
    }))
    .unwrap();
    key.permissions.push(Permission::Product(Product::Inventory, Access::Stock));
    key.connections.push(ConnectionName::default());
    Caller {
        key: Arc::new(key),
        connection: None,
        organization: None,
        deadline: Instant::now() + time,
        headers: ResponseHeaders::default(),
        place: Places::new(1).take().unwrap(),
    }
}
