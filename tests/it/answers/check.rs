//! What an agent was told, held against what Zoho said.

use std::fmt;

use axum::body::Bytes;
use serde_json::Value;
use shared::zoho::http::HttpError;
use tests::memory::Memory;

use super::asked::{Read, Wanted, Write};
use super::heard::{Heard, Refusal};
use super::line::{Sent, text};

/// An answer of the connector.
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) problem: Option<Value>,
    pub(super) body: Bytes,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "told {} {}", self.status, String::from_utf8_lossy(&self.body[..self.body.len().min(900)]))
    }
}

impl Told {
    fn code(&self) -> &str {
        self.problem.as_ref().map(|problem| text(problem, "code")).unwrap_or_default()
    }
}

type Checked<T> = Result<T, String>;

macro_rules! demand {
    ($what:expr, $($words:tt)+) => {
        if !$what {
            return Err(format!($($words)+));
        }
    };
}

fn heard(sent: &Sent) -> Option<Heard> {
    sent.answer.as_ref().ok().map(|said| Heard::of(said, sent.is_crm()))
}

/// Problems that are of the token, whatever a call was refused for.
const OF_THE_TOKEN: &[&str] =
    &["token_pending", "token_cooling_down", "reconnect_required", "connection_misconfigured"];

/// Words that are told are Zoho's own, and what Zoho certainly refused keeps them.
fn words(told: &Told, all: &[Sent], last: Option<&Refusal>) -> Checked<()> {
    let Some(problem) = &told.problem else { return Ok(()) };
    let zoho = &problem["zoho"];
    if zoho.is_null() {
        let lost = last.filter(|_| !OF_THE_TOKEN.contains(&told.code()));
        demand!(lost.is_none(), "the words of {lost:?} are lost");
        return Ok(());
    }
    let same = |refusal: &Refusal| {
        refusal.code == text(zoho, "code")
            && refusal.message == text(zoho, "message")
            && are_details(&zoho["details"], &refusal.details)
    };
    let known = all.iter().filter_map(heard).any(|heard| heard.refusals().iter().any(same));
    demand!(known, "Zoho never said {zoho}");
    if let Some(last) = last {
        let own = same(last) || OF_THE_TOKEN.contains(&told.code());
        demand!(own, "told {zoho} in place of {last:?}");
    }
    Ok(())
}

/// Whether these are the details that Zoho gave: all of them where they are small, else some.
fn are_details(told: &Value, given: &Value) -> bool {
    let ours = |name: &String| !name.contains("organi");
    let size = told.to_string().len();
    match (told, given) {
        (Value::Null, Value::Object(given)) => {
            given.keys().all(|name| !ours(name)) || given.values().any(is_long)
        }
        (Value::Null, Value::Array(given)) => given.is_empty() || given.iter().any(is_long),
        (Value::Null, given) => given.is_null() || is_long(given),
        (Value::Object(told), Value::Object(given)) => {
            size < 2500
                && told.iter().all(|(name, value)| ours(name) && given.get(name) == Some(value))
                && given.iter().all(|(name, value)| !ours(name) || is_long(value) || told.contains_key(name))
        }
        (Value::Array(told), Value::Array(given)) => {
            size < 2500
                && told.iter().all(|value| given.contains(value))
                && given.iter().all(|value| is_long(value) || told.contains(value))
        }
        (told, given) => told == given,
    }
}

fn is_long(value: &Value) -> bool {
    value.to_string().len() > 1000
}

