//! What a reconciliation found and did, on a terminal.

use std::cmp::Reverse;

use serde_json::Value;

use super::fields::{count, word};
use crate::table::{Column, Table};
use crate::terminal::say;

/// How many rows a table shows; the report has all.
const MAX_SHOWN: usize = 50;

const DRIFTED: &[Column] = &[
    ("Line", true),
    ("SKU", false),
    ("Name", false),
    ("Location", false),
    ("Counted", true),
    ("Zoho", true),
    ("Difference", true),
    ("Value", true),
    ("", false),
];

const LEFT: &[Column] = &[
    ("Line", true),
    ("Item", false),
    ("Location", false),
    ("Outcome", false),
    ("Why, and what to do", false),
];

const DONE: &[Column] = &[
    ("Line", true),
    ("SKU", false),
    ("Location", false),
    ("Before", true),
    ("After", true),
    ("Result", false),
    ("Why", false),
];

/// A figure as it is written, or a dash.
fn figure(document: Option<&Value>, name: &str) -> String {
    match document.and_then(|document| document.get(name)) {
        Some(Value::Number(number)) => number.to_string(),
        _ => "–".to_owned(),
    }
}

/// What it is worth, with the currency where that is known.
fn value(document: &Value, currency: &str) -> String {
    let value = cents(figure(Some(document), "value"));
    let is_known = value.ends_with(|last: char| last.is_ascii_digit());
    if is_known && !currency.is_empty() { format!("{value} {currency}") } else { value }
}

/// An amount as people write it: 18.1 is 18.10.
fn cents(amount: String) -> String {
    let has_one_decimal = amount.split_once('.').is_some_and(|(_, decimals)| decimals.len() == 1);
    if has_one_decimal { amount + "0" } else { amount }
}

/// How large a figure is, to put rows in order.
fn size(row: &Value, name: &str) -> f64 {
    row.get(name).and_then(Value::as_f64).unwrap_or_default().abs()
}

/// How the item of a row is called.
fn item(row: &Value) -> String {
    let names = ["sku", "product_id", "item_id"].into_iter().map(|name| word(row, name));
    names.filter(|name| !name.is_empty()).map(str::to_owned).next().unwrap_or_default()
}

/// What the sums say.
pub(super) fn totals(found: &Value) {
    let sums = found.get("summary").unwrap_or(&Value::Null);
    let of = |name: &str| count(sums, name);
    let rows = of("rows");
    let mut line = format!("{rows} count{}: {} matched", if rows == 1 { "" } else { "s" }, of("matched"));
    for (name, word) in
        [("drifted", "drifted"), ("unknown", "unknown"), ("ambiguous", "ambiguous"), ("unfit", "unfit")]
    {
        if of(name) > 0 {
            line += &format!(", {} {word}", of(name));
        }
    }
    say(line);
    if of("drifted") > 0 {
        let sum = |name: &str| figure(Some(sums), name);
        let value = value(sums, word(found, "currency"));
        let mut line = format!("  surplus {}, shortage {}, value {value}", sum("surplus"), sum("shortage"));
        if of("value_unknown") > 0 {
            line += &format!(" ({} without a purchase rate)", of("value_unknown"));
        }
        say(line);
    }
    if of("changed_while_counting") > 0 {
        let line = "of them are of items that were changed after they were counted: count these again, or name their lines with --rows";
        say(format!("  {} {line}", of("changed_while_counting")));
    }
    if of("in_transit") > 0 {
        say(format!("  {} at places to which stock is under way", of("in_transit")));
    }
}

/// What drifted, what is worth most first.
pub(super) fn drifted(found: &Value, rows: &[Value]) {
    if rows.is_empty() {
        return;
    }
    let (basis, currency) = (word(found, "basis"), word(found, "currency"));
    let mut sorted: Vec<&Value> = rows.iter().collect();
    // Sizes are compared by their bits, which for what is not negative is the same.
    let order = |row: &&Value| {
        let bits = |name| size(row, name).to_bits();
        (Reverse(bits("value")), Reverse(bits("difference")), count(row, "line"))
    };
    sorted.sort_by_key(order);
    let mut table = Table::new(DRIFTED);
    for row in sorted.iter().take(MAX_SHOWN) {
        let changed = row.get("changed_while_counting") == Some(&Value::Bool(true));
        table.push([
            count(row, "line").to_string(),
            item(row),
            word(row, "name").to_owned(),
            word(row, "location").to_owned(),
            figure(Some(row), "counted"),
            figure(row.get("zoho"), basis),
            signed(figure(Some(row), "difference")),
            value(row, currency),
            if changed { "changed meanwhile".to_owned() } else { String::new() },
        ]);
    }
    table.say();
    more(rows.len());
}

