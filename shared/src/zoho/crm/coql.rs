//! COQL, CRM's query language: conditions that the connector builds, and callers' queries, whose values are bound and never
//! pasted into the text.
//! <https://www.zoho.com/crm/developer/docs/api/v8/COQL-Overview.html>

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Value, json};

use super::moment::moment;
use crate::zoho::value::Object;

/// The scope of queries. Each query also needs the scope of its module.
pub const SCOPE: &str = "ZohoCRM.coql.READ";

/// The most rows that CRM gives for one query; beyond 200 they cost more of its credits.
pub const MAX_ROWS: u32 = 2_000;

/// The longest query that is sent, in bytes.
const MAX_QUERY_LENGTH: usize = 10_000;

/// The address to which queries are posted.
pub fn url(api: &str) -> String {
    format!("{api}/crm/v8/coql")
}

/// The JSON body that is posted.
pub fn body(query: &str) -> String {
    json!({ "select_query": query }).to_string()
}

/// The query for a page of a module: the records after an id, sorted by id. New or deleted records move no others across pages.
pub fn page(module: &str, fields: &str, conditions: &[String], after: Option<&str>, rows: u32) -> String {
    let mut joined = format!("id > {}", after.unwrap_or("0"));
    for condition in conditions {
        // COQL wants more than two conditions bracketed pair by pair.
        joined = format!("({condition} and {joined})");
    }
    let columns = columns(fields);
    format!("select {columns} from {module} where {joined} order by id asc limit {rows}")
}

/// The query for the contacts of an account, and for one more contact, who may belong to another account.
pub fn people_of(fields: &str, account: &str, contact: Option<&str>, rows: u32) -> String {
    let whose = format!("Account_Name = {}", quoted(account));
    let whose = contact.map_or(whose.clone(), |contact| format!("({whose} or id = {})", quoted(contact)));
    let columns = columns(fields);
    format!("select {columns} from Contacts where {whose} order by Modified_Time desc limit {rows}")
}

/// The query for the records that have a value in a field. Two rows are enough to see that the value is not unique.
pub fn having(module: &str, fields: &str, field: &str, value: &str) -> String {
    format!("select {} from {module} where {} limit 2", columns(fields), equals(field, value))
}

/// The query for how many records there are, and what a field of theirs adds up to, for each set of values of some columns.
pub fn sums(module: &str, by: &[&str], sum: Option<&str>, rows: u32) -> String {
    let grouped = if by.is_empty() { String::new() } else { format!(" group by {}", by.join(", ")) };
    let mut columns: Vec<String> = by.iter().map(|column| (*column).to_owned()).collect();
    columns.push(COUNT.to_owned());
    columns.extend(sum.map(sum_of));
    format!("select {} from {module} where id > 0{grouped} limit {rows}", columns.join(", "))
}

/// How many records there are, in a query and in its rows.
pub const COUNT: &str = "COUNT(id)";

/// What a column adds up to, in a query and in its rows.
pub fn sum_of(column: &str) -> String {
    format!("SUM({column})")
}

/// `field >= 'moment'`
pub fn since(field: &str, at: jiff::Timestamp) -> String {
    let at = jiff::Timestamp::from_second(at.as_second()).unwrap_or(at);
    format!("{field} >= {}", quoted(&at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()))
}

/// The id and these fields, each once: CRM refuses a column that is named twice.
fn columns(fields: &str) -> String {
    let mut columns = vec!["id"];
    for field in fields.split(',').map(str::trim).filter(|field| !field.is_empty()) {
        if !columns.contains(&field) {
            columns.push(field);
        }
    }
    columns.join(", ")
}

/// `field = 'text'`
pub fn equals(field: &str, text: &str) -> String {
    format!("{field} = {}", quoted(text))
}

/// `field like '%part%'`
pub fn contains(field: &str, part: &str) -> String {
    format!("{field} like {}", quoted(&format!("%{part}%")))
}

