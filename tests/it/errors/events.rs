//! Claims and acknowledgements.

use std::time::Duration;

use event_delivery::EventDelivery;
use serde_json::json;
use shared::base::id::ConnectionName;
use shared::base::problem::Code;
use shared::core::events::Events;
use shared::core::events::ledger::{ClaimTarget, Ending, Ledger};
use tests::changes;
use tests::inside::{Inside, any_key};

use super::book::Book;
use super::{Ask, can};

pub(super) async fn provoke(book: &mut Book) {
    const CLAIM: &str = "/v1/events/claim";
    const ACK: &str = "/v1/events/ack";
    let inside = Inside::start().await;
    let (api, key) = (inside.api(), inside.key(any_key()).await);
    let api = || api.clone();
    let name = ConnectionName::default();
    let store = Events::new(inside.services.stores.events.clone(), inside.services.clock.clone());
    let id = store.store(changes::of_item("1", 0)).await.unwrap().event_id;
    inside.advance(Duration::from_secs(16));
    let delivery = EventDelivery::new(
        &inside.services_of("event-delivery"),
        std::sync::Arc::new(inside.token_refresh.clone()),
    );
    delivery.sweep(&[name.clone()].into()).await.unwrap();
    let ledger = Ledger::new(inside.services.stores.events.clone(), inside.services.clock.clone());
    let told = ledger.freeze(&name, |_| true, |_, _| String::new()).await.unwrap().unwrap().batch.id;

    let ack = json!({ "ids": [id], "outcome": "done" });
    book.note(Code::EventNotClaimed, "", api(), &key, Ask::post(ACK, ack.clone())).await;
    ledger.claim(&name, ClaimTarget::Oldest, 1, 60, "another").await.unwrap();
    let claim = json!({ "delivery": told });
    book.note(Code::EventsClaimed, "another run has them", api(), &key, Ask::post(CLAIM, claim.clone()))
        .await;
    ledger.ack(&name, std::slice::from_ref(&id), Ending::Done, None, "another", None).await.unwrap();
    book.note(Code::EventsClaimed, "all is done", api(), &key, Ask::post(CLAIM, claim)).await;
    let unknown = json!({ "delivery": "x" });
    book.note(Code::EventNotFound, "", api(), &key, Ask::post(CLAIM, unknown)).await;
    let unknown = json!({ "ids": ["0".repeat(31)], "outcome": "done" });
    book.note(Code::EventNotFound, "", api(), &key, Ask::post(ACK, unknown)).await;
    for body in [json!({ "limit": 0 }), json!({ "seconds": 5 })] {
        book.note(Code::BodyInvalid, "", api(), &key, Ask::post(CLAIM, body)).await;
    }
    for body in [json!({ "ids": [], "outcome": "done" }), json!({ "ids": [id], "outcome": "perhaps" })] {
        book.note(Code::BodyInvalid, "", api(), &key, Ask::post(ACK, body)).await;
    }
    let key = inside.key(can(&["crm:read"])).await;
    book.note(Code::KeyNotAllowed, "", api(), &key, Ask::post(ACK, ack)).await;
}
