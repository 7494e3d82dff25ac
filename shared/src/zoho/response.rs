//! Judges the answers of Zoho's products, by the body first: an Inventory refusal or a maintenance page can come with 200, and
//! one status has several meanings. Only a refusal in Zoho's own JSON counts as a refusal.

use serde_json::Value;

use crate::base::problem::ZohoSaid;
use crate::zoho::failure::{Failure, FailureKind};
use crate::zoho::http::Answer;
use crate::zoho::value::{self, Object};
use crate::zoho::{json, refusals};

/// The most bytes of Zoho's details that are passed on.
const MAX_DETAILS: usize = 2048;

/// Judges an answer of Inventory: an object with `code` 0 under a 2xx.
///
/// # Errors
/// Everything else.
pub fn inventory(answer: &Answer) -> Result<Object, Failure> {
    let object = object(answer)?;
    let code = match (code(&object), answer.status) {
        (Some(code), ..300) if code == "0" => return Ok(object),
        // This is neither a success nor a refusal of Inventory.
        (Some(code), _) if is_success(&code) => return Err(without_words(answer)),
        (Some(code), _) => code,
        // Some bulk answers have codes only for single records.
        (None, ..300) if !object.contains_key("code") => return Ok(object),
        (None, _) => return Err(without_words(answer)),
    };
    let said = said(code, &object, "error_info");
    let refusal = refusals::of_inventory(&said.code, &said.message);
    Err(refused(answer, said, refusal))
}

/// Judges Inventory's answer to a write that shows no record: only code 0 says that it was done.
///
/// # Errors
/// Everything else.
pub fn inventory_done(answer: &Answer) -> Result<(), Failure> {
    match inventory(answer)?.contains_key("code") {
        true => Ok(()),
        false => Err(Failure::of(FailureKind::Unreadable)),
    }
}

/// Judges an answer of CRM to a call with `If-Modified-Since`: 304 says that nothing was changed since.
///
/// # Errors
/// As [`crm`].
pub fn crm_since(answer: &Answer) -> Result<Option<Object>, Failure> {
    if answer.status == 304 { Ok(None) } else { crm(answer) }
}

/// Judges an answer of CRM: an object under 200, or none under 204, which is an empty list. A refusal is at the top, or in the
/// first row of a list, or beside it in `errors`.
///
/// # Errors
/// Everything else.
pub fn crm(answer: &Answer) -> Result<Option<Object>, Failure> {
    if answer.status == 204 {
        return Ok(None);
    }
    let object = object(answer)?;
    let is_good = answer.status < 300;
    match code(&object) {
        Some(code) if code == "SUCCESS" && is_good => Ok(Some(object)),
        // This is neither a success nor a refusal.
        Some(code) if is_success(&code) => Err(without_words(answer)),
        Some(_) => Err(crm_refusal(answer, &object)),
        None if object.contains_key("code") => Err(without_words(answer)),
        None if is_good => Ok(Some(object)),
        None => Err(match refused_row(&object) {
            Some(row) => crm_refusal(answer, row),
            None => without_words(answer),
        }),
    }
}

/// Judges CRM's answer to a read of one record. None where CRM does not know the id.
///
/// # Errors
/// As [`crm`].
pub fn crm_record(answer: &Answer) -> Result<Option<Object>, Failure> {
    match crm(answer) {
        Err(failure) if failure.kind == FailureKind::Rejected && failure.has_code("INVALID_DATA") => Ok(None),
        judged => judged,
    }
}

/// As [`crm_record`], for a caller who named the id: CRM's words for one that it does not know are kept.
///
/// # Errors
/// As [`crm`].
pub fn crm_found(answer: &Answer) -> Result<Option<Object>, Failure> {
    crm(answer).map_err(|failure| match failure.kind {
        FailureKind::Rejected if failure.has_code("INVALID_DATA") => {
            Failure { kind: FailureKind::NotFound, hint: None, ..failure }
        }
        _ => failure,
    })
}

