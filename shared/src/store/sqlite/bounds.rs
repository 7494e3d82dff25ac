//! Between which sort keys the rows of a query lie, said so that the index finds both ends. An alternative in the statement, like
//! `:after IS NULL OR sort > :after`, has every row before the cursor read: a page then costs as much as all pages before it.

use rusqlite::types::Value;

use crate::store::{Order, Query};

pub(super) struct Bounds {
    /// The comparison with the least sort key: `>=`, or `>` where that one is left out.
    pub(super) above: &'static str,
    pub(super) from: String,
    /// What all sort keys are smaller than.
    pub(super) to: Value,
}

impl Bounds {
    pub(super) fn of(query: &Query) -> Self {
        let (start, end) = match query.order {
            Order::Ascending => (query.after.as_deref(), None),
            Order::Descending => (None, query.after.clone()),
        };
        let (above, from) = match start {
            Some(after) if after >= query.prefix.as_str() => (">", after),
            _ => (">=", query.prefix.as_str()),
        };
        let ends = [successor(&query.prefix), query.below.clone(), end];
        // For SQLite, every text is smaller than any blob.
        let to = ends.into_iter().flatten().min().map_or_else(|| Value::Blob(Vec::new()), Value::Text);
        Self { above, from: from.to_owned(), to }
    }
}

/// The smallest text behind all that begin with `prefix`. Nothing where there is none.
fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // A range of characters leaves out the numbers that are none.
        if let Some(next) = (last..=char::MAX).nth(1) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_of_a_prefix_is_behind_all_that_begin_with_it() {
        for (prefix, expected) in [
            ("", None),
            ("a", Some("b")),
            ("a/", Some("a0")),
            ("a\u{7f}", Some("a\u{80}")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
        ] {
            let found = successor(prefix);
            assert_eq!(found.as_deref(), expected, "{prefix:?}");
            let last = format!("{prefix}\u{10ffff}\u{10ffff}");
            assert!(found.is_none_or(|found| found > last), "{prefix:?}");
        }
    }

    #[test]
    fn a_cursor_narrows_what_is_asked_for_and_never_widens_it() {
        let bounds = |order, after: &str| {
            let query = Query {
                prefix: "b".to_owned(),
                after: Some(after.to_owned()),
                order,
                ..Query::partition("p", 1)
            };
            let Bounds { above, from, to } = Bounds::of(&query);
            let Value::Text(to) = to else { panic!("a prefix has an end") };
            (above, from, to)
        };
        for (order, after, above, from, to) in [
            (Order::Ascending, "a", ">=", "b", "c"),
            (Order::Ascending, "b", ">", "b", "c"),
            (Order::Ascending, "b1", ">", "b1", "c"),
            (Order::Ascending, "d", ">", "d", "c"),
            (Order::Descending, "a", ">=", "b", "a"),
            (Order::Descending, "b1", ">=", "b", "b1"),
            (Order::Descending, "d", ">=", "b", "c"),
        ] {
            assert_eq!(bounds(order, after), (above, from.to_owned(), to.to_owned()), "{order:?} {after}");
        }
        assert_eq!(Bounds::of(&Query::partition("p", 1)).to, Value::Blob(Vec::new()));
    }
}
