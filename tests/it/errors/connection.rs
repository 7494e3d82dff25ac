//! The connection and its tokens.

use sandbox::{Fault, FaultKind, Gate};
use shared::base::problem::Code;
use shared::zoho::scope::ScopeSet;
use tests::inside::{Inside, any_key};

use super::book::Book;
use super::{Ask, DEALS, IN_TIME, ITEMS, time_is_up};

async fn with_scopes(scopes: &str) -> Inside {
    let inside = Inside::start().await;
    inside.connect_with(ScopeSet::parse(scopes)).await;
    inside
}

pub(super) async fn provoke(book: &mut Book) {
    let token = |times, kind| Fault { path_contains: "/oauth/v2/token".to_owned(), times, kind };
    let slow = Inside::connected().await;
    let key = slow.key(any_key()).await;
    slow.zoho.sandbox.expire_access_tokens();
    let gate = Gate::default();
    slow.zoho.sandbox.inject(token(1, FaultKind::Held(gate.clone())));
    let ask = Ask::get(ITEMS).within(IN_TIME);
    let why = "the renewal takes longer than the caller has";
    tokio::join!(book.note(Code::TokenPending, why, slow.api(), &key, ask), time_is_up(&gate));
    gate.open();

    let down = Inside::connected().await;
    let key = down.key(any_key()).await;
    down.zoho.sandbox.expire_access_tokens();
    down.zoho.sandbox.inject(token(9, FaultKind::Status(503)));
    book.note(Code::TokenCoolingDown, "Zoho's accounts server fails", down.api(), &key, Ask::get(ITEMS))
        .await;

    let dead = Inside::connected().await;
    let key = dead.key(any_key()).await;
    dead.zoho.sandbox.revoke_user_grants();
    book.note(Code::ReconnectRequired, "revoked in Zoho", dead.api(), &key, Ask::get(ITEMS)).await;
    book.note(Code::ReconnectRequired, "revoked in Zoho", dead.api(), &key, Ask::get(DEALS)).await;

    let misconfigured = Inside::connected().await;
    let key = misconfigured.key(any_key()).await;
    let kind = FaultKind::Body(
        200,
        "application/json".to_owned(),
        r#"{"error":"invalid_client_secret"}"#.to_owned(),
    );
    misconfigured.zoho.sandbox.inject(token(1, kind));
    misconfigured.zoho.sandbox.expire_access_tokens();
    let ask = Ask::get(ITEMS);
    book.note(Code::ConnectionMisconfigured, "the client secret was changed", misconfigured.api(), &key, ask)
        .await;

    let crm = with_scopes("ZohoCRM.modules.deals.READ,ZohoCRM.org.READ").await;
    let key = crm.key(any_key()).await;
    book.note(Code::ProductNotConnected, "connected to CRM only", crm.api(), &key, Ask::get(ITEMS)).await;
    for path in ["/v1/crm/deals?stage=Qualification", "/v1/crm/contacts", "/v1/crm/fields?module=Deals"] {
        book.note(Code::ScopeMissing, "", crm.api(), &key, Ask::get(path)).await;
    }
}
