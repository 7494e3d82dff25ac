//! Any answer of Zoho's: noise, pages, refusals, successes, and all of these cut, doubled and bent.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use shared::zoho::http::HttpError;
use tests::dice::Dice;

/// An answer as it comes over the line.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Said {
    pub(super) fn json(status: u16, body: impl Into<String>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json;charset=UTF-8"));
        Self { status, headers, body: body.into().into_bytes() }
    }

    pub(super) fn header(&self, name: &str) -> String {
        self.headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into())
            .unwrap_or_default()
    }
}

/// Any answer at all to a call whose proper answer is `good`.
pub(super) fn anything(dice: &mut Dice, good: &Said) -> Result<Said, HttpError> {
    if dice.one_in(40) {
        let errors = [HttpError::Unreachable, HttpError::Timeout, HttpError::Broken, HttpError::TooLarge];
        return Err(errors[dice.below(errors.len())]);
    }
    let mut body = match dice.below(16) {
        0 => (0..dice.below(40)).map(|_| (dice.roll() & 255) as u8).collect(),
        1 => dice.pick(PAGES).into(),
        2 => dice.pick(SMALL).into(),
        3..=5 => refusal(dice).into_bytes(),
        6 | 7 => format!("{{\"data\":[{}]}}", refusal(dice)).into_bytes(),
        8 => {
            let (list, more) = (dice.pick(LISTS), dice.pick(&["", "\"data\":[],", "\"info\":{},"]));
            format!("{{{more}\"{list}\":[{}]}}", refusal(dice)).into_bytes()
        }
        9 => format!("{{\"data\":[{},{}]}}", refusal(dice), refusal(dice)).into_bytes(),
        10 => format!("[{}]", refusal(dice)).into_bytes(),
        _ => good.body.clone(),
    };
    while dice.one_in(3) {
        body = bent(dice, body);
    }
    let status = match dice.below(4) {
        0 | 1 => good.status,
        2 => STATUSES[dice.below(STATUSES.len())],
        _ => 200 + dice.below(400) as u16,
    };
    // Such answers have no body.
    let body = if matches!(status, 204 | 304) { Vec::new() } else { body };
    Ok(Said { status, headers: headers(dice), body })
}

const PAGES: &[&str] = &[
    "<html><body>Sorry, we are down.</body></html>",
    "\n <!DOCTYPE html><html></html>",
    "<?xml version=\"1.0\"?><error code=\"57\"/>",
    "Service Unavailable",
    "upstream connect error",
];
const SMALL: &[&str] =
    &["", " ", "{}", "[]", "null", "true", "0", "\"\"", "{", "[{}]", "{\"code\":0}", "{\"data\":[]}"];
const LISTS: &[&str] = &["errors", "watch", "tags", "items", "data", "salesorders"];

#[rustfmt::skip]
const STATUSES: &[u16] = &[200, 201, 202, 204, 206, 207, 301, 302, 304, 400, 401, 403, 404, 405, 409, 412, 413, 429, 500, 502, 503, 504];

#[rustfmt::skip]
const CODES: &[&str] = &[
    "\"SUCCESS\"", "\"INVALID_DATA\"", "\"INVALID_TOKEN\"", "\"OAUTH_SCOPE_MISMATCH\"", "\"DUPLICATE_DATA\"", "\"RECORD_LOCKED\"",
    "\"ALREADY_MODIFIED\"", "\"TOO_MANY_REQUESTS\"", "\"INTERNAL_ERROR\"", "\"NO_PERMISSION\"", "\"INVALID_QUERY\"", "\"A_NEW_ONE\"",
    "0", "\"0\"", "57", "14", "44", "45", "1070", "1000", "1002", "6041", "5", "2", "4711", "\"4711\"",
    "null", "true", "{}", "[]", "\"\"", "\"\\ud83c\"", "-1",
];

#[rustfmt::skip]
const MESSAGES: &[&str] = &[
    "\"\"", "\"invalid data\"", "\"record added\"", "\"the related id given seems to be invalid\"", "\"cut \\ud83c\"", "\"\\udf81\\u202e\\u0000\"",
    "\"a\\\\\\\"b\\n<b>\"", "7", "null", "{\"text\":\"x\"}",
];

