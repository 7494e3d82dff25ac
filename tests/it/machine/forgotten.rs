//! What is forgotten of a person.

use std::sync::Arc;

use serde_json::{Value, json};
use shared::base::clock::SystemClock;
use shared::base::id::ConnectionName;
use shared::core::events::{Delivery, Events};
use shared::core::forget::{FORGOTTEN, Person, forget};
use shared::store::{Condition, Key, Put, Stores};
use tempfile::TempDir;
use tests::aws::Aws;
use tests::connector::Connector;

use super::{parsed, stores};

/// What both stores must do: rows stay, and say nothing of the person.
async fn forgets(stores: Stores) {
    let connection = ConnectionName::default();
    let events = Events::new(stores.events.clone(), Arc::new(SystemClock));
    let delivery = |name: &str, digest: &str| Delivery {
        connection: connection.clone(),
        source: "crm",
        digest: digest.repeat(64),
        kind: "zoho.crm.contact.updated".to_owned(),
        subject: Some("contact/6100000000700001".to_owned()),
        time: None,
        data: json!({ "ids": ["6100000000700001"] }),
        body: json!({ "name": name, "email": format!("{name}@example.com") }).to_string(),
    };
    let lea = events.store(delivery("lea", "1")).await.unwrap().event_id;
    let tom = events.store(delivery("tom", "2")).await.unwrap().event_id;
    let entry =
        json!({ "subject": null, "before": null, "after": { "to": "Lea <LEA@example.com>", "total": 5 } });
    let put = |partition: &str, value: &Value| {
        Put::record(Key::new(partition, "1"), value, Condition::Any).unwrap()
    };
    stores.state.put(put("audit#gone", &entry)).await.unwrap();
    stores.state.put(put("preview", &json!({ "plan": { "to": "lea@example.com" } }))).await.unwrap();
    stores.state.put(put("key", &json!({ "label": "lea@example.com" }))).await.unwrap();
    let refused = json!({ "said": "400", "reason": "no run for lea@example.com" });
    stores.events.put(put("batch#gone", &refused)).await.unwrap();

    let person = Person::default().with_text("lea@example.com").unwrap();
    let listed = forget(&stores, &person, false).await.unwrap();
    let mut kinds: Vec<_> = listed.iter().map(|trace| trace.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["audit", "batch", "event", "preview"]);
    assert_eq!(forget(&stores, &person, true).await.unwrap(), listed, "a list changes nothing");
    assert!(forget(&stores, &person, false).await.unwrap().is_empty());

    let (_, body) = events.get(&connection, &lea).await.unwrap().unwrap();
    assert_eq!(body.get(), json!({ "name": "lea", "email": FORGOTTEN }).to_string());
    let (_, body) = events.get(&connection, &tom).await.unwrap().unwrap();
    assert!(body.get().contains("tom@example.com"));
    let audit = stores.state.get(&Key::new("audit#gone", "1")).await.unwrap().unwrap();
    let audit: Value = audit.read().unwrap();
    assert_eq!(audit["after"], json!({ "to": FORGOTTEN, "total": 5 }));
    assert!(stores.state.get(&Key::new("preview", "1")).await.unwrap().is_none());
    let batch = stores.events.get(&Key::new("batch#gone", "1")).await.unwrap().unwrap();
    assert_eq!(batch.read::<Value>().unwrap(), json!({ "said": "400", "reason": FORGOTTEN }));
}

#[tokio::test]
async fn a_person_is_forgotten_on_one_machine() {
    let folder = TempDir::new().unwrap();
    forgets(stores(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_forgotten_on_aws() {
    forgets(Aws::get().subject().await.stores).await;
}

#[tokio::test]
async fn the_command_lists_asks_and_forgets() {
    let (connector, agent) = Connector::start().await.with_agent("write", "crm:write").await;
    let note = json!({ "Note_Content": "Call Lea Vogt, +49 30 123456" });
    let notes = "/v1/crm/deals/6100000000451001/notes";
    assert_eq!(agent.write("POST", notes, &[("idempotency-key", "n")], &note).await.status, 201);

    let forget = ["forget", "--text", "004930123456", "--text", "lea vogt"];
    let listed = parsed(&connector.run(&[&forget[..], &["--dry-run", "--json"]].concat(), "").await);
    let kinds: Vec<_> = listed["rows"].as_array().unwrap().iter().map(|row| row["kind"].clone()).collect();
    assert_eq!((kinds, &listed["forgotten"]), (vec![json!("audit"), json!("idempotency")], &json!(false)));
    let unasked = connector.run(&forget, "").await;
    assert!(unasked.code == 1 && unasked.err.contains("entry of the audit of 20"), "{unasked:?}");
    assert!(unasked.err.contains(", connection default") && !unasked.err.contains('#'), "{unasked:?}");
    let done = connector.run(&[&forget[..], &["--yes"]].concat(), "").await;
    assert!(done.code == 0 && done.out.contains("2 rows"), "{done:?}");
    let audit = agent.get("/v1/audit?details=true").await.ok().to_string();
    assert!(audit.contains(FORGOTTEN) && !audit.contains("Vogt"), "{audit}");
    // Who repeats the write still gets its answer, and makes no second note.
    let again = agent.write("POST", notes, &[("idempotency-key", "n")], &note).await;
    assert_eq!((again.status, &again.body["Note_Content"]), (201, &json!(FORGOTTEN)), "{}", again.body);
    let written = agent.get(notes).await.ok();
    let same =
        written["data"].as_array().unwrap().iter().filter(|one| one["Note_Content"] == note["Note_Content"]);
    assert_eq!(same.count(), 1, "{written}");
    let nothing = connector.run(&forget, "").await;
    assert!(nothing.code == 0 && nothing.out.contains("Nothing is kept"), "{nothing:?}");
    let vague = connector.run(&["forget", "--text", "ab"], "").await;
    assert!(vague.code == 1 && vague.err.contains("too short"), "{vague:?}");
}
