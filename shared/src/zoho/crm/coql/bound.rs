//! Callers' queries: their values are bound, and never pasted into the text.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

use super::literal;
use crate::zoho::value::Object;

/// The longest query that is sent, in bytes.
const MAX_QUERY_LENGTH: usize = 10_000;

/// Why a query of a caller is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Too long, or not beginning with `select`.
    #[error("`query` must be one COQL query: `select … from … where …`, of at most 10,000 characters")]
    NoQuery,
    /// It holds a character that is not allowed there.
    #[error("`query` holds {0:?}, which has no place in COQL")]
    Character(char),
    /// A quote is not closed.
    #[error("a text in `query` has no closing quote")]
    Unclosed,
    /// The query names a value that `params` does not have.
    #[error("`query` names `:{0}`, but `params` has no such value")]
    Missing(String),
    /// `params` has a value that the query does not name.
    #[error("`params` has `{0}`, but `query` does not name it as `:{0}`")]
    Unused(String),
    /// A value cannot be written in COQL.
    #[error(
        "`params.{0}` must be a text without line breaks and backslashes, a number, true, false, or a list of these (null: write `is null`)"
    )]
    Value(String),
    /// The query names no module.
    #[error("`query` has no `from` with the API name of a module")]
    NoModule,
    /// A value would become a part of the text beside it.
    #[error(
        "a value in `query` stands right beside a text in quotes: there must be a sign or a word between them"
    )]
    Joined,
    /// The limit is missing, unreadable or too large.
    #[error(
        "`limit` in `query` must be a number of rows from 1 to {0}, and `offset` needs a `limit` before it"
    )]
    Limit(u32),
}

/// A query that can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The text to send.
    pub text: String,
    /// The module that it reads.
    pub module: String,
    /// Its words and signs outside of quotes. A bound value is `?`, a quoted text is `'`.
    pub words: Vec<String>,
}

/// Replaces each `:name` outside of quotes by its value, and ensures that the query gives at most `most` rows.
///
/// # Errors
/// Where the query cannot be sent.
pub fn bind(query: &str, params: &Object, most: u32) -> Result<Bound, Unusable> {
    let query = query.trim();
    let is_select = query.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("select "));
    if query.len() > MAX_QUERY_LENGTH || !is_select {
        return Err(Unusable::NoQuery);
    }
    let Binding { mut text, words, used, .. } = Binding::of(query, params)?;
    if text.len() > MAX_QUERY_LENGTH {
        return Err(Unusable::NoQuery);
    }
    if let Some(unused) = params.keys().find(|name| !used.contains(*name)) {
        return Err(Unusable::Unused(unused.clone()));
    }
    let module = module_of(&words)?;
    limit(&mut text, &words, most)?;
    Ok(Bound { text, module, words })
}

type Letters<'a> = Peekable<Chars<'a>>;

/// A query, as far as it was read and written anew.
struct Binding<'a> {
    params: &'a Object,
    text: String,
    words: Vec<String>,
    /// The names of the values that stand in it.
    used: BTreeSet<String>,
}

impl<'a> Binding<'a> {
    fn of(query: &str, params: &'a Object) -> Result<Self, Unusable> {
        let text = String::with_capacity(query.len() + 64);
        let mut own = Self { params, text, words: Vec::new(), used: BTreeSet::new() };
        let mut rest = query.chars().peekable();
        while let Some(one) = rest.next() {
            match one {
                '\'' => own.quoted_text(&mut rest)?,
                ':' => own.value(&mut rest)?,
                one if is_of_word(one) => {
                    let whole = format!("{one}{}", word(&mut rest));
                    own.text.push_str(&whole);
                    own.words.push(whole);
                }
                one if one.is_whitespace() => own.text.push(' '),
                '(' | ')' | ',' | '=' | '!' | '<' | '>' | '-' | '+' | '%' => {
                    own.text.push(one);
                    own.words.push(one.to_string());
                }
                other => return Err(Unusable::Character(other)),
            }
        }
        Ok(own)
    }

