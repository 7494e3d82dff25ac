//! What a person is known by, and what is replaced where it is found.

use serde_json::Value;

use crate::base::clock::Timestamp;

/// What stands in the place of what is forgotten.
pub const FORGOTTEN: &str = "[forgotten]";

/// The fewest characters of a text: a shorter one would be found everywhere.
const MIN_TEXT: usize = 3;
const MIN_DIGITS: usize = 6;

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
    pub(super) fn is_in(&self, text: &str) -> bool {
        let small = text.to_lowercase();
        let has_number = || {
            text.split(|one| !is_of_a_number(one))
                .map(digits)
                .any(|found| self.numbers.iter().any(|number| found.contains(number.as_str())))
        };
        self.texts.iter().any(|own| small.contains(own.as_str())) || !self.numbers.is_empty() && has_number()
    }

    /// Whether a text is the id of the person's record, or names it: `contact/61…`.
    pub(super) fn is_record(&self, text: &str) -> bool {
        self.ids.iter().any(|id| {
            text.strip_suffix(id.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        })
    }

    /// The same person, known by texts alone.
    pub(super) fn by_texts(&self) -> Self {
        Self { texts: self.texts.clone(), ..Self::default() }
    }

    /// Whether a text says something of the person, or holds an id of theirs anywhere.
    pub(super) fn is_told_by(&self, text: &str) -> bool {
        self.is_in(text) || self.ids.iter().any(|id| text.contains(id.as_str()))
    }

    /// Replaces what is said of the person, and counts it. In an object that `is_theirs`, all that may be said of a person is.
    pub(super) fn wipe(&self, value: &mut Value, is_theirs: bool) -> usize {
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