fn signed(figure: String) -> String {
    let is_more = figure.starts_with(|first: char| first.is_ascii_digit());
    if is_more { format!("+{figure}") } else { figure }
}

fn more(rows: usize) {
    if rows > MAX_SHOWN {
        say(format!("  … and {} more: --report FILE.html has all", rows - MAX_SHOWN));
    }
}

/// What could not be compared, with what to do about it.
pub(super) fn left(rows: &[Value]) {
    if rows.is_empty() {
        return;
    }
    say("Not compared:");
    let mut table = Table::new(LEFT);
    for row in rows.iter().take(MAX_SHOWN) {
        let text = |name: &str| word(row, name).to_owned();
        table.push([
            count(row, "line").to_string(),
            item(row),
            text("location"),
            text("outcome"),
            text("why"),
        ]);
    }
    table.say();
    more(rows.len());
}

/// What was done about the rows that drifted. What was adjusted stands last, unless there is something to say of it.
pub(super) fn done(found: &Value, rows: &[Value]) {
    let tried = |row: &&Value| row.get("adjustment").is_some_and(Value::is_object);
    let mut tried: Vec<&Value> = rows.iter().filter(tried).collect();
    let result = |row: &Value| row.get("adjustment").map_or("", |done| word(done, "outcome")).to_owned();
    let why = |row: &Value| row.get("adjustment").map_or("", |done| word(done, "why")).to_owned();
    tried.sort_by_key(|row| (result(row) == "adjusted" && why(row).is_empty(), count(row, "line")));
    if !tried.is_empty() {
        let mut table = Table::new(DONE);
        for row in tried.iter().take(MAX_SHOWN) {
            let done = row.get("adjustment");
            table.push([
                count(row, "line").to_string(),
                item(row),
                word(row, "location").to_owned(),
                figure(done, "before"),
                figure(done, "after"),
                in_brief(&result(row)).to_owned(),
                why(row),
            ]);
        }
        table.say();
        more(tried.len());
    }
    let sums = found.get("summary").and_then(|sums| sums.get("applied")).unwrap_or(&Value::Null);
    for name in ["adjusted", "pending", "changed", "refused", "uncertain"] {
        let rows = count(sums, name);
        if rows > 0 {
            let mark = if name == "adjusted" { "✓ " } else { "  " };
            say(format!("{mark}{rows} {}", in_words(name)));
        }
    }
}

/// In a cell of a table, which is cut where it is too wide.
fn in_brief(outcome: &str) -> &str {
    match outcome {
        "pending" => "waits for approval in Zoho",
        "changed" => "not adjusted: changed at Zoho",
        "refused" => "not adjusted: refused by Zoho",
        "uncertain" => "uncertain: look in Zoho",
        other => other,
    }
}

fn in_words(outcome: &str) -> &str {
    match outcome {
        "adjusted" => "adjusted",
        "pending" => "waiting for approval in Zoho: no stock has moved yet",
        "changed" => "not adjusted: changed at Zoho since it was compared",
        "refused" => "not adjusted: refused by Zoho",
        "uncertain" => "uncertain: look in Zoho before anything is counted again",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::is_whole;

    #[test]
    fn an_amount_has_two_decimals_where_it_has_one() {
        for (figure, amount) in
            [("18.1", "18.10"), ("-49.9", "-49.90"), ("25.34", "25.34"), ("7", "7"), ("–", "–")]
        {
            assert_eq!(cents(figure.to_owned()), amount);
        }
    }

    #[test]
    fn how_it_ended_is_whole_in_its_cell() {
        for outcome in ["adjusted", "pending", "changed", "refused", "uncertain"] {
            assert!(is_whole(in_brief(outcome)), "{outcome}: {}", in_brief(outcome));
            assert_eq!(in_brief(outcome) == outcome, outcome == "adjusted", "{outcome}");
        }
    }
}