    /// A text in quotes, whose first quote is read.
    fn quoted_text(&mut self, rest: &mut Letters<'_>) -> Result<(), Unusable> {
        if self.text.ends_with('\'') && self.words.last().is_some_and(|last| last == "?") {
            return Err(Unusable::Joined);
        }
        self.text.push('\'');
        // A doubled quote closes the text and opens another one, which gives the same result.
        loop {
            match rest.next() {
                Some('\'') => break self.text.push('\''),
                Some(inner) if inner.is_control() || inner == '\\' => return Err(Unusable::Character(inner)),
                Some(inner) => self.text.push(inner),
                None => return Err(Unusable::Unclosed),
            }
        }
        self.words.push("'".to_owned());
        Ok(())
    }

    /// The value of a name, whose colon is read.
    fn value(&mut self, rest: &mut Letters<'_>) -> Result<(), Unusable> {
        // A value right after a word would become part of the word.
        if self.text.chars().next_back().is_some_and(is_of_word) {
            return Err(Unusable::Character(':'));
        }
        if self.text.ends_with('\'') {
            return Err(Unusable::Joined);
        }
        let name = word(rest);
        let Some(value) = self.params.get(&name) else { return Err(Unusable::Missing(name)) };
        literal::write(&mut self.text, value).map_err(|()| Unusable::Value(name.clone()))?;
        self.words.push("?".to_owned());
        self.used.insert(name);
        Ok(())
    }
}

fn is_of_word(one: char) -> bool {
    one.is_ascii_alphanumeric() || matches!(one, '_' | '.' | '$')
}

fn word(rest: &mut Letters<'_>) -> String {
    let mut found = String::new();
    while let Some(one) = rest.next_if(|one| is_of_word(*one)) {
        found.push(one);
    }
    found
}

/// Where a word stands last, in capital letters or not.
fn index_of(words: &[String], wanted: &str) -> Option<usize> {
    words.iter().rposition(|word| word.eq_ignore_ascii_case(wanted))
}

fn module_of(words: &[String]) -> Result<String, Unusable> {
    let module = index_of(words, "from").and_then(|from| words.get(from + 1));
    module.filter(|name| name.chars().all(is_of_word)).cloned().ok_or(Unusable::NoModule)
}

