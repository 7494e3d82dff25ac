//! The page of writes: what keys wrote to Zoho, by record, with what each field was before and is after.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use shared::base::html_page::{Escaped, breakable, to_the_second};
use shared::base::id::{ConnectionName, is_time_ordered};
use shared::core::writes::audit::{Entry, Outcome};
use shared::store::StoreError;

use super::page::{self, Part, foreign, page, state};
use super::shown_connector::ShownConnector;
use super::words::{ago, cut};

/// Writes of a page, and those of the overview.
const WRITES: usize = 30;
const GLANCE: usize = 5;

/// How many pages of the store are looked through for the writes of one record.
const MAX_PAGES: u32 = 40;

/// The longest value that is shown in a row, and the longest record.
const MAX_VALUE: usize = 400;
const MAX_RECORD: usize = 20_000;

/// Fields of a new record that are shown in rows; all of it is behind them.
const MAX_NEW: usize = 12;

#[derive(Deserialize)]
pub(super) struct Asked {
    connection: Option<String>,
    /// The subject of a record: `deal/61…`.
    record: Option<String>,
    before: Option<String>,
}

pub(super) async fn show(State(shown): State<Arc<ShownConnector>>, Query(asked): Query<Asked>) -> Response {
    match body(&shown, asked).await {
        Ok(body) => page(&shown, Part::Writes, &body),
        Err(error) => page::failed(&error),
    }
}

async fn body(shown: &ShownConnector, asked: Asked) -> Result<String, StoreError> {
    let (names, chosen) = shown.chosen(asked.connection.as_deref()).await?;
    let mut body = page::pick_connection(Part::Writes, &names, &chosen);
    let record = asked.record.filter(|record| !record.is_empty());
    let before = asked.before.filter(|id| is_time_ordered(id));
    if let Some(record) = &record {
        let _ = write!(
            body,
            "<p>Only <strong>{}</strong>. <a href=\"/writes?connection={chosen}\">All records</a></p>",
            breakable(record)
        );
    }
    let (entries, next) = find(shown, &chosen, record.as_deref(), before).await?;
    if entries.is_empty() {
        body.push_str("<p class=\"card soft\">No writes here that are still kept.</p>");
    }
    for (subject, entries) in by_record(&entries) {
        write_record(&mut body, &chosen, subject, &entries, record.is_some());
    }
    if let Some(next) = next {
        let record = record.map(|record| format!("&record={}", in_address(&record))).unwrap_or_default();
        let link = format!("/writes?connection={chosen}{record}&before={next}");
        let _ = write!(body, "<p><a href=\"{}\">Earlier writes</a></p>", Escaped(link));
    }
    Ok(body)
}