/// Judges CRM's answer to a write of one record, and gives its id. A refusal of the record can come with any status, also with
/// 2xx.
///
/// # Errors
/// Everything but a record that was written.
pub fn crm_written(answer: &Answer) -> Result<String, Failure> {
    let object = crm(answer)?.ok_or_else(|| Failure::of(FailureKind::Unreadable))?;
    let first = object.get("data").and_then(Value::as_array).and_then(|data| data.first()?.as_object());
    let written = done(answer, first.or_else(|| refused_row(&object)))?;
    value::id(&written, "id").ok_or_else(|| Failure::of(FailureKind::Unreadable))
}

/// Judges the row of a written record, and gives its details.
///
/// # Errors
/// Everything but a success.
pub(super) fn done(answer: &Answer, row: Option<&Object>) -> Result<Object, Failure> {
    let row = row.ok_or_else(|| Failure::of(FailureKind::Unreadable))?;
    match code(row) {
        // A row of two minds says nothing.
        Some(code) if code == "SUCCESS" && row.get("status").is_none_or(|status| status != "error") => {
            Ok(row.get("details").and_then(Value::as_object).cloned().unwrap_or_default())
        }
        Some(code) if !is_success(&code) => Err(crm_refusal(answer, row)),
        _ => Err(Failure::of(FailureKind::Unreadable)),
    }
}

/// Zoho's code: words in CRM and numbers in Inventory, and both in what stands before them.
fn code(object: &Object) -> Option<String> {
    match object.get("code")? {
        Value::String(code) if !code.is_empty() => Some(code.clone()),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    }
}

/// Whether a code of either product says that all is well.
fn is_success(code: &str) -> bool {
    matches!(code, "0" | "SUCCESS")
}

/// Whether an upsert made a new record, rather than changed one.
pub fn crm_inserted(answer: &Answer) -> bool {
    let object: Option<Value> = json::read(&answer.body).ok();
    let action = object.as_ref().and_then(|object| object.pointer("/data/0/action"));
    action.and_then(Value::as_str) == Some("insert")
}

/// Takes the records out of a list's answer. A missing list is an error, not an empty list: otherwise a caller could create a
/// record that already exists.
///
/// # Errors
/// Where it is no list of records.
pub fn records(answer: &mut Object, field: &str) -> Result<Vec<Object>, Failure> {
    let Some(Value::Array(list)) = answer.get_mut(field).map(Value::take) else {
        return Err(Failure::of(FailureKind::Unreadable));
    };
    let row = |row| match row {
        Value::Object(row) => Ok(row),
        _ => Err(Failure::of(FailureKind::Unreadable)),
    };
    list.into_iter().map(row).collect()
}

/// The first refused row, in any list.
fn refused_row(object: &Object) -> Option<&Object> {
    let mut rows = object.values().filter_map(Value::as_array).flatten().filter_map(Value::as_object);
    rows.find(|row| code(row).is_some_and(|code| !is_success(&code)))
}

/// A refusal of CRM, at the top or in a row.
fn crm_refusal(answer: &Answer, refusal: &Object) -> Failure {
    let said = said(code(refusal).unwrap_or_default(), refusal, "details");
    let refusal = refusals::of_crm(&said.code, &said.message);
    let mut failure = refused(answer, said, refusal);
    if answer.status == 412 {
        failure.kind = FailureKind::Modified;
    }
    failure
}

fn refused(answer: &Answer, said: ZohoSaid, refusal: Option<&'static refusals::Refusal>) -> Failure {
    Failure {
        kind: refusal.map_or_else(|| by_status(answer.status), |refusal| refusal.kind),
        hint: refusal.and_then(|refusal| refusal.hint),
        said: Some(Box::new(said)),
        retry_after: answer.retry_after,
    }
}

fn object(answer: &Answer) -> Result<Object, Failure> {
    json::object(&answer.body).map_err(|_| without_words(answer))
}

