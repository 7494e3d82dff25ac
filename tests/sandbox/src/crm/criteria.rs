//! The `criteria` of a search: `((Stage:equals:Qualification)and(Amount:greater_than:100))`.

use serde_json::{Value, json};

use super::error::error;
use super::fields::{self, Field, Kind};
use super::module::Module;
use crate::clock;
use crate::http::Answer;
use crate::object::Object;

const MOST: usize = 10;

/// A condition, or several joined ones.
#[derive(Debug)]
pub(crate) enum Criteria {
    One { field: &'static Field, operator: String, values: Vec<String> },
    All(Vec<Criteria>),
    Any(Vec<Criteria>),
}

impl Criteria {
    /// Reads criteria. Brackets, commas and backslashes in a value are escaped by a backslash.
    pub(crate) fn parse(text: &str, module: Module) -> Result<Self, Answer> {
        let mut reader = Reader { letters: text.chars().collect(), at: 0, conditions: 0, module };
        let criteria = reader.group()?;
        if reader.at < reader.letters.len() {
            return Err(reader.wrong("criteria ends too late"));
        }
        if reader.conditions > MOST {
            return Err(error(
                400,
                "LIMIT_EXCEEDED",
                json!({ "limit": MOST }),
                "Maximum criteria limit exceeded",
            ));
        }
        Ok(criteria)
    }

    /// Whether a record matches. `equals` on text matches every value that contains the text.
    pub(crate) fn fits(&self, record: &Object) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.fits(record)),
            Self::Any(parts) => parts.iter().any(|part| part.fits(record)),
            Self::One { field, operator, values } => one(field, operator, values, record.get(field.name)),
        }
    }
}

fn one(field: &Field, operator: &str, values: &[String], own: Option<&Value>) -> bool {
    let own = own.filter(|own| !own.is_null());
    let wanted = values.first().map(String::as_str).unwrap_or_default();
    let Some(own) = own else {
        return operator == "not_equal" || (operator == "equals" && wanted == "${EMPTY}");
    };
    match field.kind {
        Kind::Currency | Kind::Integer => {
            let numbers: Vec<f64> = values.iter().filter_map(|value| value.parse().ok()).collect();
            ranked(own.as_f64(), operator, &numbers)
        }
        Kind::DateTime | Kind::Date => {
            let time = |text: &str| clock::parse(text).or_else(|| clock::parse(&format!("{text}T00:00:00Z")));
            let times: Vec<_> = values.iter().filter_map(|value| time(value)).collect();
            ranked(own.as_str().and_then(time), operator, &times)
        }
        Kind::Picklist(_) | Kind::Renamed(_) | Kind::Id | Kind::User | Kind::Lookup(_) => {
            let own = own.as_str().or_else(|| own.get("id").and_then(Value::as_str)).unwrap_or_default();
            match operator {
                "equals" | "in" => values.iter().any(|value| value == own),
                "not_equal" => own != wanted,
                "starts_with" => own.starts_with(wanted),
                _ => false,
            }
        }
        _ => {
            let own = own.as_str().unwrap_or_default().to_lowercase();
            let has = |value: &String| own.contains(&value.to_lowercase());
            match operator {
                "equals" | "in" => values.iter().any(has),
                "not_equal" => !values.iter().any(has),
                "starts_with" => own.starts_with(&wanted.to_lowercase()),
                _ => false,
            }
        }
    }
}

fn ranked<T: PartialOrd>(own: Option<T>, operator: &str, values: &[T]) -> bool {
    let (Some(own), Some(first)) = (own, values.first()) else { return false };
    match operator {
        "equals" | "in" => values.contains(&own),
        "not_equal" => own != *first,
        "greater_than" => own > *first,
        "greater_equal" => own >= *first,
        "less_than" => own < *first,
        "less_equal" => own <= *first,
        "between" => own >= *first && values.get(1).is_some_and(|last| own <= *last),
        _ => false,
    }
}

struct Reader {
    letters: Vec<char>,
    at: usize,
    conditions: usize,
    module: Module,
}

impl Reader {
    /// `(...)`, joined by one of `and` and `or`.
    fn group(&mut self) -> Result<Criteria, Answer> {
        let first = self.bracket()?;
        let mut parts = vec![first];
        let mut joint = None;
        while let Some(word) = ["and", "or"].into_iter().find(|word| self.take(word)) {
            if joint.is_some_and(|joint| joint != word) {
                return Err(self.wrong("and and or need brackets of their own"));
            }
            joint = Some(word);
            parts.push(self.bracket()?);
        }
        Ok(match joint {
            None => parts.remove(0),
            Some("and") => Criteria::All(parts),
            Some(_) => Criteria::Any(parts),
        })
    }

    fn bracket(&mut self) -> Result<Criteria, Answer> {
        if !self.take("(") {
            return Err(self.wrong("a criteria stands in brackets"));
        }
        let inner = if self.letters.get(self.at) == Some(&'(') { self.group()? } else { self.condition()? };
        if self.take(")") { Ok(inner) } else { Err(self.wrong("a bracket is not closed")) }
    }

    fn condition(&mut self) -> Result<Criteria, Answer> {
        let name = self.until(&[':']);
        let field = fields::find(self.module, name.trim()).filter(|field| field.kind != Kind::Other);
        let field = field.ok_or_else(|| {
            let details = json!({ "api_name": name, "reason": "the field is not available for search" });
            error(400, "INVALID_QUERY", details, "Invalid query formed")
        })?;
        let colon = self.take(":");
        let operator = self.until(&[':']);
        if !colon || !self.take(":") || !OPERATORS.contains(&operator.as_str()) {
            let details =
                json!({ "api_name": field.name, "operator": operator, "reason": "invalid operator" });
            return Err(error(400, "INVALID_QUERY", details, "Invalid query formed"));
        }
        let mut values = vec![self.until(&[',', ')'])];
        while self.take(",") {
            values.push(self.until(&[',', ')']));
        }
        self.conditions += 1;
        Ok(Criteria::One { field, operator, values })
    }

    fn until(&mut self, ends: &[char]) -> String {
        let mut text = String::new();
        while let Some(letter) = self.letters.get(self.at).filter(|letter| !ends.contains(letter)) {
            let escaped = if *letter == '\\' { self.letters.get(self.at + 1) } else { None };
            text.push(*escaped.unwrap_or(letter));
            self.at += if escaped.is_some() { 2 } else { 1 };
        }
        text
    }

    fn take(&mut self, word: &str) -> bool {
        let here = self.letters.iter().skip(self.at).take(word.len()).collect::<String>();
        let found = here == word;
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn wrong(&self, reason: &str) -> Answer {
        error(400, "INVALID_QUERY", json!({ "reason": reason }), "Invalid query formed")
    }
}

#[rustfmt::skip]
const OPERATORS: [&str; 9] = [
    "equals", "not_equal", "starts_with", "in", "greater_than", "greater_equal", "less_than", "less_equal",
    "between",
];