/// A row or a document that refuses, more or less.
fn refusal(dice: &mut Dice) -> String {
    let (code, message) = (dice.pick(CODES), dice.pick(MESSAGES));
    let details = match dice.below(9) {
        0 => "{}".to_owned(),
        1 => r#"{"id":"6100000000451001"}"#.to_owned(),
        2 => r#"{"api_name":"Stage","expected_data_type":"text","duplicate_record":{"id":"61"}}"#.to_owned(),
        3 => format!(r#"{{"api_name":"Stage","long":"{}","organization_id":"1"}}"#, "y".repeat(3000)),
        4 => format!(r#"["a","{}",{{"b":1}}]"#, "z".repeat(2500)),
        5 => r#"{"column_name":"Stage","near_to":"\ud83c"}"#.to_owned(),
        6 => "null".to_owned(),
        _ => String::new(),
    };
    let mut fields = vec![format!("\"code\":{code}")];
    if !dice.one_in(8) {
        fields.push(format!("\"message\":{message}"));
    }
    if !details.is_empty() {
        fields.push(format!("\"{}\":{details}", dice.pick(&["details", "details", "error_info"])));
    }
    if !dice.one_in(4) {
        fields.push(format!("\"status\":{}", dice.pick(&["\"error\"", "\"error\"", "\"success\"", "null"])));
    }
    format!("{{{}}}", fields.join(","))
}

/// The same, cut, doubled, with other bytes or values of other types.
fn bent(dice: &mut Dice, mut body: Vec<u8>) -> Vec<u8> {
    match dice.below(9) {
        0 => body.truncate(dice.below(body.len() + 1)),
        1 if !body.is_empty() => {
            let at = dice.below(body.len());
            body[at] ^= 1 << dice.below(8);
        }
        2 => body.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
        3 => {
            let at = body.iter().rposition(|byte| *byte == b'"').unwrap_or(0);
            body.splice(at..at, dice.pick(&["\\ud83c", "\\ude00", "\u{202e}"]).bytes()).for_each(drop);
        }
        4 => {
            let at = body.iter().rposition(|byte| *byte == b'"').unwrap_or(0);
            body.splice(at..at, [0xff, 0xe9]).for_each(drop);
        }
        5 | 6 => {
            // A second field of the same name, before or after the other one.
            let twice = dice.pick(&[
                "\"code\":57",
                "\"code\":\"SUCCESS\"",
                "\"code\":0",
                "\"data\":[]",
                "\"items\":[]",
            ]);
            if body.first() == Some(&b'{') && body.len() > 2 {
                if dice.one_in(2) {
                    body.splice(1..1, format!("{twice},").into_bytes()).for_each(drop);
                } else {
                    let end = body.len() - 1;
                    body.splice(end..end, format!(",{twice}").into_bytes()).for_each(drop);
                }
            }
        }
        _ => {
            if let Ok(mut value) = serde_json::from_slice::<Value>(&body) {
                let other = [
                    json!(null),
                    json!({}),
                    json!([]),
                    json!([[]]),
                    json!(""),
                    json!(0),
                    json!("x"),
                    json!(true),
                ];
                replace(dice, &mut value, &other);
                body = value.to_string().into_bytes();
            }
        }
    }
    body
}

/// Puts one of these in place of any value, or takes one away.
fn replace(dice: &mut Dice, value: &mut Value, by: &[Value]) {
    match value {
        Value::Object(fields) if !fields.is_empty() && !dice.one_in(8) => {
            let name = fields.keys().nth(dice.below(fields.len())).cloned().unwrap();
            if dice.one_in(6) {
                fields.remove(&name);
            } else {
                replace(dice, &mut fields[&name], by);
            }
        }
        Value::Array(list) if !list.is_empty() && !dice.one_in(6) => {
            let at = dice.below(list.len());
            replace(dice, &mut list[at], by);
        }
        value => *value = by[dice.below(by.len())].clone(),
    }
}

#[rustfmt::skip]
const TYPES: &[&str] = &[
    "application/json", "application/json;charset=UTF-8", "application/json;charset=UTF-8", "text/html;charset=UTF-8", "text/html",
    "text/plain", "application/pdf", "application/problem+json", "", "JSON", ";",
];

#[rustfmt::skip]
const WAITS: &[&str] = &[
    "0", "1", "30", " 60 ", "-1", "1.5", "99999999999999999999999", "18446744073709551615", "soon", "", "Tue, 01 Dec 2026 10:00:30 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT", "Tue, 01 Dec 9999 10:00:30 GMT",
];

fn headers(dice: &mut Dice) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &[u8]| {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    };
    if !dice.one_in(6) {
        set("content-type", dice.pick(TYPES).as_bytes());
    }
    if dice.one_in(3) {
        set("retry-after", dice.pick(WAITS).as_bytes());
        set("date", dice.pick(WAITS).as_bytes());
    }
    if dice.one_in(8) {
        set("x-api-credits-remaining", dice.pick(WAITS).as_bytes());
    }
    if dice.one_in(8) {
        let noise: Vec<u8> = (0..dice.below(12)).map(|_| (dice.roll() & 255) as u8).collect();
        let name = ["content-type", "retry-after", "content-disposition", "date"][dice.below(4)];
        set(name, &noise);
    }
    headers
}