/// Checks the query's limit of rows. One that has none gets this.
fn limit(text: &mut String, words: &[String], most: u32) -> Result<(), Unusable> {
    let Some(limit) = index_of(words, "limit") else {
        // `offset` comes after `limit`.
        if index_of(words, "offset").is_some() {
            return Err(Unusable::Limit(most));
        }
        text.push_str(&format!(" limit {most}"));
        return Ok(());
    };
    // `limit n`, `limit n offset m`, or `limit offset, n`.
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u32>().ok());
    let comma = words.get(limit + 2).is_some_and(|word| word == ",");
    let rows = if comma { number(limit + 3) } else { number(limit + 1) };
    if rows.is_some_and(|rows| (1..=most).contains(&rows)) { Ok(()) } else { Err(Unusable::Limit(most)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn bound(query: &str, params: &Value) -> Result<Bound, Unusable> {
        bind(query, params.as_object().unwrap(), 200)
    }

    #[test]
    fn values_are_bound_outside_of_quotes_only() {
        let query =
            "select id from Deals where (Stage = :stage and Deal_Name != ':stage') and Amount >= :least";
        let bound = bound(query, &json!({ "stage": "Won' or 'a' = 'a", "least": 12.50 })).unwrap();
        assert_eq!(
            bound.text,
            "select id from Deals where (Stage = 'Won'' or ''a'' = ''a' and Deal_Name != ':stage') and Amount >= 12.5 limit 200"
        );
        assert_eq!(bound.module, "Deals");
        assert!(self::bound("select id from Deals where a in ('x''y',:n,'z')", &json!({ "n": "y" })).is_ok());
    }

    #[test]
    fn lists_are_for_in() {
        let bound =
            bound("select id from Deals where Stage in :stages limit 5", &json!({ "stages": ["a", "b"] }));
        assert_eq!(bound.unwrap().text, "select id from Deals where Stage in ('a', 'b') limit 5");
    }

    #[test]
    fn moments_are_written_as_crm_takes_them() {
        let query = "select id from Deals where ((Created_Time between :from and :to) and Modified_Time in :at) and Deal_Name = :name";
        let params = json!({
            "from": "2026-07-08T18:30:00.000Z", "to": "2026-07-09T18:30:00.5+02:00",
            "at": ["2026-07-08T18:30:00Z", "2026-07-08T18:30:00+0530"], "name": "2026-07-08",
        });
        assert_eq!(
            bound(query, &params).unwrap().text,
            "select id from Deals where ((Created_Time between '2026-07-08T18:30:00+00:00' and '2026-07-09T18:30:00+02:00') \
             and Modified_Time in ('2026-07-08T18:30:00+00:00', '2026-07-08T18:30:00+05:30')) and Deal_Name = '2026-07-08' limit 200"
        );
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        for (query, params, expected) in [
            ("", json!({}), Unusable::NoQuery),
            ("delete from Deals", json!({}), Unusable::NoQuery),
            ("select id from Deals where a = :b", json!({}), Unusable::Missing("b".into())),
            ("select id from Deals where a = 1", json!({ "b": 1 }), Unusable::Unused("b".into())),
            ("select id from Deals where a = :b", json!({ "b": null }), Unusable::Value("b".into())),
            ("select id from Deals where a = :b", json!({ "b": [] }), Unusable::Value("b".into())),
            ("select id from Deals where a = :b", json!({ "b": [[1]] }), Unusable::Value("b".into())),
            ("select id from Deals where a = :b", json!({ "b": "x\\" }), Unusable::Value("b".into())),
            ("select id from Deals where a = :b", json!({ "b": "x\ny" }), Unusable::Value("b".into())),
            ("select id from Deals where a = 'x", json!({}), Unusable::Unclosed),
            ("select id from Deals where a = 1; select", json!({}), Unusable::Character(';')),
            ("select id from Deals where a = \"x\"", json!({}), Unusable::Character('"')),
            ("select id from Deals where a = 1 limit 201", json!({}), Unusable::Limit(200)),
            ("select id from Deals where a = 1 limit 0", json!({}), Unusable::Limit(200)),
            ("select id from Deals where a = 1 limit 5, 201", json!({}), Unusable::Limit(200)),
            ("select id from Deals where a = 1 limit :n", json!({ "n": 5 }), Unusable::Limit(200)),
            ("select id from Deals where a = 1 limit 1:n", json!({ "n": 999 }), Unusable::Character(':')),
            ("select id from De:n where a = 1", json!({ "n": 1 }), Unusable::Character(':')),
            ("select id from Deals where a = 1 offset 5", json!({}), Unusable::Limit(200)),
            ("select id from Deals where a = 'x':n", json!({ "n": "y" }), Unusable::Joined),
            ("select id from Deals where a = :n'x'", json!({ "n": "y" }), Unusable::Joined),
            ("select id from Deals where a = :n:n", json!({ "n": "y" }), Unusable::Joined),
            ("select id where a = 1", json!({}), Unusable::NoModule),
            ("select id from", json!({}), Unusable::NoModule),
        ] {
            assert_eq!(bound(query, &params).unwrap_err(), expected, "{query}");
        }
    }

    proptest! {
        /// However a value looks, the query around it stays what it was.
        #[test]
        fn no_value_escapes_its_quotes(value in "\\PC*") {
            let params = json!({ "v": value });
            let Ok(bound) = bound("select id from Deals where Deal_Name = :v", &params) else { return Ok(()) };
            let inner = bound.text.strip_prefix("select id from Deals where Deal_Name = '").unwrap();
            let inner = inner.strip_suffix("' limit 200").unwrap();
            prop_assert_eq!(inner.replace("''", ""), value.replace('\'', ""));
            prop_assert_eq!(inner.matches('\'').count() % 2, 0);
        }

        #[test]
        fn no_query_makes_it_panic(query in "\\PC*") {
            let _ = bound(&format!("select {query}"), &json!({}));
        }
    }
}
