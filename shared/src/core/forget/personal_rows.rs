//! Which rows hold what people wrote, and what becomes of one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::person::{FORGOTTEN, Person};
use crate::store::Row;

/// The rows that hold what people wrote: their kind, where in them that stands, and where they name their record.
///
/// Of a delivery to the agent, its message holds nothing that people wrote (`message.rs` of event-delivery); but the words in which a
/// gateway refuses it can be any, those of a proxy before it as well. They stand with the delivery (`batch`, then `told`) and with the
/// state of the hook (`agent`).
const PERSONAL_ROWS: [(&str, &[&str], Option<&str>); 11] = [
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

/// What becomes of a row.
pub(super) enum Change {
    Remove,
    Replace(String, usize),
}

/// What becomes of a row; nothing where it holds nothing of the person.
pub(super) fn change(person: &Person, row: &Row) -> Option<Change> {
    let kind = row.key.partition.split('#').next().unwrap_or_default();
    let (_, pointers, subject) = PERSONAL_ROWS.iter().find(|(held, ..)| *held == kind)?;
    let mut value: Value = serde_json::from_str(&row.value).ok()?;
    // A reconciliation is about things: a number in it is a count.
    let only_texts = (kind == "reconciliation").then(|| person.by_texts());
    let person = only_texts.as_ref().unwrap_or(person);
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
    count += wipe_exact(person, &mut value);
    match (count, kind) {
        (0, _) => None,
        (_, "preview") => Some(Change::Remove),
        _ => Some(Change::Replace(value.to_string(), count)),
    }
}

/// An answer of Zoho's that is kept byte for byte goes as a whole.
fn wipe_exact(person: &Person, value: &mut Value) -> usize {
    let (body, name) = EXACT;
    let text = value.pointer(body).and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok());
    let Some(text) = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) else { return 0 };
    // JSON may write any letter by its number.
    let plain = serde_json::from_str::<Value>(&text).map(|document| document.to_string());
    let in_name = value.pointer(name).and_then(Value::as_str).is_some_and(|name| person.is_in(name));
    if !(in_name || person.is_told_by(&text) || plain.is_ok_and(|plain| person.is_told_by(&plain))) {
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
