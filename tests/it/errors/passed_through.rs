//! The pass-through.

use serde_json::{Value, json};
use shared::base::problem::Code;
use tests::inside::{Inside, any_key};

use super::book::Book;
use super::{Ask, can};

pub(super) async fn provoke(book: &mut Book) {
    let inside = Inside::connected().await;
    let api = inside.api();
    let plain = inside.key(any_key()).await;
    let groups = "/v1/zoho/inventory/itemgroups";
    book.note(Code::KeyNotAllowed, "key without a pattern", api.clone(), &plain, Ask::get(groups)).await;
    let key = inside.key(can(&["zoho:*:inventory/**", "zoho:*:crm/**"])).await;
    book.note(Code::RouteNotFound, "", api.clone(), &key, Ask::get("/v1/zoho/books/invoices")).await;
    let hooks = "/v1/zoho/inventory/settings/webhooks";
    book.note(Code::PathDenied, "whatever the key may do", api.clone(), &key, Ask::get(hooks)).await;
    for path in [
        "/v1/zoho/inventory/items/../organizations",
        "/v1/zoho/inventory/items//1",
        "/v1/zoho/inventory/items%2F1",
        "/v1/zoho/inventory/items?organization_id=1",
        "/v1/zoho/inventory/items?dry_run=true",
    ] {
        book.note(Code::InvalidParameter, "", api.clone(), &key, Ask::get(path)).await;
    }
    let post = Ask::post(groups, json!({ "organization_id": "1" })).with("content-type", "application/json");
    book.note(Code::BodyInvalid, "`{\"organization_id\":\"1\"}`", api.clone(), &key, post).await;
    let text = Ask::post(groups, Value::String("x".to_owned())).with("content-type", "text/plain");
    book.note(Code::BodyInvalid, "`Content-Type: text/plain`", api.clone(), &key, text).await;
    let large = Ask::post(groups, Value::String("x".repeat(5_000_000)));
    book.note(Code::BodyTooLarge, "5 MB", api.clone(), &key, large).await;
    let delete = Ask { method: "DELETE", ..Ask::get("/v1/zoho/crm/Deals/6100000000451001") };
    book.note(Code::PreviewRequired, "every DELETE", api, &key, delete).await;
}
