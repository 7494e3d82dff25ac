//! Processes of event-delivery, with a token that outlives the simulation.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_delivery::{EventDelivery, trigger_of};
use serde_json::json;
use shared::base::background::Background;
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::base::settings::Settings;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::core::services::Services;
use shared::store::{SecretValue, Secrets, StoreError, Stores, VersionId, secret_record};
use shared::zoho::data_centre::DataCentres;
use shared::zoho::http::Http;
use shared::zoho::scope::ScopeSet;

use super::stage::Stage;
use crate::connected::Account;
use crate::simulation::functions::mortal;
use crate::simulation::history::Who;
use crate::simulation::stores::stores;

/// Secrets with the token of a connection among them, which outlives the simulation.
struct Connected(Arc<dyn Secrets>);

#[async_trait]
impl Secrets for Connected {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        let found = self.0.get(name).await?;
        if name != AccessToken::secret_name(&ConnectionName::default()) {
            return Ok(found);
        }
        let scopes = ScopeSet::parse("ZohoCRM.modules.deals.READ");
        let token = Account { scopes, inventory: None, crm: None }.token("token");
        Ok(Some(SecretValue { value: secret_record::text(&token)?, version: VersionId(String::new()) }))
    }

    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError> {
        self.0.stage(name, value).await
    }

    async fn promote(
        &self,
        name: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        self.0.promote(name, pending, from).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.0.delete(name).await
    }

    async fn versions_since(&self, name: &str, since: Timestamp) -> Result<usize, StoreError> {
        self.0.versions_since(name, since).await
    }
}

fn services(stage: &Stage) -> Services {
    let stores = stores(&stage.world, Who::Run(stage.world.number()));
    Services {
        settings: Arc::new(Settings::read(|_| None).unwrap()),
        clock: stage.world.clock(),
        stores: Stores { secrets: Arc::new(Connected(stores.secrets.clone())), ..stores },
        token_refresh: None,
        http: Http::over(stage.clone()),
        centres: DataCentres::new(None),
        background: Background::default(),
        operator: None,
    }
}

/// token-refresh, which has no other token.
struct NoOther;

#[async_trait]
impl TokenRefreshClient for NoOther {
    async fn ask(&self, _: Ask) -> Result<Reply, TokenRefreshError> {
        Ok(Reply::Unknown)
    }
}

/// A process of event-delivery that dies at its `last` poll.
pub(super) async fn deliver(stage: Stage, last: u64) {
    let function = EventDelivery::new(&services(&stage), Arc::new(NoOther));
    // No row says what is connected, so that the connection must be named, as the stream does.
    let names = BTreeSet::from([ConnectionName::default()]);
    let work = async move { function.sweep(&names).await };
    let _dead_or_done = tokio::time::timeout(Duration::from_secs(60), mortal(work, last)).await;
}

/// A process of event-delivery that is woken by a row of the table.
pub(super) async fn woken(stage: Stage, partition: String, sort: String) {
    let keys = json!({ "pk": { "S": partition }, "sk": { "S": sort } });
    let trigger = trigger_of(&json!({ "Records": [{ "dynamodb": { "Keys": keys } }] })).unwrap();
    EventDelivery::new(&services(&stage), Arc::new(NoOther)).handle(trigger).await.unwrap();
}
