//! What a query of a redacted key may do with columns that hold what people wrote: it may show them, and compare them with a whole value.
//! If it compared parts of a value or sorted by it, it could find out a mail address letter by letter.

use shared::base::problem::Problem;

use super::hidden;
use super::names::is_personal;

/// Columns that hold no such text in any CRM.
const PLAIN: &[&str] = &[
    "id",
    "Created_Time",
    "Modified_Time",
    "Last_Activity_Time",
    "Closing_Date",
    "Amount",
    "Probability",
    "Expected_Revenue",
    "Stage",
];

/// The kinds of fields that hold none.
const PLAIN_KINDS: &[&str] = &[
    "autonumber",
    "bigint",
    "boolean",
    "currency",
    "date",
    "datetime",
    "decimal",
    "double",
    "integer",
    "multiselectpicklist",
    "percent",
    "picklist",
];

/// Whether a field of this kind holds none of what people wrote.
pub(crate) fn is_plain_kind(kind: &str) -> bool {
    PLAIN_KINDS.contains(&kind)
}

/// Judges a query by its words and signs. Gives the columns that must be of a plain kind.
pub(crate) fn ordered(words: &[String]) -> Result<Vec<&str>, Problem> {
    if let Some(personal) = words.iter().find(|word| is_personal(word)) {
        return Err(hidden(format!("`{personal}` may not stand in a query.")));
    }
    let is = |word: &str, wanted: &str| word.eq_ignore_ascii_case(wanted);
    if words.iter().any(|word| is(word, "as")) {
        return Err(hidden("no column of a query may get another name."));
    }
    if words.iter().any(|word| is(word, "like")) {
        return Err(hidden(
            "its queries compare no parts of texts (`like`); `search=` of a list looks into names.",
        ));
    }
    let mut columns: Vec<&str> = Vec::new();
    let mut add = |word: &'_ str, at: usize| {
        if let Some(own) = words.get(at).filter(|own| is_column(own) && own.as_str() == word) {
            columns.push(own);
        }
    };
    for (at, word) in words.iter().enumerate() {
        if matches!(word.as_str(), "<" | ">") || is(word, "between") {
            for left in left_of(words, at).ok_or_else(unclear)? {
                add(words.get(left).map(String::as_str).unwrap_or_default(), left);
            }
        } else if word == "by" || is(word, "by") {
            let end = words
                .iter()
                .skip(at + 1)
                .position(|word| ["limit", "offset", "having", "order"].iter().any(|end| is(word, end)));
            let end = end.map_or(words.len(), |length| at + 1 + length);
            (at + 1..end).for_each(|at| add(words.get(at).map(String::as_str).unwrap_or_default(), at));
        } else if word == "(" && at > 0 && words.get(at - 1).is_some_and(|before| is_function(before)) {
            let end = closing(words, at);
            (at + 1..end).for_each(|at| add(words.get(at).map(String::as_str).unwrap_or_default(), at));
        }
    }
    columns.retain(|column| !PLAIN.contains(column));
    columns.sort_unstable();
    columns.dedup();
    Ok(columns)
}

/// Where the columns stand that a sign compares: one before it, or those in the brackets before it.
fn left_of(words: &[String], sign: usize) -> Option<Vec<usize>> {
    let mut at = sign;
    loop {
        at = at.checked_sub(1)?;
        match words.get(at)?.as_str() {
            "<" | ">" | "=" | "!" => {}
            word if word.eq_ignore_ascii_case("not") => {}
            ")" => {
                let mut depth = 0_usize;
                let open = (0..=at).rev().find(|at| {
                    match words.get(*at).map(String::as_str) {
                        Some(")") => depth += 1,
                        Some("(") => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    depth == 0
                })?;
                return Some((open + 1..at).collect());
            }
            word if is_column(word) => return Some(vec![at]),
            _ => return None,
        }
    }
}

fn closing(words: &[String], open: usize) -> usize {
    let mut depth = 0_usize;
    let found = words.iter().enumerate().skip(open).find(|(_, word)| {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    found.map_or(words.len(), |(at, _)| at)
}

/// Words of the language itself.
const KEYWORDS: &[&str] = &[
    "and", "asc", "between", "by", "desc", "distinct", "from", "having", "in", "is", "not", "null", "on",
    "or", "select", "where",
];

fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|own| word.eq_ignore_ascii_case(own))
}

fn is_column(word: &str) -> bool {
    word.starts_with(|one: char| one.is_ascii_alphabetic() || one == '_' || one == '$') && !is_keyword(word)
}

/// Whether a bracket behind this word holds the arguments of a function.
fn is_function(word: &str) -> bool {
    is_column(word)
}

fn unclear() -> Problem {
    hidden("a comparison of its queries begins with the name of a column.")
}

/// A column that holds what people wrote, where none may.
pub(crate) fn refused(column: &str) -> Problem {
    hidden(format!(
        "its queries order, group and compare by numbers, dates and picklists, and `{column}` is none of these, or unknown. \
         `=`, `!=` and `in` are possible with any column that it sees."
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;
    use shared::zoho::crm::coql;

    use super::*;

    fn judged(query: &str) -> Result<Vec<String>, Problem> {
        let bound = coql::bind(query, &Map::new(), 200).unwrap();
        ordered(&bound.words).map(|columns| columns.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn what_orders_or_compares_is_named() {
        for (query, expected) in [
            ("select Deal_Name from Deals where Stage = 'Won' and Amount >= 5 order by id asc", vec![]),
            ("select Deal_Name from Deals where Deal_Name in ('a', 'b') and Next_Step is not null", vec![]),
            ("select count(id), Stage from Deals where Amount > 5 group by Stage", vec![]),
            ("select id from Deals where Deal_Name > 'l' limit 5", vec!["Deal_Name"]),
            ("select id from Deals where ((Deal_Name) <= 'l') limit 5", vec!["Deal_Name"]),
            ("select id from Deals where Deal_Name not between 'l' and 'm'", vec!["Deal_Name"]),
            ("select id from Deals where id > 0 order by Next_Step desc limit 5", vec!["Next_Step"]),
            ("select max(Deal_Name) from Deals where id > 0", vec!["Deal_Name"]),
            (
                "select count(id) from Deals where id > 0 group by Account_Name.Account_Name",
                vec!["Account_Name.Account_Name"],
            ),
        ] {
            assert_eq!(judged(query).unwrap(), expected, "{query}");
        }
        for query in [
            "select Phone from Contacts where id > 0",
            "select id from Contacts where Contact_Name.Email = 'x'",
            "select id from Deals where Deal_Name like 'l%'",
            "select Deal_Name as Amount from Deals where id > 0",
            "select id from Deals where 'l' < Deal_Name",
            "select id from Deals where 5 < Deal_Name",
        ] {
            assert!(judged(query).is_err(), "{query}");
        }
    }
}