/// A text as a COQL literal. It must be plain (see [`is_plain`]): CRM could read a backslash as an escape, and a line break as
/// the end of the text.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether a text can be part of a query: it has no control characters and no backslashes.
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(|one| one.is_control() || one == '\\')
}

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
    if query.len() > MAX_QUERY_LENGTH
        || !query.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("select "))
    {
        return Err(Unusable::NoQuery);
    }
    let mut text = String::with_capacity(query.len() + 64);
    let mut words: Vec<String> = Vec::new();
    let mut used = BTreeSet::new();
    let mut rest = query.chars().peekable();
    while let Some(one) = rest.next() {
        match one {
            '\'' => {
                if text.ends_with('\'') && words.last().is_some_and(|last| last == "?") {
                    return Err(Unusable::Joined);
                }
                text.push('\'');
                // A doubled quote closes the text and opens another one, which gives the same result.
                loop {
                    match rest.next() {
                        Some('\'') => break text.push('\''),
                        Some(inner) if inner.is_control() || inner == '\\' => {
                            return Err(Unusable::Character(inner));
                        }
                        Some(inner) => text.push(inner),
                        None => return Err(Unusable::Unclosed),
                    }
                }
                words.push("'".to_owned());
            }
            ':' => {
                // A value right after a word would become part of the word.
                if text.chars().next_back().is_some_and(is_of_word) {
                    return Err(Unusable::Character(':'));
                }
                if text.ends_with('\'') {
                    return Err(Unusable::Joined);
                }
                let name = word(&mut rest);
                let Some(value) = params.get(&name) else { return Err(Unusable::Missing(name)) };
                literal(&mut text, value).map_err(|()| Unusable::Value(name.clone()))?;
                words.push("?".to_owned());
                used.insert(name);
            }
            one if is_of_word(one) => {
                let whole = format!("{one}{}", word(&mut rest));
                text.push_str(&whole);
                words.push(whole);
            }
            one if one.is_whitespace() => text.push(' '),
            '(' | ')' | ',' | '=' | '!' | '<' | '>' | '-' | '+' | '%' => {
                text.push(one);
                words.push(one.to_string());
            }
            other => return Err(Unusable::Character(other)),
        }
    }
    if text.len() > MAX_QUERY_LENGTH {
        return Err(Unusable::NoQuery);
    }
    if let Some(unused) = params.keys().find(|name| !used.contains(*name)) {
        return Err(Unusable::Unused(unused.clone()));
    }
    let index_of = |wanted: &str| words.iter().rposition(|word| word.eq_ignore_ascii_case(wanted));
    let module =
        index_of("from").and_then(|from| words.get(from + 1)).filter(|name| name.chars().all(is_of_word));
    let module = module.ok_or(Unusable::NoModule)?.clone();
    match index_of("limit") {
        // `offset` comes after `limit`.
        None if index_of("offset").is_some() => return Err(Unusable::Limit(most)),
        None => drop(write!(text, " limit {most}")),
        Some(limit) => {
            // `limit n`, `limit n offset m`, or `limit offset, n`.
            let number = |at: usize| words.get(at).and_then(|word| word.parse::<u32>().ok());
            let comma = words.get(limit + 2).is_some_and(|word| word == ",");
            let rows = if comma { number(limit + 3) } else { number(limit + 1) };
            rows.filter(|rows| (1..=most).contains(rows)).ok_or(Unusable::Limit(most))?;
        }
    }
    Ok(Bound { text, module, words })
}

fn is_of_word(one: char) -> bool {
    one.is_ascii_alphanumeric() || matches!(one, '_' | '.' | '$')
}

fn word(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut found = String::new();
    while let Some(one) = rest.next_if(|one| is_of_word(*one)) {
        found.push(one);
    }
    found
}

fn literal(text: &mut String, value: &Value) -> Result<(), ()> {
    match value {
        // A moment as our events give it would be refused.
        Value::String(own) if is_plain(own) => {
            text.push_str(&quoted(moment(own).as_deref().unwrap_or(own)));
        }
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Array(list) if !list.is_empty() => {
            for (index, one) in list.iter().enumerate() {
                text.push_str(if index == 0 { "(" } else { ", " });
                if one.is_array() {
                    return Err(());
                }
                literal(text, one)?;
            }
            text.push(')');
        }
        _ => return Err(()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bound(query: &str, params: &Value) -> Result<Bound, Unusable> {
        bind(query, params.as_object().unwrap(), 200)
    }

    #[test]
    fn each_column_is_named_once() {
        assert_eq!(columns("Deal_Name,id, Stage,Deal_Name"), "id, Deal_Name, Stage");
        assert_eq!(columns("id"), "id");
        assert_eq!(columns(""), "id");
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

    #[test]
    fn pages_bracket_their_conditions_in_pairs() {
        let two = [equals("Stage", "Won"), contains("Deal_Name", "o'k")];
        assert_eq!(
            page("Deals", "Stage", &two, Some("61"), 200),
            "select id, Stage from Deals where (Deal_Name like '%o''k%' and (Stage = 'Won' and id > 61)) order by id asc limit 200"
        );
        assert_eq!(
            page("Deals", "Stage", &[], None, 5),
            "select id, Stage from Deals where id > 0 order by id asc limit 5"
        );
    }

    #[test]
    fn sums_are_grouped() {
        assert_eq!(
            sums("Deals", &["Stage", "Currency"], Some("Amount"), 200),
            "select Stage, Currency, COUNT(id), SUM(Amount) from Deals where id > 0 group by Stage, Currency limit 200"
        );
        assert_eq!(sums("Deals", &[], None, 9), "select COUNT(id) from Deals where id > 0 limit 9");
        assert_eq!(
            since("Modified_Time", "2026-07-08T18:30:00.75Z".parse().unwrap()),
            "Modified_Time >= '2026-07-08T18:30:00+00:00'"
        );
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
