//! What Zoho said, read once more: with code of its own, so that one misreading cannot pass on both sides.

use serde_json::{Map, Value};

use super::said::Said;

/// What may stand before a document.
const BLANKS: [char; 5] = [' ', '\t', '\n', '\r', '\u{c}'];

/// A refusal in an answer.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) details: Value,
}

/// An answer as a careful reader understands it.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) crm: bool,
    /// The document, where it is one.
    pub(super) value: Option<Value>,
    /// Whether no field at its top stands twice: then either could be the right one.
    distinct: bool,
    /// Whether its code does.
    twice: bool,
    html: bool,
    /// Whether it calls itself something that is neither JSON nor a page.
    file: bool,
    /// Whether it begins like a document and is none.
    broken: bool,
}

impl Heard {
    pub(super) fn of(said: &Said, crm: bool) -> Self {
        let text = String::from_utf8_lossy(&said.body);
        let text = whole(text.strip_prefix('\u{feff}').unwrap_or(&text));
        let value = serde_json::from_str::<Value>(&text).ok();
        let kind = said.header("content-type").to_ascii_lowercase();
        let kind = kind.split(';').next().unwrap().trim();
        let (begin, end) = (
            text.trim_start_matches(BLANKS),
            kind.ends_with("+json") || matches!(kind, "application/json" | "text/json"),
        );
        // What calls itself JSON and is none, and what does not say and looks like a page.
        let html = (kind == "text/html" && !(begin.starts_with(['{', '[']) && value.is_some()))
            || (end && value.is_none())
            || (kind.is_empty()
                && (begin.starts_with('<') || (begin.starts_with(['{', '[']) && value.is_none())));
        let broken = begin.starts_with(['{', '[']) && value.is_none();
        let mut names = names_at_top(&text).unwrap_or_default();
        let twice = names.iter().filter(|name| *name == "code").count() > 1;
        let all = names.len();
        names.sort();
        names.dedup();
        let distinct = names.len() == all;
        Self {
            status: said.status,
            crm,
            value,
            distinct,
            twice,
            html: html && !begin.is_empty(),
            file: !kind.is_empty() && !end && kind != "text/html",
            broken,
        }
    }

    fn good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The document, where nothing of it is ambiguous.
    pub(super) fn object(&self) -> Option<&Map<String, Value>> {
        self.value.as_ref()?.as_object().filter(|_| self.distinct)
    }

    fn refusal(&self, row: &Map<String, Value>) -> Option<Refusal> {
        let code = match row.get("code")? {
            Value::String(code) if !code.is_empty() => code.clone(),
            Value::Number(code) => code.to_string(),
            _ => return None,
        };
        if matches!(code.as_str(), "SUCCESS" | "0") {
            return None;
        }
        let message = row.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        let details = row.get(if self.crm { "details" } else { "error_info" }).cloned().unwrap_or_default();
        Some(Refusal { code, message, details })
    }

    fn rows(&self) -> impl Iterator<Item = &Value> {
        self.object().into_iter().flat_map(Map::values).filter_map(Value::as_array).flatten()
    }

    /// All that could be called a refusal: at the top, or in a row of a list.
    pub(super) fn refusals(&self) -> Vec<Refusal> {
        let rows = self.rows().filter_map(Value::as_object);
        self.object().into_iter().chain(rows).filter_map(|row| self.refusal(row)).collect()
    }

    /// The refusal that this answer certainly is.
    pub(super) fn refused(&self, write: bool) -> Option<Refusal> {
        let at_top = self.object().and_then(|object| self.refusal(object));
        let in_row = || {
            let first = self.rows().next()?.as_object()?;
            let says_so = first.get("status").is_some_and(|status| status == "error");
            self.refusal(first).filter(|_| says_so)
        };
        let rows_count = self.crm && (!self.good() || (write && self.rows().count() == 1));
        at_top.or_else(|| if rows_count && !self.has_code() { in_row() } else { None })
    }

    fn has_code(&self) -> bool {
        self.object().is_some_and(|object| object.contains_key("code"))
    }

    /// Whether nothing at the top speaks against success.
    fn is_success(&self) -> bool {
        let Some(object) = self.object() else { return false };
        let code = object.get("code");
        let fits = if self.crm {
            code.is_none_or(|code| code == "SUCCESS")
        } else {
            code.is_none_or(|code| code == "0" || code.as_u64() == Some(0))
        };
        self.good() && fits
    }

