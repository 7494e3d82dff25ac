//! Zoho's refusals and failures.

use std::time::Duration;

use sandbox::{Fault, FaultKind, Gate, Limit};
use serde_json::json;
use shared::base::problem::Code;
use tests::inside::{Inside, any_key};

use super::book::Book;
use super::{Ask, DEALS, IN_TIME, ITEMS, time_is_up};

pub(super) async fn provoke(book: &mut Book) {
    let inside = Inside::connected().await;
    let (api, key) = (inside.api(), inside.key(any_key()).await);
    let kind_of =
        |status: u16, text: &str| FaultKind::Body(status, "application/json".to_owned(), text.to_owned());
    let crm = |code: &str, message: &str| {
        json!({ "code": code, "details": {}, "message": message, "status": "error" }).to_string()
    };
    let cases = [
        (Code::ZohoRejected, ITEMS, kind_of(400, r#"{"code":2,"message":"Invalid value passed for page"}"#)),
        (Code::ZohoForbidden, DEALS, kind_of(403, &crm("NO_PERMISSION", "permission denied"))),
        (
            Code::RecordLocked,
            DEALS,
            kind_of(400, r#"{"data":[{"code":"RECORD_LOCKED","message":"record locked","status":"error"}]}"#),
        ),
        (
            Code::OrganizationRefused,
            ITEMS,
            kind_of(400, r#"{"code":6041,"message":"This user is not associated with the CompanyID."}"#),
        ),
        (Code::ZohoRateLimited, DEALS, FaultKind::RateLimit(Limit::CrmTooMany)),
        (Code::ZohoRateLimited, ITEMS, FaultKind::RateLimit(Limit::Concurrent)),
        (Code::ZohoDailyLimit, ITEMS, FaultKind::RateLimit(Limit::PerDay)),
        (Code::ZohoUnavailable, ITEMS, FaultKind::Status(500)),
        (Code::ZohoUnavailable, ITEMS, FaultKind::ResetBefore),
        (Code::ZohoUnreadable, ITEMS, FaultKind::Html200),
        (Code::ZohoUnreadable, DEALS, kind_of(200, "{}")),
    ];
    for (code, path, kind) in cases {
        let why = match &kind {
            FaultKind::RateLimit(limit) => format!("{limit:?}"),
            FaultKind::Body(status, ..) | FaultKind::Status(status) => format!("Zoho answers {status}"),
            FaultKind::Html200 => "a maintenance page".to_owned(),
            _ => "the connection breaks".to_owned(),
        };
        inside.zoho.sandbox.inject(Fault { path_contains: "/api/".to_owned(), times: 30, kind });
        book.note(code, &why, inside.cold(), &key, Ask::get(path).within(9)).await;
        inside.zoho.sandbox.clear_faults();
        // What Zoho said of its limits is remembered.
        inside.advance(Duration::from_secs(2 * 3600));
    }
    let gate = Gate::default();
    let slow = FaultKind::Held(gate.clone());
    inside.zoho.sandbox.inject(Fault { path_contains: "/api/".to_owned(), times: 1, kind: slow });
    let ask = Ask::get(ITEMS).within(IN_TIME);
    tokio::join!(book.note(Code::ZohoTimeout, "Zoho is slow", api.clone(), &key, ask), time_is_up(&gate));
    inside.zoho.sandbox.add_item(
        json!({ "item_id": "3300000000990009", "name": "Long", "description": "x".repeat(9_000_000) }),
    );
    let large = Ask::get("/v1/inventory/items/3300000000990009");
    book.note(Code::ResponseTooLarge, "a description of 9 MB", api.clone(), &key, large).await;
    inside.zoho.sandbox.add_item(
        json!({ "item_id": "3300000000990008", "name": "Long", "description": "x".repeat(5_000_000) }),
    );
    let large = Ask::get("/v1/inventory/items/3300000000990008");
    book.note(Code::ResponseTooLarge, "a description of 5 MB", api, &key, large).await;
}
