//! Ends what is kept about a person. Rows stay, so that counts and ids stay true; what they say of the person is replaced. Previews are
//! removed: performed, they would write what stands in them to Zoho.

mod person;
mod personal_rows;

use serde::Serialize;
use serde_json::Value;

use crate::base::clock::Timestamp;
use crate::base::id::{is_time_ordered, moment_of};
use crate::store::{Condition, Key, Put, Row, StoreError, Stores, Table};
use personal_rows::{Change, change};

pub use person::{FORGOTTEN, Person};

/// Rows that are read at once.
const PAGE: usize = 500;

/// How often a row is tried that others change.
const MAX_TRIES: u32 = 5;

/// Where rows say when they came or were written. An answer to a write says only until when its request may have run, which is half a minute
/// later.
const MOMENTS: [&str; 5] = ["/at", "/event/receivedtime", "/receivedtime", "/entry/receivedtime", "/until"];

/// A row that holds something of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// Of which kind: `audit`.
    pub kind: String,
    /// Its key.
    pub partition: String,
    /// The rest of its key.
    pub sort: String,
    /// Of which connection it is, where it says so.
    pub connection: Option<String>,
    /// When it came or was written, where it says so.
    pub at: Option<Timestamp>,
    /// How many values are replaced; none where the row is removed.
    pub values: usize,
    /// When it would have ended by itself.
    pub ends: Option<Timestamp>,
}

impl Trace {
    fn of(row: &Row, values: usize) -> Self {
        let Key { partition, sort } = &row.key;
        let (kind, connection) = match partition.split_once('#') {
            Some((kind, connection)) => (kind, Some(connection.to_owned())),
            None => (partition.as_str(), None),
        };
        let value: Value = serde_json::from_str(&row.value).unwrap_or_default();
        let told = || MOMENTS.iter().find_map(|pointer| value.pointer(pointer)?.as_str()?.parse().ok());
        // Ids begin with their moment, and other keys are digests.
        let id = sort.split(['/', '.']).next().filter(|id| is_time_ordered(id));
        let at = told().or_else(|| id.and_then(moment_of));
        let (kind, partition, sort) = (kind.to_owned(), partition.clone(), sort.clone());
        Self { kind, partition, sort, connection, at, values, ends: row.expires }
    }
}

/// The rows that hold something of a person; with `ends`, they lose it.
///
/// # Errors
/// Where a store fails, or a row is being changed all the time.
pub async fn forget(stores: &Stores, person: &Person, ends: bool) -> Result<Vec<Trace>, StoreError> {
    let mut traces = Vec::new();
    for table in [&*stores.state, &*stores.events] {
        let mut after = None;
        loop {
            let (rows, next) = table.scan(after, PAGE).await?;
            for row in rows {
                let Some(due) = change(person, &row) else { continue };
                let values = match &due {
                    Change::Remove => 0,
                    Change::Replace(_, count) => *count,
                };
                traces.push(Trace::of(&row, values));
                if ends {
                    apply(table, person, row, due).await?;
                }
            }
            match next {
                Some(_) => after = next,
                None => break,
            }
        }
    }
    Ok(traces)
}

/// Changes a row, and what others make of it meanwhile.
async fn apply(table: &dyn Table, person: &Person, mut row: Row, mut due: Change) -> Result<(), StoreError> {
    for _ in 0..MAX_TRIES {
        let (key, condition) = (row.key.clone(), Condition::Version(row.version));
        let done = match due {
            Change::Remove => table.delete(row.key, condition).await?,
            Change::Replace(value, _) => {
                table.put(Put { key: row.key, value, condition, expires: row.expires }).await?
            }
        };
        if done.is_done() {
            return Ok(());
        }
        let Some(now) = table.get(&key).await? else { return Ok(()) };
        let Some(again) = change(person, &now) else { return Ok(()) };
        (row, due) = (now, again);
    }
    Err(changed(&row.key))
}

