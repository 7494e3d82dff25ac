//! The common parts of Inventory's lists: order, pages, the envelope.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::error;
use crate::clock;
use crate::http::{Answer, Call};
use crate::object::{Object, object};
use crate::switches::Switches;

const MOST: usize = 200;

/// One kind of list.
pub(crate) struct List<'a> {
    /// Key of the rows.
    pub(crate) key: &'a str,
    /// Name in `page_context`.
    pub(crate) report: &'a str,
    /// The columns by which a caller may sort; the first is the default.
    pub(crate) sortable: &'a [&'a str],
    /// Whether the newest come first, unless the caller says otherwise.
    pub(crate) descending: bool,
    /// Whether a caller's wish for another order does nothing.
    pub(crate) fixed: bool,
}

impl List<'_> {
    /// Orders, cuts a page, and writes the envelope.
    pub(crate) fn answer(&self, call: &Call, switches: &Switches, rows: Vec<Value>) -> Answer {
        self.answer_with(call, switches, rows, |row| row)
    }

    /// The same for records from which only the rows of the page are made.
    pub(crate) fn answer_with<R: Sorted>(
        &self,
        call: &Call,
        switches: &Switches,
        rows: Vec<R>,
        shown: impl Fn(R) -> Value,
    ) -> Answer {
        let default_column = self.sortable.first().copied().unwrap_or_default();
        let wanted = call.filled("sort_column").filter(|_| !self.fixed);
        let direction = call.param("sort_order").filter(|_| !self.fixed);
        let ignored = |column: &String| switches.sort_by_change_ignored() && column == "last_modified_time";
        let column = wanted.filter(|column| self.sortable.contains(&column.as_str()) && !ignored(column));
        let order = match (direction.as_deref(), &column) {
            (Some("D"), _) => "D",
            (None, None) if self.descending => "D",
            _ => "A",
        };
        let column = column.unwrap_or_else(|| default_column.to_owned());
        let mut rows: Vec<(Key, R)> =
            rows.into_iter().map(|row| (Key::of(&column, row.value(&column)), row)).collect();
        rows.sort_by(|(one, _), (other, _)| one.compare(other));
        if order == "D" {
            rows.reverse();
        }
        let page = match count(call, "page", 1) {
            Ok(page) => page,
            Err(answer) => return answer,
        };
        let per_page = match count(call, "per_page", MOST) {
            Ok(per_page) if per_page > MOST && switches.per_page_over_200_refused() => {
                return error(400, 2, "Invalid value passed for per_page");
            }
            Ok(per_page) => per_page.min(MOST).min(switches.rows_in_a_page),
            Err(answer) => return answer,
        };
        let skipped = (page - 1).saturating_mul(per_page);
        let more = !switches.more_pages_denied() && rows.len() > skipped.saturating_add(per_page);
        let rows = rows.into_iter().skip(skipped).take(per_page).map(|(_, row)| shown(row)).collect();
        let filter = call.filled("filter_by").unwrap_or_else(|| "Status.All".to_owned());
        let mut context = object(json!({
            "page": page,
            "per_page": per_page,
            "has_more_page": more,
            "report_name": self.report,
            "applied_filter": filter,
            "custom_fields": [],
            "sort_column": column,
            "sort_order": order,
        }));
        let searched = searched(call);
        if !searched.is_empty() && !switches.search_criteria_left_out() {
            context.insert("search_criteria".to_owned(), searched.into());
        }
        let pairs = [
            ("code", 0.into()),
            ("message", "success".into()),
            (self.key, rows),
            ("page_context", context.into()),
        ];
        let body: Object = pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Answer::json(200, &body.into())
    }
}

/// What was searched for, whether it was heeded or not; `applied_filter` does not tell of it.
fn searched(call: &Call) -> Vec<Value> {
    const NONE: [&str; 6] = ["organization_id", "page", "per_page", "sort_column", "sort_order", "filter_by"];
    let comparators = [
        ("_startswith", "starts_with"),
        ("_contains", "contains"),
        ("_less_than", "less_than"),
        ("_less_equals", "less_equals"),
        ("_greater_than", "greater_than"),
        ("_greater_equals", "greater_equals"),
    ];
    let pairs = form_urlencoded::parse(call.query.as_bytes());
    pairs
        .filter(|(name, value)| !value.is_empty() && !NONE.contains(&name.as_ref()))
        .map(|(name, value)| {
            let found = comparators
                .into_iter()
                .find_map(|(suffix, comparator)| Some((name.strip_suffix(suffix)?, comparator)));
            let (column, comparator) = found.unwrap_or((&name, "equal"));
            json!({ "column_name": column, "search_text": value, "search_text_formatted": value,
                "comparator": comparator })
        })
        .collect()
}

fn count(call: &Call, name: &str, default: usize) -> Result<usize, Answer> {
    let Some(text) = call.filled(name) else { return Ok(default) };
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| error(400, 2, &format!("Invalid value passed for {name}")))
}

/// What a list can be sorted by.
pub(crate) trait Sorted {
    fn value(&self, column: &str) -> Option<&Value>;
}

impl Sorted for Value {
    fn value(&self, column: &str) -> Option<&Value> {
        self.get(column)
    }
}

impl Sorted for &Object {
    fn value(&self, column: &str) -> Option<&Value> {
        self.get(column)
    }
}

/// A row's place in the order: made once for each row.
enum Key {
    Time(Option<Timestamp>),
    Number(f64),
    Text(String),
}

impl Key {
    fn of(column: &str, value: Option<&Value>) -> Self {
        let text = value.and_then(Value::as_str).unwrap_or_default();
        if column.ends_with("_time") {
            return Self::Time(clock::parse(text));
        }
        value.and_then(Value::as_f64).map_or_else(|| Self::Text(text.to_lowercase()), Self::Number)
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Time(one), Self::Time(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Number(_), _) => Ordering::Greater,
            (_, Self::Number(_)) => Ordering::Less,
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            _ => Ordering::Equal,
        }
    }
}

/// A row's text; empty if it has none.
pub(crate) fn text<'a>(row: &'a Object, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether `part` is in `text`, ignoring case.
pub(crate) fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

/// Whether `text` begins with `part`, ignoring case.
pub(crate) fn starts(text: &str, part: &str) -> bool {
    text.to_lowercase().starts_with(&part.to_lowercase())
}
