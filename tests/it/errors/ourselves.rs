//! The connector's own failures.

use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use shared::base::problem::Code;
use shared::base::settings::Settings;
use shared::base::web::finish;
use shared::core::services::Services;
use shared::store::{Key, Outcome, Page, Query, Row, StoreError, Stores, Table, Write as Step};
use tests::inside::{Inside, any_key};

use super::Ask;
use super::book::Book;

/// A table that does not answer.
struct Broken;

#[async_trait]
impl Table for Broken {
    async fn get(&self, _: &Key) -> Result<Option<Row>, StoreError> {
        Err(StoreError::Unavailable("the disk is full".to_owned()))
    }

    async fn query(&self, _: Query) -> Result<Page, StoreError> {
        Err(StoreError::Unavailable("the disk is full".to_owned()))
    }

    async fn transact(&self, _: Vec<Step>) -> Result<Outcome, StoreError> {
        Err(StoreError::Unavailable("the disk is full".to_owned()))
    }
}

pub(super) async fn provoke(book: &mut Book) {
    let inside = Inside::connected().await;
    let key = inside.key(any_key()).await;
    let stores = Stores { state: std::sync::Arc::new(Broken), ..inside.services.stores.clone() };
    let services = Services { stores, ..inside.services.clone() };
    let api = api_proxy::router(&services, std::sync::Arc::new(inside.token_refresh.clone()));
    book.note(Code::StoreUnavailable, "", api, &key, Ask::get("/v1/status")).await;
    let settings = Settings { calls_at_once: 0, ..(*inside.services.settings).clone() };
    let services = Services { settings: std::sync::Arc::new(settings), ..inside.services.clone() };
    let api = api_proxy::router(&services, std::sync::Arc::new(inside.token_refresh.clone()));
    book.note(Code::ConnectorBusy, "", api, &key, Ask::get("/v1/status")).await;
    // A bug cannot be provoked, but what it would look like can be shown.
    async fn panics() {
        panic!("as a bug would");
    }
    let faulty = finish(Router::new().route("/v1/status", get(panics)), None);
    book.note(Code::Internal, "a bug", faulty, &key, Ask::get("/v1/status")).await;
}
