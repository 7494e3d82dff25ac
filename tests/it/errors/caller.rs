//! Who calls: keys.

use std::time::Duration;

use serde_json::json;
use shared::base::clock::{SignedDuration, later};
use shared::base::problem::Code;
use shared::base::secret::Secret;
use shared::core::access::key::{DayLimits, NewKey};
use tests::inside::{Inside, any_key};

use super::book::Book;
use super::{Ask, ITEMS, ORDERS, can, order};

pub(super) async fn provoke(book: &mut Book) {
    let inside = Inside::connected().await;
    let (api, key) = (inside.api(), inside.key(any_key()).await);
    let wrong = Secret::new(format!("zck_000000000000_{}", "0".repeat(64)));
    let status = || Ask::get("/v1/status");
    book.note(Code::KeyMissing, "no header", api.clone(), &key, status().with("authorization", "")).await;
    book.note(
        Code::KeyInvalid,
        "other scheme",
        api.clone(),
        &key,
        status().with("authorization", "Basic eA=="),
    )
    .await;
    book.note(Code::KeyInvalid, "unknown key", api.clone(), &wrong, status()).await;
    let short = NewKey {
        expires: Some(later(inside.services.clock.now(), SignedDuration::from_mins(1))),
        ..any_key()
    };
    let short = inside.key(short).await;
    inside.advance(Duration::from_secs(61));
    book.note(Code::KeyExpired, "", api.clone(), &short, status()).await;
    let crm = inside.key(can(&["crm:read"])).await;
    book.note(Code::KeyNotAllowed, "key for CRM", api.clone(), &crm, Ask::get(ITEMS)).await;
    book.note(Code::KeyNotAllowed, "key for CRM", api.clone(), &crm, Ask::get("/v1/events")).await;
    book.note(Code::KeyNotAllowed, "key for reading", api.clone(), &key, Ask::post(ORDERS, order())).await;
    let limits = DayLimits { calls: Some(1), writes: None };
    let small = inside.key(NewKey { limits, ..any_key() }).await;
    inside.ask(api.clone(), &small, ITEMS).await;
    book.note(Code::KeyDailyLimit, "", api.clone(), &small, Ask::get(ITEMS)).await;
    let hidden = inside.key(NewKey { redact_contacts: true, ..any_key() }).await;
    let query = json!({ "query": "select Email from Contacts where id is not null" });
    book.note(
        Code::KeyNotAllowed,
        "key with `--redact contacts`",
        api,
        &hidden,
        Ask::post("/v1/crm/query", query),
    )
    .await;
}
