//! Checks answers that are passed on unchanged: whether they are a success, without parsing them into values.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::zoho::api_path::Verb;
use crate::zoho::failure::{Failure, FailureKind};
use crate::zoho::http::Answer;
use crate::zoho::json;
use crate::zoho::response;
use crate::zoho::scope::Product;

/// The largest answer to a write, in bytes, that is searched for the refusal of a single record.
const ONE_RECORD: usize = 64 * 1024;

/// The field that shows a refusal under a 2xx status.
#[derive(Deserialize)]
struct Envelope {
    code: Option<Box<RawValue>>,
}

/// Judges the answer to a call that was passed through. A success may have any form.
///
/// # Errors
/// Where it is no success: a status of failure, a refusal or an HTML page under 200, half a document.
pub fn judge(product: Product, verb: Verb, answer: &Answer) -> Result<(), Failure> {
    let judged = || match product {
        Product::Inventory => response::inventory(answer).map(drop),
        Product::Crm => response::crm(answer).map(drop),
    };
    match answer.status {
        200..300 => {}
        // A write has no condition that 304 could answer.
        304 if verb.is_read() => return Ok(()),
        status => {
            let failure = judged().err().unwrap_or(Failure::of(FailureKind::Unreadable));
            // Zoho often answers an unknown path with a page. After a write, the meaning of a page is not known.
            return Err(match (failure.kind, status) {
                (FailureKind::Unreadable, 400 | 403..=405 | 411..=415) if verb.is_read() => {
                    Failure::of(FailureKind::Rejected)
                }
                _ => failure,
            });
        }
    }
    let unreadable = || Failure::of(FailureKind::Unreadable);
    match form(answer, verb) {
        Form::Other => Ok(()),
        Form::Html => Err(unreadable()),
        Form::Json => {
            if first_letter(answer) != Some(b'{') {
                return json::skim::<IgnoredAny>(&answer.body).map(drop).map_err(|_| unreadable());
            }
            let envelope: Envelope = json::skim(&answer.body).map_err(|_| unreadable())?;
            match (product, envelope.code.as_deref().map(RawValue::get)) {
                (Product::Crm, None) if !verb.is_read() && answer.body.len() <= ONE_RECORD => {
                    only_record(answer)
                }
                (_, None | Some("0" | "\"0\"" | "\"SUCCESS\"")) => Ok(()),
                (_, Some(code)) if is_code(code) => judged(),
                // What is no code is a field of the record.
                (_, Some(_)) => Ok(()),
            }
        }
    }
}

/// Judges a write of one record, which CRM may refuse under a 2xx status. For several records, each has its own result, which the
/// caller must read.
fn only_record(answer: &Answer) -> Result<(), Failure> {
    let Ok(object) = json::object(&answer.body) else { return Ok(()) };
    // `data`, `errors`, `tags`, …
    let mut rows = object.values().filter_map(Value::as_array).flatten();
    match (rows.next(), rows.next()) {
        (Some(only), None) if only.get("status").and_then(Value::as_str) == Some("error") => {
            response::crm_written(answer).map(drop)
        }
        _ => Ok(()),
    }
}

/// Whether a value can be a code of Zoho's: a word or a number.
fn is_code(raw: &str) -> bool {
    raw != "\"\"" && raw.starts_with(|first: char| matches!(first, '"' | '-') || first.is_ascii_digit())
}

enum Form {
    Json,
    Html,
    Other,
}

/// The form of a body by its `Content-Type`, else by its first character. A document is no page, whatever it is called; and only a
/// read gives files, whose documents say nothing of the call.
fn form(answer: &Answer, verb: Verb) -> Form {
    let kind = answer.content_type.as_ref().map(|kind| String::from_utf8_lossy(kind.as_bytes()));
    let kind = kind.unwrap_or(Cow::Borrowed(""));
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match (kind.as_str(), first_letter(answer)) {
        (_, None) => Form::Other,
        (kind, Some(b'{' | b'['))
            if !verb.is_read() || (kind == "text/html" && json::skim::<IgnoredAny>(&answer.body).is_ok()) =>
        {
            Form::Json
        }
        ("text/html" | "application/xhtml+xml", _) => Form::Html,
        ("application/json" | "text/json", _) => Form::Json,
        (kind, _) if kind.ends_with("+json") => Form::Json,
        ("", Some(b'<')) => Form::Html,
        ("", Some(b'{' | b'[')) => Form::Json,
        _ => Form::Other,
    }
}

