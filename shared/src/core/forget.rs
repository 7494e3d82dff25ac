//! Ends what is kept about a person. Rows stay, so that counts and ids stay true; what they say of the person is replaced. Previews are
//! removed: performed, they would write what stands in them to Zoho.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use crate::base::clock::Timestamp;
use crate::base::id::{is_time_ordered, moment_of};
use crate::store::{Condition, Key, Put, Row, StoreError, Stores, Table};

/// What stands in the place of what is forgotten.
pub const FORGOTTEN: &str = "[forgotten]";

/// Rows that are read at once.
const PAGE: usize = 500;

/// How often a row is tried that others change.
const MAX_TRIES: u32 = 5;

/// A shorter text would be found everywhere.
const MIN_TEXT: usize = 3;
const MIN_DIGITS: usize = 6;

/// The rows that hold what people wrote: their kind, where in them that stands, and where they name their record.
///
/// Of a delivery to the agent, its message holds nothing that people wrote (`message.rs` of event-delivery); but the words in which a
/// gateway refuses it can be any, those of a proxy before it as well. They stand with the delivery (`batch`, then `told`) and with the
/// state of the hook (`agent`).
const HELD: [(&str, &[&str], Option<&str>); 11] = [
    ("audit", &["/before", "/after", "/action", "/key_label"], Some("/subject")),
    ("idempotency", &["/state/sent/plan", "/state/done/body"], None),
    ("part", &["/state/sent/plan", "/state/done/body"], None),
    ("preview", &["/plan"], None),
    ("event", &["/event/data", "/body"], Some("/event/subject")),
    ("queue", &["/data"], Some("/subject")),
    ("life", &["/entry/data", "/end/note"], Some("/entry/subject")),
    ("reconciliation", &[""], None),
    ("batch", &GATEWAYS_WORDS, None),
    ("told", &GATEWAYS_WORDS, None),
    ("agent", &["/reason"], None),
];

/// Earlier builds put the reason into `said`.
const GATEWAYS_WORDS: [&str; 2] = ["/said", "/reason"];

/// Where the answer of a call that was passed through stands, in base64, and the name of a file in it.
const EXACT: (&str, &str) = ("/state/done/exact/body", "/state/done/exact/content_disposition");

/// Where rows say when they came or were written. An answer to a write says only until when its request may have run, which is half a minute
/// later.
const MOMENTS: [&str; 5] = ["/at", "/event/receivedtime", "/receivedtime", "/entry/receivedtime", "/until"];

/// The ends of names of fields that say nothing of a person, in small letters.
const NEUTRAL: [&str; 14] = [
    "id",
    "ids",
    "type",
    "status",
    "module",
    "event",
    "operation",
    "source",
    "kind",
    "action",
    "time",
    "_at",
    "date",
    "currency_code",
];

/// What a person is known by.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// In small letters.
    texts: Vec<String>,
    /// The digits of numbers, however these are written.
    numbers: Vec<String>,
    /// Ids of records.
    ids: Vec<String>,
}

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

/// What becomes of a row.
enum Change {
    Remove,
    Replace(String, usize),
}

impl Person {
    /// Adds an address, a number or a name.
    ///
    /// # Errors
    /// Where the text is too short to mean one person.
    pub fn with_text(mut self, text: &str) -> Result<Self, String> {
        let text = text.trim().to_lowercase();
        if text.chars().count() < MIN_TEXT {
            return Err(format!("{text:?} is too short to mean one person: {MIN_TEXT} characters or more"));
        }
        // Without what comes before a country or a town: these zeros stand for others where a `+` is written.
        let digits = digits(&text).trim_start_matches('0').to_owned();
        if text.chars().all(is_of_a_number) && digits.len() >= MIN_DIGITS {
            self.numbers.push(digits);
        }
        self.texts.push(text);
        Ok(self)
    }

    /// Adds a record: `crm:contact/6100000000451001`.
    ///
    /// # Errors
    /// Where the text names none.
    pub fn with_record(mut self, text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no record like crm:contact/6100000000451001");
        let (product, record) = text.trim().split_once(':').ok_or_else(wrong)?;
        let (kind, id) = record.split_once('/').ok_or_else(wrong)?;
        let is_id = id.len() >= MIN_DIGITS && id.bytes().all(|byte| byte.is_ascii_digit());
        if !matches!(product, "crm" | "inventory") || kind.is_empty() || !is_id {
            return Err(wrong());
        }
        self.ids.push(id.to_owned());
        Ok(self)
    }

    /// Whether a text says something of the person.
    fn is_in(&self, text: &str) -> bool {
        let small = text.to_lowercase();
        let has_number = || {
            text.split(|one| !is_of_a_number(one))
                .map(digits)
                .any(|found| self.numbers.iter().any(|number| found.contains(number.as_str())))
        };
        self.texts.iter().any(|own| small.contains(own.as_str())) || !self.numbers.is_empty() && has_number()
    }