/// Text as a value in an address.
fn in_address(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A page of writes, of one record where it is named, and the id below which the next one begins.
async fn find(
    shown: &ShownConnector,
    connection: &ConnectionName,
    record: Option<&str>,
    mut below: Option<String>,
) -> Result<(Vec<Entry>, Option<String>), StoreError> {
    let mut found = Vec::new();
    for _ in 0..MAX_PAGES {
        let (entries, next) = shown.audit.list(connection, below.take(), WRITES).await?;
        found.extend(
            entries
                .into_iter()
                .filter(|entry| record.is_none_or(|record| entry.subject.as_deref() == Some(record))),
        );
        below = next;
        if below.is_none() || record.is_none() || found.len() >= WRITES {
            break;
        }
    }
    Ok((found, below))
}

/// The writes by their records: the record that was written last comes first, and each has its writes together. What is not known
/// to be of one record stands alone.
fn by_record(entries: &[Entry]) -> Vec<(Option<&str>, Vec<&Entry>)> {
    let mut records: Vec<(Option<&str>, Vec<&Entry>)> = Vec::new();
    for entry in entries {
        let subject = entry.subject.as_deref();
        match records.iter_mut().find(|(of, _)| subject.is_some() && *of == subject) {
            Some((_, own)) => own.push(entry),
            None => records.push((subject, vec![entry])),
        }
    }
    records
}

fn write_record(
    html: &mut String,
    connection: &ConnectionName,
    subject: Option<&str>,
    entries: &[&Entry],
    is_only: bool,
) {
    let name = subject.map_or_else(|| "<em>record not known</em>".to_owned(), breakable);
    let _ = write!(html, "<section class=\"card\"><div class=\"row\"><h2>{name}</h2>");
    if let Some(subject) = subject.filter(|_| !is_only) {
        let link = format!("/writes?connection={connection}&record={}", in_address(subject));
        let _ = write!(
            html,
            "<a class=\"push\" href=\"{}\" aria-label=\"Only {}\">only this record</a>",
            Escaped(link),
            Escaped(subject)
        );
    }
    html.push_str("</div>");
    for entry in entries {
        write_entry(html, entry);
    }
    html.push_str("</section>");
}

fn write_entry(html: &mut String, entry: &Entry) {
    let (class, word) = outcome(entry.outcome);
    let _ = write!(
        html,
        "<article class=\"write\"><div class=\"row\">{}<span>{}</span><span class=\"soft push\">{} · {}</span></div>",
        state(class, word),
        breakable(&entry.action),
        foreign(if entry.key_label.is_empty() { &entry.key } else { &entry.key_label }),
        to_the_second(entry.at),
    );
    let changes = changes(&entry.before, &entry.after);
    if !changes.is_empty() {
        let new = if entry.before.is_object() { "" } else { " new" };
        let _ = write!(html, "<table class=\"change{new}\"><tbody>");
        for Change { field, before, after } in &changes {
            let _ = write!(
                html,
                "<tr><th scope=\"row\">{}</th><td>",
                breakable(&field.replace('_', "_\u{200b}"))
            );
            match before {
                Some(before) => {
                    let _ = write!(
                        html,
                        "<del>{}</del> <span aria-label=\"becomes\">→</span> <ins>{}</ins>",
                        foreign(before),
                        foreign(after)
                    );
                }
                None => {
                    let _ = write!(html, "<ins>{}</ins>", foreign(after));
                }
            }
            html.push_str("</td></tr>");
        }
        html.push_str("</tbody></table>");
    }
    if !entry.before.is_null() || !entry.after.is_null() {
        html.push_str("<details><summary>All that is known of it</summary>");
        for (name, record) in [("before", &entry.before), ("after", &entry.after)] {
            if !record.is_null() {
                let text = serde_json::to_string_pretty(record).unwrap_or_default();
                let _ = write!(
                    html,
                    "<p class=\"soft\">{name}</p><pre>{}</pre>",
                    Escaped(cut(&text, MAX_RECORD))
                );
            }
        }
        html.push_str("</details>");
    }
    html.push_str("</article>");
}

const fn outcome(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Sent => ("wait", "sent, end not known"),
        Outcome::Done => ("good", "done"),
        Outcome::Refused => ("", "refused"),
        Outcome::Uncertain => ("bad", "uncertain: look in Zoho"),
    }
}

/// A field that was changed; of a new record, only what it is.
#[derive(Debug, PartialEq)]
struct Change {
    field: String,
    before: Option<String>,
    after: String,
}

fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let Some(after) = after.as_object() else { return Vec::new() };
    let is_data = |field: &str| !matches!(field, "id" | "untrusted");
    match before.as_object() {
        Some(before) => before
            .iter()
            .filter(|(field, _)| is_data(field))
            .filter_map(|(field, was)| {
                let is = after.get(field).unwrap_or(&Value::Null);
                (is != was).then(|| Change { field: field.clone(), before: Some(text(was)), after: text(is) })
            })
            .collect(),
        None => after
            .iter()
            .filter(|(field, value)| is_data(field) && !is_empty(value))
            .take(MAX_NEW)
            .map(|(field, value)| Change { field: field.clone(), before: None, after: text(value) })
            .collect(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A value as people read it.
fn text(value: &Value) -> String {
    cut(&plain(value), MAX_VALUE)
}

/// A value in words: a line for each entry of a list, and of an object what is not empty.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Null => "nothing".to_owned(),
        _ if is_empty(value) => "empty".to_owned(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => {
            let filled = fields.iter().filter(|(_, value)| !is_empty(value));
            filled.map(|(name, value)| format!("{name}: {}", plain(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// The last writes, for the overview; nothing where none is kept.
pub(super) async fn glance(
    shown: &ShownConnector,
    connection: &ConnectionName,
) -> Result<Option<String>, StoreError> {
    let (entries, _) = shown.audit.list(connection, None, GLANCE).await?;
    if entries.is_empty() {
        return Ok(None);
    }
    let now = shown.now();
    let rows = entries.iter().fold(String::new(), |mut html, entry| {
        let (class, word) = outcome(entry.outcome);
        let name = entry.subject.as_deref().unwrap_or(&entry.action);
        let _ = write!(
            html,
            "<tr><th scope=\"row\">{}<small>{}</small></th><td class=\"n\">{}<small>{}</small></td></tr>",
            breakable(name),
            foreign(&entry.key_label),
            state(class, word),
            ago(entry.at, now),
        );
        html
    });
    Ok(Some(format!(
        "<table><tbody>{rows}</tbody></table><p><a href=\"/writes?connection={connection}\">All writes</a></p>"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(subject: Option<&str>, before: &Value, after: &Value) -> Entry {
        let entry = json!({
            "id": "019acf3d1c0d5e2b8f4a7c6d9e1f203", "at": "2026-11-18T10:00:00Z", "key": "k", "key_label": "<b>Agent",
            "connection": "default", "action": "PATCH /v1/crm/deals/{id}", "subject": subject, "outcome": "done",
            "before": before, "after": after,
        });
        serde_json::from_str(&entry.to_string()).unwrap()
    }

    fn change(field: &str, before: Option<&str>, after: &str) -> Change {
        Change { field: field.to_owned(), before: before.map(str::to_owned), after: after.to_owned() }
    }

    #[test]
    fn a_write_shows_what_each_field_was_and_is() {
        let before = json!({ "id": "61", "Stage": "Qualification", "Amount": 5, "Owner": null, "untrusted": ["Stage"] });
        let after = json!({ "id": "61", "Stage": "", "Amount": 5, "Owner": { "id": "1" }, "untrusted": [] });
        assert_eq!(
            changes(&before, &after),
            [change("Stage", Some("Qualification"), "empty"), change("Owner", Some("nothing"), "id: 1")]
        );
        let new = json!({ "Deal_Name": "Shelves", "Stage": null, "Amount": 12.50 });
        assert_eq!(
            changes(&Value::Null, &new),
            [change("Deal_Name", None, "Shelves"), change("Amount", None, "12.5")]
        );
        assert!(changes(&before, &Value::Null).is_empty());
        let lines = json!({ "Lines": [{ "sku": "A", "why": null }, { "sku": "B", "delta": -2 }], "Tag": [], "Note": "" });
        let shown = changes(&Value::Null, &lines);
        let [Change { field, after, .. }] = shown.as_slice() else { panic!("{shown:?}") };
        assert_eq!(field, "Lines");
        assert_eq!(after.lines().count(), 2, "{after}");
        assert!(after.starts_with("sku: A\n") && after.contains("delta: -2"), "{after}");
    }

    #[test]
    fn writes_stand_with_their_record_and_what_people_wrote_stays_text() {
        let one =
            |subject, stage: &str| entry(subject, &json!({ "Stage": "old" }), &json!({ "Stage": stage }));
        let entries = [
            one(Some("deal/61"), "c"),
            one(None, "x"),
            one(Some("deal/62"), "b"),
            one(Some("deal/61"), "a"),
            one(None, "y"),
        ];
        let records: Vec<_> = by_record(&entries).into_iter().map(|(of, own)| (of, own.len())).collect();
        assert_eq!(records, [(Some("deal/61"), 2), (None, 1), (Some("deal/62"), 1), (None, 1)]);

        let mut html = String::new();
        let hostile = one(Some("deal/61"), "</ins><script>");
        write_record(&mut html, &ConnectionName::default(), Some("deal/61"), &[&hostile], false);
        assert!(html.contains("record=deal%2F61") && html.contains("&lt;/ins&gt;&lt;script&gt;"), "{html}");
        assert!(!html.contains("<script>") && !html.contains("<b>Agent"), "{html}");
    }
}