fn first_letter(answer: &Answer) -> Option<u8> {
    json::without_mark(&answer.body).iter().find(|byte| !byte.is_ascii_whitespace()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(product: Product, verb: Verb, status: u16, kind: &str, body: &str) -> Option<FailureKind> {
        let content_type = (!kind.is_empty()).then(|| kind.parse().unwrap());
        let answer = Answer { status, content_type, body: body.to_owned().into(), ..Answer::default() };
        judge(product, verb, &answer).err().map(|failure| failure.kind)
    }

    #[test]
    fn successes_pass_whatever_their_form() {
        const JSON: &str = "application/json;charset=UTF-8";
        for (product, status, form, body) in [
            (Product::Inventory, 200, JSON, r#"{"code":0,"message":"success"}"#),
            (Product::Inventory, 201, JSON, r#"{"group":{"code":57}}"#),
            (Product::Inventory, 200, "application/pdf", "%PDF-1.7 {\"code\":57"),
            (Product::Inventory, 200, "image/png", "<not html>"),
            (Product::Inventory, 200, JSON, "[1,2]"),
            (Product::Inventory, 200, "", ""),
            (Product::Crm, 204, "", ""),
            (Product::Crm, 200, JSON, r#"{"modules":[]}"#),
            (Product::Crm, 200, JSON, r#"{"code":"SUCCESS","status":"success"}"#),
            (Product::Crm, 207, JSON, r#"{"data":[{"status":"error","code":"X"},{"status":"success"}]}"#),
        ] {
            assert_eq!(kind(product, Verb::Post, status, form, body), None, "{status} {body}");
        }
        assert_eq!(kind(Product::Inventory, Verb::Get, 200, "text/plain", r#"{"code":2}"#), None, "a file");
        assert_eq!(kind(Product::Crm, Verb::Get, 304, "", ""), None);
        assert_eq!(kind(Product::Crm, Verb::Put, 304, "", ""), Some(FailureKind::Unreadable));
    }

    #[test]
    fn refusals_are_known_under_every_status() {
        const JSON: &str = "application/json";
        for (product, status, form, body, expected) in [
            (Product::Inventory, 200, JSON, r#"{"code":1002}"#, FailureKind::NotFound),
            (Product::Inventory, 200, JSON, r#"{"code":57,"message":"x"}"#, FailureKind::DeadTokenOrScope),
            (Product::Inventory, 200, JSON, "\u{feff}{\"code\":57}", FailureKind::DeadTokenOrScope),
            (Product::Crm, 200, "", "\u{feff}{\"code\":\"INVALID_TOKEN\"}", FailureKind::DeadToken),
            (Product::Inventory, 401, JSON, r#"{"code":57,"message":"x"}"#, FailureKind::DeadTokenOrScope),
            (Product::Inventory, 200, JSON, r#"{"code":0,"items":["#, FailureKind::Unreadable),
            (Product::Inventory, 201, "application/pdf", r#"{"code":0,"item":["#, FailureKind::Unreadable),
            (Product::Inventory, 200, "text/html;charset=UTF-8", "<html>", FailureKind::Unreadable),
            (Product::Inventory, 200, "", " <html>", FailureKind::Unreadable),
            (Product::Inventory, 200, "text/html", r#"{"code":2}"#, FailureKind::Rejected),
            (Product::Inventory, 200, "text/plain", r#"{"code":2}"#, FailureKind::Rejected),
            (Product::Inventory, 200, "text/html", r#"{"code":2"#, FailureKind::Unreadable),
            (Product::Crm, 200, JSON, r#"{"code":4711}"#, FailureKind::Rejected),
            (Product::Crm, 200, JSON, r#"{"watch":[{"status":"error","code":"X"}]}"#, FailureKind::Rejected),
            (Product::Inventory, 200, JSON, "<html>", FailureKind::Unreadable),
            (Product::Inventory, 302, "", "", FailureKind::Unreadable),
            (Product::Inventory, 302, JSON, r#"{"code":0}"#, FailureKind::Unreadable),
            (Product::Inventory, 503, "text/html", "<html>", FailureKind::Unavailable),
            (Product::Inventory, 404, "text/html", "<html>", FailureKind::Unreadable),
            (Product::Inventory, 413, "text/html", "<html>", FailureKind::Unreadable),
            (Product::Inventory, 401, "text/html", "<html>", FailureKind::DeadTokenOrScope),
            (Product::Crm, 400, JSON, r#"{"data":[{"status":"error","code":"X"}]}"#, FailureKind::Rejected),
            (Product::Crm, 200, JSON, r#"{"code":"INVALID_TOKEN"}"#, FailureKind::DeadToken),
            (Product::Crm, 401, JSON, r#"{"code":"OAUTH_SCOPE_MISMATCH"}"#, FailureKind::ScopeMissing),
            (Product::Crm, 202, JSON, r#"{"data":[{"status":"error","code":"X"}]}"#, FailureKind::Rejected),
        ] {
            assert_eq!(kind(product, Verb::Post, status, form, body), Some(expected), "{status} {body}");
        }
        for status in [404, 413] {
            let read = kind(Product::Inventory, Verb::Get, status, "text/html", "<html>");
            assert_eq!(read, Some(FailureKind::Rejected), "a page may refuse a read");
        }
    }
}