    /// Whether a text is the id of the person's record, or names it: `contact/61…`.
    fn is_record(&self, text: &str) -> bool {
        self.ids.iter().any(|id| {
            text.strip_suffix(id.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        })
    }

    /// Replaces what is said of the person, and counts it. In an object that `is_theirs`, all that may be said of a person is.
    fn wipe(&self, value: &mut Value, is_theirs: bool) -> usize {
        match value {
            Value::String(text) => {
                let tells = is_theirs && !text.is_empty() && text.parse::<Timestamp>().is_err();
                if text.as_str() == FORGOTTEN || !(tells || self.is_in(text)) {
                    return 0;
                }
                FORGOTTEN.clone_into(text);
                1
            }
            Value::Number(number) => {
                let is_theirs = !self.numbers.is_empty() && self.is_in(&number.to_string());
                if is_theirs {
                    *value = Value::from(FORGOTTEN);
                }
                usize::from(is_theirs)
            }
            // What is listed in a person's record are things of their own: the lines of an order.
            Value::Array(all) => {
                let wipe = |one: &mut Value| {
                    let is_thing = one.is_object();
                    self.wipe(one, is_theirs && !is_thing)
                };
                all.iter_mut().map(wipe).sum()
            }
            Value::Object(fields) => {
                let names_them = |value: &Value| value.as_str().is_some_and(|text| self.is_record(text));
                let is_theirs = is_theirs || fields.values().any(names_them);
                let wipe = |(name, value): (&String, &mut Value)| {
                    let tells = is_theirs && !is_neutral(name, value);
                    self.wipe(value, tells)
                };
                fields.iter_mut().map(wipe).sum()
            }
            Value::Null | Value::Bool(_) => 0,
        }
    }

    /// What becomes of a row; nothing where it holds nothing of the person.
    fn change(&self, row: &Row) -> Option<Change> {
        let kind = row.key.partition.split('#').next().unwrap_or_default();
        let (_, pointers, subject) = HELD.iter().find(|(held, ..)| *held == kind)?;
        let mut value: Value = serde_json::from_str(&row.value).ok()?;
        // A reconciliation is about things: a number in it is a count.
        let only_texts =
            (kind == "reconciliation").then(|| Self { texts: self.texts.clone(), ..Self::default() });
        let person = only_texts.as_ref().unwrap_or(self);
        let named = subject.and_then(|pointer| value.pointer(pointer)).and_then(Value::as_str);
        let is_theirs = named.is_some_and(|subject| person.is_record(subject));
        let mut count = 0;
        for pointer in *pointers {
            if let Some(found) = value.pointer_mut(pointer) {
                // What was done stays: only what it was done with goes.
                let is_content = !matches!(*pointer, "/action" | "/key_label");
                count += person.wipe(found, is_theirs && is_content);
            }
        }
        count += person.wipe_exact(&mut value);
        match (count, kind) {
            (0, _) => None,
            (_, "preview") => Some(Change::Remove),
            _ => Some(Change::Replace(value.to_string(), count)),
        }
    }

    /// An answer of Zoho's that is kept byte for byte goes as a whole.
    fn wipe_exact(&self, value: &mut Value) -> usize {
        let (body, name) = EXACT;
        let text = value.pointer(body).and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok());
        let Some(text) = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) else { return 0 };
        // JSON may write any letter by its number.
        let plain = serde_json::from_str::<Value>(&text).map(|document| document.to_string());
        let in_name = value.pointer(name).and_then(Value::as_str).is_some_and(|name| self.is_in(name));
        let tells = |text: &str| self.is_in(text) || self.ids.iter().any(|id| text.contains(id.as_str()));
        if !(in_name || tells(&text) || plain.is_ok_and(|plain| tells(&plain))) {
            return 0;
        }
        if let Some(body) = value.pointer_mut(body) {
            *body = STANDARD.encode(format!("\"{FORGOTTEN}\"")).into();
        }
        if let Some(name) = value.pointer_mut(name) {
            *name = Value::Null;
        }
        1
    }
}

/// Whether a number of a telephone may have it.
fn is_of_a_number(one: char) -> bool {
    one.is_ascii_digit() || matches!(one, '+' | '-' | '(' | ')' | '/' | '.' | ' ' | '\u{a0}')
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn is_neutral(name: &str, value: &Value) -> bool {
    let name = name.to_ascii_lowercase();
    let is_named_id = name.ends_with("id") || name.ends_with("ids");
    NEUTRAL.iter().any(|end| name.ends_with(end)) && !name.contains("birth") && (!is_named_id || is_id(value))
}

/// Whether it is an id, or several. A name in some network is none, although its field is called one: `Skype_ID`.
fn is_id(value: &Value) -> bool {
    match value {
        Value::String(text) => text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'),
        Value::Array(all) => all.iter().all(is_id),
        _ => true,
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
                let Some(change) = person.change(&row) else { continue };
                let values = match &change {
                    Change::Remove => 0,
                    Change::Replace(_, count) => *count,
                };
                traces.push(Trace::of(&row, values));
                if ends {
                    apply(table, person, row, change).await?;
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
async fn apply(
    table: &dyn Table,
    person: &Person,
    mut row: Row,
    mut change: Change,
) -> Result<(), StoreError> {
    for _ in 0..MAX_TRIES {
        let (key, condition) = (row.key.clone(), Condition::Version(row.version));
        let done = match change {
            Change::Remove => table.delete(row.key, condition).await?,
            Change::Replace(value, _) => {
                table.put(Put { key: row.key, value, condition, expires: row.expires }).await?
            }
        };
        if done.is_done() {
            return Ok(());
        }
        let Some(now) = table.get(&key).await? else { return Ok(()) };
        let Some(again) = person.change(&now) else { return Ok(()) };
        (row, change) = (now, again);
    }
    Err(changed(&row.key))
}

fn changed(key: &Key) -> StoreError {
    StoreError::Unavailable(format!("{}/{} is being changed by others all the time", key.partition, key.sort))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Version;

    fn row(partition: &str, value: &Value) -> Row {
        let (key, version) = (Key::new(partition, "1"), Version("v".to_owned()));
        Row { key, value: value.to_string(), version, expires: None }
    }

    fn after(person: &Person, partition: &str, value: &Value) -> Option<Value> {
        match person.change(&row(partition, value))? {
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