    /// Whether CRM said of the first row that it wrote the record. A row of two minds says neither.
    pub(super) fn wrote_record(&self) -> bool {
        let rows = self.object().and_then(|object| object.get("data")).and_then(Value::as_array);
        let first = rows.and_then(|rows| rows.first());
        let said = |row: &Value| {
            row["code"] == "SUCCESS" && row["status"] != "error" && id(row.get("details"), "id")
        };
        self.is_success() && first.is_some_and(said)
    }

    /// Whether Inventory said so and showed the order.
    pub(super) fn made_order(&self) -> bool {
        self.is_success() && self.record(&["salesorder", "sales_order"], "salesorder_id")
    }

    /// Whether Inventory said so.
    pub(super) fn said_zero(&self) -> bool {
        self.is_success() && self.has_code()
    }

    /// Whether a call that was passed on succeeded, of whatever form its answer is.
    pub(super) fn passed(&self, write: bool) -> bool {
        if self.file && !write {
            return self.good() || self.status == 304;
        }
        if self.broken && write {
            return false;
        }
        let object = self.value.as_ref().and_then(Value::as_object);
        let refused =
            object.and_then(|object| self.refusal(object)).is_some() || self.refused(write).is_some();
        let mut rows = self.rows();
        let odd = match (rows.next(), rows.next()) {
            (Some(only), None) => {
                self.crm
                    && write
                    && !self.has_code()
                    && only.get("status").is_some_and(|status| status == "error")
            }
            _ => false,
        };
        (self.good() || (self.status == 304 && !write)) && !self.html && !refused && !self.twice && !odd
    }

    /// Whether there is a record under one of these keys.
    pub(super) fn record(&self, keys: &[&str], own: &str) -> bool {
        self.object().is_some_and(|object| keys.iter().any(|key| id(object.get(*key), own)))
    }

    /// Whether it is a list of records, perhaps an empty one.
    pub(super) fn list(&self, keys: &[&str]) -> bool {
        if self.crm && self.status == 204 {
            return true;
        }
        let is_list = |list: &Value| list.as_array().is_some_and(|list| list.iter().all(Value::is_object));
        self.is_success()
            && self
                .object()
                .is_some_and(|object| keys.iter().any(|key| object.get(*key).is_some_and(is_list)))
    }

    /// Whether it says that there is no such record.
    pub(super) fn missing(&self) -> bool {
        let known = |refusal: &Refusal| {
            self.status == 404 || matches!(refusal.code.as_str(), "1002" | "INVALID_DATA")
        };
        self.refusals().iter().any(known)
    }

    /// Whether this text stands in it, as a value.
    pub(super) fn shows(&self, marker: &str) -> bool {
        self.good()
            && self.object().is_some()
            && self.value.as_ref().is_some_and(|value| value.to_string().contains(marker))
    }
}

fn id(record: Option<&Value>, field: &str) -> bool {
    match record.and_then(|record| record.get(field)) {
        Some(Value::String(id)) => !id.is_empty(),
        Some(Value::Number(_)) => true,
        _ => false,
    }
}

/// The text with U+FFFD in place of each half of a pair.
fn whole(text: &str) -> String {
    if !text.contains("\\u") {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let unit = |at: usize| -> Option<u32> {
        let ['\\', 'u', digits @ ..] = letters.get(at..at + 6)? else { return None };
        digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + digit.to_digit(16)?))
    };
    let (mut kept, mut at) = (String::with_capacity(text.len()), 0);
    while at < letters.len() {
        let take = match (letters[at], unit(at)) {
            ('\\', Some(0xd800..=0xdbff))
                if unit(at + 6).is_some_and(|low| (0xdc00..=0xdfff).contains(&low)) =>
            {
                12
            }
            ('\\', Some(0xd800..=0xdfff)) => {
                kept.push('\u{fffd}');
                at += 6;
                continue;
            }
            ('\\', _) => 2,
            _ => 1,
        };
        kept.extend(letters[at..].iter().take(take));
        at += take;
    }
    kept
}

/// The names at the top of an object, in their order.
fn names_at_top(text: &str) -> Option<Vec<String>> {
    let (mut names, mut depth, mut rest) = (Vec::new(), 0_usize, text.trim_start());
    if !rest.starts_with('{') {
        return None;
    }
    while let Some(letter) = rest.chars().next() {
        if letter == '"' {
            let mut texts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let name = texts.next()?.ok()?;
            let end = texts.byte_offset();
            rest = rest.get(end..)?;
            if depth == 1 && rest.trim_start().starts_with(':') {
                names.push(name);
            }
            continue;
        }
        match letter {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        rest = rest.get(letter.len_utf8()..)?;
    }
    Some(names)
}