/// How a write ended.
pub(super) fn write(write: &Write, told: &Told, sent: &[Sent], memory: &Memory) -> Checked<&'static str> {
    let writes: Vec<&Sent> = sent.iter().filter(|sent| sent.write).collect();
    let Some(last) = writes.last() else { return Err("nothing was sent".to_owned()) };
    let answer = heard(last);
    let refusal = answer.as_ref().and_then(|heard| heard.refused(true));
    let looks = sent.iter().skip_while(|sent| !sent.write).filter(|sent| !sent.write && !sent.is_probe());
    let found = looks.filter_map(heard).any(|heard| heard.shows(&write.marker));
    let done = answer.as_ref().is_some_and(|heard| write.proof.holds(heard));
    let ending = match told.code() {
        "" => {
            demand!((200..300).contains(&told.status), "no problem, and no success");
            demand!(done || found, "told as done, and Zoho did not say so");
            if done { "done" } else { "found" }
        }
        "write_uncertain" => {
            demand!(!done, "Zoho said that it is done");
            let is_trouble = |refusal: &Refusal| matches!(refusal.code.as_str(), "1000" | "INTERNAL_ERROR");
            let certain = refusal.as_ref().filter(|refusal| last_status(last) < 500 && !is_trouble(refusal));
            demand!(certain.is_none(), "Zoho refused it: {certain:?}");
            "uncertain"
        }
        "internal_error" => return Err("a fault of the connector".to_owned()),
        _ => {
            let nothing = |sent: &&Sent| match &sent.answer {
                Ok(said) => !Heard::of(said, sent.is_crm()).refusals().is_empty(),
                Err(error) => *error == HttpError::Unreachable,
            };
            let known = writes.iter().all(nothing);
            demand!(known && !done, "told as refused, and Zoho did not say so");
            "refused"
        }
    };
    words(told, sent, refusal.as_ref().filter(|_| ending != "found" && ending != "done"))?;
    let noted = memory.rows("audit#").pop().map(|row| serde_json::from_str::<Value>(&row.value).unwrap());
    let outcome = noted.as_ref().map(|entry| text(entry, "outcome")).unwrap_or_default();
    let expected = if ending == "found" { "done" } else { ending };
    demand!(outcome == expected, "the audit says {outcome}");
    Ok(ending)
}

fn last_status(sent: &Sent) -> u16 {
    sent.answer.as_ref().map_or(0, |said| said.status)
}

/// The same request again, with the same key: it is looked for, and neither sent again nor told as refused.
pub(super) fn again(write: &Write, told: &Told, all: &[Sent], before: usize) -> Checked<()> {
    let new = &all[before..];
    demand!(new.iter().all(|sent| !sent.write), "it was sent again");
    let looks = new.iter().filter(|sent| !sent.is_probe());
    match told.code() {
        "" => {
            let found = looks.filter_map(heard).any(|heard| heard.shows(&write.marker));
            demand!(found, "told as done, and not found");
        }
        "write_uncertain" => {}
        code if OF_THE_TOKEN.contains(&code) => {}
        _ => {
            let retryable = told.problem.as_ref().is_some_and(|problem| problem["retryable"] == true);
            demand!(retryable, "told as refused, and only the look for it was");
        }
    }
    words(told, all, None)
}

/// How a read ended.
pub(super) fn read(read: &Read, told: &Told, sent: &[Sent]) -> Checked<&'static str> {
    let own: Vec<&Sent> =
        sent.iter().filter(|sent| !sent.is_side() && sent.path.starts_with(read.calls)).collect();
    let Some(last) = own.last() else { return Err("nothing was asked".to_owned()) };
    let answer = heard(last);
    let refusal = answer.as_ref().and_then(|heard| heard.refused(false));
    words(told, sent, refusal.as_ref())?;
    let list = |heard: &Heard| match read.wanted {
        Wanted::List(keys) => heard.list(keys),
        Wanted::Row => heard.list(&["data"]),
        Wanted::One(..) | Wanted::Passed => false,
    };
    match told.code() {
        "" => {
            let answer = answer.ok_or("told, and Zoho said nothing")?;
            let file = matches!(read.wanted, Wanted::Passed) && answer.passed(false);
            demand!(refusal.is_none() || file, "told, and Zoho refused: {refusal:?}");
            let good = match read.wanted {
                Wanted::List(keys) => {
                    answer.list(keys) || keys.iter().any(|key| answer.record(&[key], "item_id"))
                }
                Wanted::One(keys, id) => answer.record(keys, id),
                Wanted::Row => answer.list(&["data"]) && answer.status != 204,
                Wanted::Passed => answer.passed(false),
            };
            demand!(good, "told, and Zoho gave nothing of the kind");
            Ok("told")
        }
        "record_not_found" | "sku_not_found" | "sku_inactive" | "customer_not_found"
        | "location_not_found" => {
            let answer = answer.ok_or("not found, and Zoho said nothing")?;
            // Of locations, a refusal says that the organisation has none.
            let none = told.code() == "location_not_found" && refusal.is_some();
            demand!(answer.missing() || list(&answer) || none, "told as not found, and Zoho did not say so");
            Ok("missing")
        }
        "internal_error" => Err("a fault of the connector".to_owned()),
        "zoho_unreadable" | "zoho_unavailable" | "zoho_timeout" | "response_too_large" => Ok("unreadable"),
        _ => Ok("refused"),
    }
}
