//! Bodies of webhooks, each properly signed: what is taken can be read back as it came, and is stored once.
//!
//! The input: a letter that chooses the door, then the body.

#![no_main]

use fuzz::hooks::{CUSTOM, INVENTORY, TOKEN, sign};
use fuzz::{Desk, Intake, chosen, lines, problem, send, signed};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use shared::base::id::ConnectionName;
use shared::core::events::Events;

const DOORS: [&str; 5] = [
    "/webhooks/default/inventory/item.updated",
    "/webhooks/default/inventory/item.deleted",
    "/webhooks/default/custom/stock.counted",
    "/webhooks/default/crm",
    "/webhooks/default/custom/other",
];

async fn take(intake: &Intake, input: &[u8]) {
    let Some(([door], body)) = lines(input) else { return };
    let path = *chosen(door, &DOORS);
    let inventory = sign(INVENTORY, &signed::inventory_text("", body));
    let custom = format!("sha256={}", sign(CUSTOM, body));
    let headers = [("x-zoho-webhook-signature", &*inventory), ("x-signature", &*custom)];
    let post = async || send(&intake.router, "POST", path, &headers, body).await.unwrap();
    let told = post().await;
    problem::demand(&told);
    let stored = intake.house.memory.rows("event#");
    if told.status != 200 {
        // Genuine, so that only what cannot be read or kept is refused. CRM's token stands in the body, which is anything.
        let usual = matches!(told.status.as_u16(), 400 | 413);
        assert!(usual || (path.ends_with("/crm") && told.status == 401), "{}", told.text());
        assert!(stored.is_empty(), "refused and stored: {}", told.text());
        return;
    }
    let receipt = told.json().unwrap();
    let id = receipt["event_id"].as_str().unwrap();
    assert_eq!(receipt["duplicate"], false, "{receipt}");
    let name = ConnectionName::default();
    let services = &intake.house.services;
    let events = Events::new(services.stores.events.clone(), services.clock.clone());
    let (event, kept) = events.get(&name, id).await.unwrap().expect("what is acknowledged is stored");
    let listed = events.newest(&name, 10).await.unwrap();
    assert!(listed.contains(&event));
    // A second event is the connector's own word to the operator.
    assert!(stored.len() == 1 || (stored.len() == 2 && kept.get().contains("${")), "{}", stored.len());
    let kept: Value = serde_json::from_str(kept.get()).unwrap();
    if path.ends_with("/crm") {
        assert!(signed::is_of_crm(body) || serde_json::from_slice::<Value>(body).is_err());
        assert!(kept.get("token").is_none(), "{kept}");
        assert!(stored.iter().all(|row| !row.value.contains(TOKEN) || body_repeats_token(body)));
    } else if let Ok(sent) = serde_json::from_slice::<Value>(body)
        // Inventory's other bodies are forms, even those that are JSON, like `0`.
        && (path.contains("/custom/") || signed::is_json(body))
    {
        assert_eq!(kept, sent, "kept as it came");
    }
    let again = post().await.json().unwrap();
    assert_eq!((&again["event_id"], &again["duplicate"]), (&receipt["event_id"], &Value::Bool(true)));
    assert_eq!(intake.house.memory.rows("event#").len(), stored.len(), "stored twice");
}

/// Whether the token stands in other fields, too, which is the sender's own fault.
fn body_repeats_token(body: &[u8]) -> bool {
    let fields = serde_json::from_slice::<Value>(body).ok().and_then(|value| value.as_object().cloned());
    fields.is_none_or(|mut fields| {
        fields.shift_remove("token");
        Value::Object(fields).to_string().contains(TOKEN)
    })
}

thread_local! {
    static DESK: Desk<Intake> = Desk::open();
}

fuzz_target!(|input: &[u8]| {
    DESK.with(|desk| desk.take(async |intake| take(intake, input).await));
});