fn changed(key: &Key) -> StoreError {
    StoreError::Unavailable(format!("{}/{} is being changed by others all the time", key.partition, key.sort))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;
    use crate::store::Version;

    fn row(partition: &str, value: &Value) -> Row {
        let (key, version) = (Key::new(partition, "1"), Version("v".to_owned()));
        Row { key, value: value.to_string(), version, expires: None }
    }

    fn after(person: &Person, partition: &str, value: &Value) -> Option<Value> {
        match change(person, &row(partition, value))? {
            Change::Remove => Some(Value::Null),
            Change::Replace(text, _) => Some(serde_json::from_str(&text).unwrap()),
        }
    }

    #[test]
    fn an_address_goes_wherever_it_is_written() {
        let person = Person::default().with_text(" Lea@Example.com ").unwrap();
        let entry = json!({"id": "1", "subject": "contact/611", "before": {"Email": "LEA@example.com", "Last_Name": "Vogt"},
            "after": {"note": "ask lea@example.com, please"}, "action": "GET /x?email=lea@example.com", "key_label": "agent"});
        let forgotten = after(&person, "audit#default", &entry).unwrap();
        assert_eq!(forgotten["before"], json!({"Email": FORGOTTEN, "Last_Name": "Vogt"}));
        assert_eq!(forgotten["after"], json!({"note": FORGOTTEN}));
        assert_eq!((&forgotten["action"], &forgotten["subject"]), (&json!(FORGOTTEN), &json!("contact/611")));
        assert!(after(&person, "audit#default", &forgotten).is_none(), "once is enough");
        assert!(
            after(&person, "key", &json!({"label": "lea@example.com"})).is_none(),
            "keys are the operator's"
        );
        assert_eq!(after(&person, "preview", &json!({"plan": {"to": "lea@example.com"}})), Some(Value::Null));
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        let local = Person::default().with_text("030 123456").unwrap();
        assert!(local.is_in("+49 30 123456") && !local.is_in("030 1234 and 56"));
        let person = Person::default().with_text("+49 (30) 123-456").unwrap();
        for written in ["+4930123456", "call 0049 30 123456 today", "+49.30.123.456"] {
            let event = json!({"event": {"data": {}}, "body": {"phone": written, "total": "12.50"}});
            let body = after(&person, "event#default", &event).unwrap()["body"].clone();
            assert_eq!(body, json!({"phone": FORGOTTEN, "total": "12.50"}), "{written}");
        }
        let event = json!({"event": {"data": {}}, "body": {"phone": 4_930_123_456_u64, "n": 49}});
        assert_eq!(
            after(&person, "event#default", &event).unwrap()["body"],
            json!({"phone": FORGOTTEN, "n": 49})
        );
    }

    #[test]
    fn a_record_goes_with_all_that_is_said_of_it_and_ids_stay() {
        let person = Person::default().with_record("crm:contact/6100000000451001").unwrap();
        let event = json!({
            "event": {"id": "e", "subject": "contact/6100000000451001", "data": {"module": "Contacts", "ids": ["6100000000451001"]}},
            "body": {"Last_Name": "Vogt", "Phone": "030 1", "Modified_Time": "2026-11-30T10:00:00+01:00", "Mailing": {"City": "Kiel"}, "id": "6100000000451001"},
        });
        let forgotten = after(&person, "event#default", &event).unwrap();
        assert_eq!(forgotten["event"], event["event"]);
        assert_eq!(
            forgotten["body"],
            json!({"Last_Name": FORGOTTEN, "Phone": FORGOTTEN, "Modified_Time": "2026-11-30T10:00:00+01:00", "Mailing": {"City": FORGOTTEN}, "id": "6100000000451001"})
        );
        let named = json!({"event": {"subject": "contact/6100000000451001", "data": {}},
            "body": {"Skype_ID": "lea.vogt", "Birthdate": "1990-02-03", "Owner_id": "6100000000123001", "Created_date": "2026-11-30"}});
        assert_eq!(
            after(&person, "event#default", &named).unwrap()["body"],
            json!({"Skype_ID": FORGOTTEN, "Birthdate": FORGOTTEN, "Owner_id": "6100000000123001", "Created_date": "2026-11-30"})
        );
        let order = json!({"event": {"subject": "salesorder/33", "data": {}}, "body": {"salesorder": {
            "customer_id": "6100000000451001", "customer_name": "Vogt", "lines": [{"name": "Oak"}], "total": 5}, "by": "me"}});
        let body = after(&person, "event#default", &order).unwrap()["body"].clone();
        let expected = json!({"customer_id": "6100000000451001", "customer_name": FORGOTTEN, "lines": [{"name": "Oak"}], "total": 5});
        assert_eq!(body, json!({"salesorder": expected, "by": "me"}));
    }

    #[test]
    fn the_words_of_a_gateway_go_and_the_delivery_stays() {
        let person = Person::default().with_text("lea@example.com").unwrap();
        let said = "no run for Lea@example.com";
        let delivery = |said: &str, reason: &str| json!({"id": "d", "at": "2026-11-30T10:00:00Z", "ids": ["e"], "body": "{}", "said": said, "reason": reason});
        for kind in ["batch#default", "told#default"] {
            assert_eq!(after(&person, kind, &delivery("400", said)), Some(delivery("400", FORGOTTEN)));
            let of_before = delivery(&format!("400: {said}"), "");
            assert_eq!(after(&person, kind, &of_before), Some(delivery(FORGOTTEN, "")));
            assert!(after(&person, kind, &delivery("400", "unknown agentId")).is_none());
        }
        let hook = |reason: &str| json!({"turns": [1_795_341_600_000_u64], "refused": ["digest", 400], "reason": reason});
        assert_eq!(after(&person, "agent", &hook(said)), Some(hook(FORGOTTEN)));
        // A moment is no number of a telephone.
        let number = Person::default().with_text("1795341600000").unwrap();
        assert!(after(&number, "agent", &hook(said)).is_none());
    }

    #[test]
    fn an_answer_that_is_kept_byte_for_byte_goes_as_a_whole() {
        let person = Person::default().with_text("Lea Vogt").unwrap();
        let answer = |body: &str| {
            let exact = json!({"content_type": "text/plain", "content_disposition": null, "body": STANDARD.encode(body)});
            json!({"request": "r", "state": {"done": {"status": 200, "body": null, "exact": exact}}})
        };
        let forgotten = after(&person, "idempotency", &answer("dear lea vogt")).unwrap();
        assert_eq!(forgotten, answer("\"[forgotten]\""));
        assert!(
            after(&person, "idempotency", &answer(r#"{"to":"Lea Vo\u0067t"}"#)).is_some(),
            "by its number"
        );
        assert!(after(&person, "idempotency", &answer("dear all")).is_none());
    }

    #[test]
    fn a_row_is_told_by_its_kind_its_connection_and_its_day() {
        let day = "2026-11-30T10:00:00Z".parse::<Timestamp>().unwrap();
        let of = |partition: &str, sort: &str, value: Value| {
            let trace = Trace::of(&Row { key: Key::new(partition, sort), ..row(partition, &value) }, 1);
            (trace.kind, trace.connection, trace.at)
        };
        let shop = || Some("shop".to_owned());
        let arrived = json!({ "event": { "receivedtime": day } });
        assert_eq!(of("event#shop", "1", arrived), ("event".to_owned(), shop(), Some(day)));
        let written = json!({ "until": day });
        assert_eq!(of("idempotency", &"ab".repeat(32), written), ("idempotency".to_owned(), None, Some(day)));
        // A digest is no moment.
        assert_eq!(of("preview", &"0a".repeat(32), json!({})), ("preview".to_owned(), None, None));
        let id = crate::base::id::time_ordered(day);
        let (_, _, at) = of("reconciliation#shop", &format!("{id}/part/1"), json!({}));
        assert_eq!(at, Some(day));
    }

    #[test]
    fn what_could_mean_everybody_is_refused() {
        for text in ["", "a", " ab "] {
            assert!(Person::default().with_text(text).is_err(), "{text}");
        }
        for text in [
            "contact/6100000000451001",
            "crm:contact",
            "crm:contact/",
            "crm:contact/12",
            "books:contact/6100000000451001",
        ] {
            assert!(Person::default().with_record(text).is_err(), "{text}");
        }
    }
}