/// The failure of an answer without Zoho's own JSON, such as a page or the answer of a proxy.
fn without_words(answer: &Answer) -> Failure {
    let kind = match by_status(answer.status) {
        FailureKind::Forbidden | FailureKind::NotFound | FailureKind::Rejected => FailureKind::Unreadable,
        kind => kind,
    };
    Failure { retry_after: answer.retry_after, ..Failure::of(kind) }
}

fn said(code: String, object: &Object, details: &str) -> ZohoSaid {
    let message = object.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    ZohoSaid { code, message, details: object.get(details).and_then(bounded) }
}

/// Zoho's details, as far as they fit. Fields about organisations are left out: they do not concern the caller.
fn bounded(details: &Value) -> Option<Value> {
    let mut left = MAX_DETAILS;
    let mut fits = |value: &Value| {
        let length = value.to_string().len();
        let fits = length <= left;
        left -= if fits { length } else { 0 };
        fits
    };
    let kept = match details {
        Value::Object(all) => {
            let ours = all.iter().filter(|(name, value)| !name.contains("organi") && fits(value));
            Value::Object(ours.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        Value::Array(all) => Value::Array(all.iter().filter(|value| fits(value)).cloned().collect()),
        Value::Null => return None,
        other => return fits(other).then(|| other.clone()),
    };
    let is_empty =
        kept.as_object().is_some_and(Object::is_empty) || kept.as_array().is_some_and(Vec::is_empty);
    (!is_empty).then_some(kept)
}

/// The kind of a failure whose code is missing or not in the tables.
fn by_status(status: u16) -> FailureKind {
    match status {
        401 => FailureKind::DeadTokenOrScope,
        403 => FailureKind::Forbidden,
        404 => FailureKind::NotFound,
        429 => FailureKind::RateLimited,
        500.. => FailureKind::Unavailable,
        _ => FailureKind::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    use reqwest::header as http;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.to_owned().into(), ..Answer::default() }
    }

    #[test]
    fn inventory_is_judged_by_its_code() {
        for (status, body, expected) in [
            (401, r#"{"code":14,"message":"x"}"#, FailureKind::DeadToken),
            (401, r#"{"code":57,"message":"x"}"#, FailureKind::DeadTokenOrScope),
            (400, r#"{"code":6041,"message":"x"}"#, FailureKind::Organization),
            (400, r#"{"code":2,"message":"x"}"#, FailureKind::Rejected),
            (404, r#"{"code":1002,"message":"x"}"#, FailureKind::NotFound),
            (400, r#"{"code":1002,"message":"x"}"#, FailureKind::NotFound),
            (429, r#"{"code":44,"message":"x"}"#, FailureKind::RateLimited),
            (429, r#"{"code":1070,"message":"x"}"#, FailureKind::TooManyAtOnce),
            (200, r#"{"code":45,"message":"x"}"#, FailureKind::DailyLimit),
            (200, "<html>maintenance</html>", FailureKind::Unreadable),
            (200, "[]", FailureKind::Unreadable),
            (503, "<html>down</html>", FailureKind::Unavailable),
            (429, "<html>slow down</html>", FailureKind::RateLimited),
            (500, r#"{"code":1000,"message":"x"}"#, FailureKind::Unavailable),
            (404, r#"{"code":5,"message":"Invalid URL Passed"}"#, FailureKind::Rejected),
            (400, r#"{"code":0,"message":"success"}"#, FailureKind::Unreadable),
            (401, "", FailureKind::DeadTokenOrScope),
        ] {
            assert_eq!(inventory(&answer(status, body)).unwrap_err().kind, expected, "{status} {body}");
        }
        assert!(inventory(&answer(201, r#"{"code":0,"item":{}}"#)).is_ok());
        assert!(inventory(&answer(200, r#"{"items":[{"code":0}]}"#)).is_ok());
    }

    #[test]
    fn crm_is_judged_by_its_word() {
        for (status, body, expected) in [
            (401, r#"{"code":"INVALID_TOKEN","message":"x"}"#, FailureKind::DeadToken),
            (401, r#"{"code":"OAUTH_SCOPE_MISMATCH"}"#, FailureKind::ScopeMissing),
            (403, r#"{"code":"OAUTH_SCOPE_MISMATCH"}"#, FailureKind::ScopeMissing),
            (403, r#"{"code":"NO_PERMISSION"}"#, FailureKind::Forbidden),
            (404, r#"{"code":"INVALID_URL_PATTERN"}"#, FailureKind::Rejected),
            (404, r#"{"code":"SOMETHING"}"#, FailureKind::NotFound),
            (401, "<html>", FailureKind::DeadTokenOrScope),
            (
                400,
                r#"{"data":[{"code":"INVALID_DATA","message":"x","status":"error"}]}"#,
                FailureKind::Rejected,
            ),
            (
                400,
                r#"{"data":[{"code":"INVALID_DATA","message":"the related id given seems to be invalid"}]}"#,
                FailureKind::NotFound,
            ),
            (403, r#"{"data":[{"code":"NO_PERMISSION","status":"error"}]}"#, FailureKind::Forbidden),
            (412, r#"{"data":[{"code":"ALREADY_MODIFIED","status":"error"}]}"#, FailureKind::Modified),
            (400, r#"{"errors":[{"code":"RECORD_LOCKED"}]}"#, FailureKind::Locked),
            (400, "{}", FailureKind::Unreadable),
            (200, r#"{"data":[],"data":[1]}"#, FailureKind::Unreadable),
            (400, r#"{"code":"REQUIRED_PARAM_MISSING"}"#, FailureKind::Rejected),
            (429, r#"{"code":"TOO_MANY_REQUESTS"}"#, FailureKind::RateLimited),
            (500, r#"{"code":"INTERNAL_ERROR"}"#, FailureKind::Unavailable),
            (200, "<html>", FailureKind::Unreadable),
        ] {
            assert_eq!(crm(&answer(status, body)).unwrap_err().kind, expected, "{status} {body}");
        }
        assert!(crm(&answer(204, "")).unwrap().is_none());
        assert!(crm(&answer(200, r#"{"data":[]}"#)).unwrap().is_some());
    }

    #[test]
    fn a_refusal_keeps_zohos_words_and_what_stands_beside_them() {
        let body = r#"{"data":[{"code":"DUPLICATE_DATA","message":"duplicate data","status":"error","details":
            {"api_name":"Email","id":"61","organization_name":"Other","duplicate_record":{"id":"61"}}}]}"#;
        let failure = crm(&answer(400, body)).unwrap_err();
        let said = failure.said.unwrap();
        assert_eq!((said.code.as_str(), said.message.as_str()), ("DUPLICATE_DATA", "duplicate data"));
        let details = said.details.unwrap().to_string();
        assert_eq!(details, r#"{"api_name":"Email","id":"61","duplicate_record":{"id":"61"}}"#);
        assert!(failure.hint.unwrap().contains("zoho.details"));

        let long = format!(r#"{{"code":2,"message":"x","error_info":["a","{}","b"]}}"#, "y".repeat(3000));
        let said = inventory(&answer(400, &long)).unwrap_err().said.unwrap();
        assert_eq!(said.details.unwrap().to_string(), r#"["a","b"]"#);
    }

    #[test]
    fn what_holds_more_than_any_page_of_zohos_is_unreadable() {
        // The answer itself is an object, too.
        let rows = |count: usize| vec!["{}"; count].join(",");
        let locations = |count| format!(r#"{{"locations":[{}]}}"#, rows(count));
        let numbers = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        for (list, is_read) in [
            (rows(99_999), true),
            (rows(100_000), false),
            (locations(99_998), true),
            (locations(99_999), false),
            (numbers(399_000), true),
            (numbers(400_000), false),
        ] {
            let of_inventory = answer(200, &format!(r#"{{"code":0,"items":[{list}]}}"#));
            let of_crm = answer(200, &format!(r#"{{"data":[{list}]}}"#));
            for judged in [inventory(&of_inventory).map(drop), crm(&of_crm).map(drop)] {
                let expected = (!is_read).then_some(FailureKind::Unreadable);
                assert_eq!(judged.err().map(|failure| failure.kind), expected, "{} bytes", list.len());
            }
        }
    }

    #[test]
    fn only_words_of_zoho_refuse_a_write() {
        for (status, body) in
            [(400, "<html>"), (403, "{}"), (404, ""), (429, "slow"), (401, "no"), (200, "{}")]
        {
            assert!(crm_written(&answer(status, body)).unwrap_err().is_uncertain(), "{status} {body}");
        }
        for (status, body) in [
            (400, r#"{"code":"","message":"x"}"#),
            (403, r#"{"code":null}"#),
            (400, r#"{"code":{}}"#),
            (400, r#"{"data":[{"code":"0","status":"error"}]}"#),
            (304, ""),
        ] {
            assert!(crm_written(&answer(status, body)).unwrap_err().is_uncertain(), "{status} {body}");
            assert!(inventory_done(&answer(status, body)).unwrap_err().is_uncertain(), "{status} {body}");
        }
        for body in ["{}", r#"{"code":null}"#, r#"{"code":true}"#, r#"{"code":"SUCCESS"}"#] {
            assert!(inventory_done(&answer(200, body)).unwrap_err().is_uncertain(), "{body}");
        }
        inventory_done(&answer(200, r#"{"code":0,"message":"x"}"#)).unwrap();
        let beside = r#"{"data":[],"errors":[{"code":4711,"message":"no"}]}"#;
        for status in [200, 400] {
            assert_eq!(crm_written(&answer(status, beside)).unwrap_err().said.unwrap().code, "4711");
        }
        let refused = r#"{"data":[{"code":"INVALID_DATA","status":"error"}]}"#;
        for status in [200, 202, 207, 400, 403] {
            assert!(!crm_written(&answer(status, refused)).unwrap_err().is_uncertain(), "{status}");
        }
        let torn = r#"{"data":[{"code":"SUCCESS","details":{"id":"7"},"status":"error"}]}"#;
        assert_eq!(crm_written(&answer(200, torn)).unwrap_err().kind, FailureKind::Unreadable);
        let made = crm_written(&answer(201, r#"{"data":[{"code":"SUCCESS","details":{"id":"7"}}]}"#));
        assert_eq!(made.unwrap(), "7");
    }

    #[test]
    fn what_is_no_list_is_not_an_empty_one() {
        for body in [r#"{"code":null,"data":[]}"#, r#"{"code":0,"data":[]}"#] {
            assert_eq!(crm(&answer(200, body)).unwrap_err().kind, FailureKind::Unreadable, "{body}");
        }
        assert_eq!(crm(&answer(304, "")).unwrap_err().kind, FailureKind::Unreadable);
        assert!(crm_since(&answer(304, "")).unwrap().is_none());
        for body in ["{}", r#"{"items":null}"#, r#"{"items":{}}"#, r#"{"items":[[]]}"#, r#"{"items":["x"]}"#]
        {
            let mut answer: Object = serde_json::from_str(body).unwrap();
            assert_eq!(records(&mut answer, "items").unwrap_err().kind, FailureKind::Unreadable, "{body}");
        }
        let mut empty: Object = serde_json::from_str(r#"{"items":[]}"#).unwrap();
        assert!(records(&mut empty, "items").unwrap().is_empty());
    }

    /// Random answers, with bodies like Zoho's and like those that replace them.
    fn any_answer() -> impl Strategy<Value = Answer> {
        let code = prop_oneof![
            Just("\"SUCCESS\""),
            Just("\"INVALID_DATA\""),
            Just("\"NEW_ONE\""),
            Just("0"),
            Just("57"),
            Just("4711"),
            Just("null"),
            Just("{}"),
            Just("\"\\ud83c\""),
        ];
        let body = (0..12_u8, code, ".{0,12}", prop::collection::vec(any::<u8>(), 0..24)).prop_map(
            |(form, code, text, bytes)| {
                let message = Value::from(text).to_string();
                let row = format!("{{\"code\":{code},\"message\":{message},\"details\":{{\"id\":\"7\"}}}}");
                match form {
                    0 => bytes,
                    1 => b"<html>sorry</html>".to_vec(),
                    2 => Vec::new(),
                    3 => b"{}".to_vec(),
                    4 => format!("{{\"errors\":[{row}]}}").into_bytes(),
                    5 => row.get(..row.len() / 2).unwrap_or_default().as_bytes().to_vec(),
                    6 => format!("\u{feff}{row}").into_bytes(),
                    7 => format!("[{row}]").into_bytes(),
                    8 => row.into_bytes(),
                    _ => format!("{{\"data\":[{row}]}}").into_bytes(),
                }
            },
        );
        let status = prop_oneof![
            Just(200_u16),
            Just(201),
            Just(202),
            Just(204),
            Just(207),
            Just(302),
            Just(400),
            Just(401),
            Just(403),
            Just(404),
            Just(412),
            Just(429),
            Just(500),
            Just(503),
            200..600_u16,
        ];
        let kind = prop_oneof![
            Just(None),
            Just(Some("application/json;charset=UTF-8")),
            Just(Some("text/html")),
            Just(Some("application/pdf"))
        ];
        let wait = prop::option::of(any::<u64>());
        (status, kind, wait, body).prop_map(|(status, kind, retry_after, body)| Answer {
            status,
            retry_after,
            content_type: kind.map(http::HeaderValue::from_static),
            body: body.into(),
            ..Answer::default()
        })
    }

    /// The codes and messages of the refusals in a body, at the top or in the first rows.
    fn refusals_in(body: &[u8]) -> Vec<(String, String)> {
        let Ok(object) = json::object(body) else { return Vec::new() };
        let rows = object.values().filter_map(Value::as_array).flatten().filter_map(Value::as_object);
        let all = std::iter::once(&object).chain(rows);
        let refusal = |row: &Object| {
            let code = match row.get("code")? {
                Value::String(code) => code.clone(),
                Value::Number(code) => code.to_string(),
                _ => return None,
            };
            Some((code, row.get("message").and_then(Value::as_str).unwrap_or_default().to_owned()))
        };
        all.filter_map(refusal).filter(|(code, _)| !matches!(code.as_str(), "SUCCESS" | "0")).collect()
    }

    /// 20,000 answers; `ANSWERS=1000000` before a release.
    #[test]
    fn no_answer_to_a_write_is_misread() {
        use crate::zoho::api_path::Verb;
        use crate::zoho::passthrough;
        use crate::zoho::scope::Product;

        let cases = std::env::var("ANSWERS").map_or(20_000, |text| text.parse().unwrap());
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let (refused, done) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let check = |answer: &Answer| {
            let refusals = refusals_in(&answer.body);
            let judged = [
                ("crm", crm_written(answer).map(drop)),
                ("inventory", inventory(answer).map(drop)),
                ("crm, passed", passthrough::judge(Product::Crm, Verb::Post, answer)),
                ("inventory, passed", passthrough::judge(Product::Inventory, Verb::Post, answer)),
            ];
            for (way, judged) in judged {
                match judged {
                    Ok(()) => {
                        done.set(done.get() + 1);
                        prop_assert!(answer.status < 300, "{way} done: {answer:?}");
                    }
                    Err(failure) if failure.is_uncertain() => {}
                    Err(failure) => {
                        refused.set(refused.get() + 1);
                        let said = failure.said.map(|said| (said.code, said.message));
                        let said = said.unwrap_or_default();
                        prop_assert!(refusals.contains(&said), "{way} refused by {said:?}: {answer:?}");
                    }
                }
            }
            if let Ok(id) = crm_written(answer) {
                prop_assert!(id == "7" && refusals.is_empty(), "{answer:?}");
            }
            Ok(())
        };
        TestRunner::new(config).run(&any_answer(), |answer| check(&answer)).unwrap();
        let least = cases / 20;
        assert!(
            refused.get() > least && done.get() > least,
            "{} refused, {} done",
            refused.get(),
            done.get()
        );
    }
}
