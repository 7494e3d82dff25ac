//! Reconciliations and stock.

use std::time::Duration;

use serde_json::{Value, json};
use shared::base::problem::Code;
use shared::base::secret::Secret;
use shared::core::writes::turns::Turns;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::{Access, Product, ScopeSet};
use tests::in_process;
use tests::inside::Inside;

use super::book::Book;
use super::{Ask, can};

pub(super) async fn provoke(book: &mut Book) {
    const PATH: &str = "/v1/inventory/reconciliations";
    let inside = Inside::start().await;
    inside.connect_with(ScopeSet::of(&Product::ALL, Access::Stock)).await;
    let key = inside.key(can(&["inventory:stock"])).await;
    let made = async |body: Value| -> String {
        let told = in_process::call(&inside.api(), &key, ("POST", PATH), &[], &body).await;
        let body = told.json().unwrap();
        body["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    };
    let counts = json!([{ "sku": "SHELF-OAK-80", "location": "Main", "quantity": 29 }]);
    let none = format!("{PATH}/019acf3d1c0d5e2b8f4a7c6d9e1f203");
    book.note(Code::ReconciliationNotFound, "", inside.api(), &key, Ask::get(&none)).await;
    let open = made(json!({ "counts": counts, "more": true })).await;
    let compare = format!("{PATH}/{open}/compare");
    let ask = || Ask::post(&compare, Value::Null);
    book.note(Code::ReconciliationState, "more counts were announced", inside.api(), &key, ask()).await;
    let apply = format!("{PATH}/{open}/apply");
    let all = json!({ "rows": "all" });
    let ask = Ask::post(&apply, all.clone());
    book.note(Code::ReconciliationState, "", inside.api(), &key, ask).await;
    let many: Vec<Value> = (0..10_001)
        .map(|row| json!({ "item_id": (3_300_000_000_900_000_u64 + row).to_string(), "quantity": 1 }))
        .collect();
    let ask = Ask::post(PATH, json!({ "counts": many }));
    book.note(Code::CallsUnconfirmed, "10,001 counts", inside.api(), &key, ask).await;
    let compared = made(json!({ "counts": counts })).await;
    stock(book, &inside, &key).await;
    inside.advance(Duration::from_secs(8 * 24 * 3600));
    let apply = format!("{PATH}/{compared}/apply");
    book.note(Code::ReconciliationExpired, "after 8 days", inside.api(), &key, Ask::post(&apply, all)).await;
}

async fn stock(book: &mut Book, inside: &Inside, key: &Secret) {
    const PATH: &str = "/v1/inventory/adjustments";
    let oak = |more: Value| {
        let mut body = json!({ "sku": "SHELF-OAK-80", "location": "Main", "reason": "Count" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let ask = Ask::post(PATH, oak(json!({ "target": 3, "expected": 4 })));
    book.note(Code::StockChanged, "", inside.api(), key, ask).await;
    let service = json!({ "sku": "SVC-MOUNT", "reason": "Count", "delta": 1 });
    book.note(Code::ItemNotAdjustable, "a service", inside.api(), key, Ask::post(PATH, service)).await;
    let turns = Turns::new(inside.services.stores.state.clone(), inside.services.clock.clone());
    let soon = tokio::time::Instant::now() + Duration::from_secs(1);
    let turn = turns.take(DataCentre::Eu, "20098765432", soon).await.unwrap().ok().unwrap();
    let ask = Ask::post(PATH, oak(json!({ "delta": 1 })));
    book.note(Code::StockInProgress, "", inside.api(), key, ask).await;
    turns.end(turn).await.unwrap();
}
