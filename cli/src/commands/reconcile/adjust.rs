//! Adjusting what drifted.

use serde_json::{Value, json};

use super::fields::{count, word};
use super::flags::Reconcile;
use super::lines::Lines;
use super::path::PATH;
use super::printed;
use super::rows::{MAX_ROWS_FOR_TABLES, some};
use super::steps::{drive, step};
use super::verdict::in_rows;
use crate::commands::api::{Api, Body};
use crate::failure::Failure;
use crate::terminal::{agrees, note, say};

/// Has what drifted adjusted, and shows how it ended. Says also whether the same command would adjust more: somebody who was asked did
/// not agree, or only what was begun before is done.
pub(super) async fn adjust(
    flags: &Reconcile,
    api: &Api,
    id: &str,
    found: Value,
    drifted: &[Value],
) -> Result<(Value, bool), Failure> {
    // What was begun is gone on with: nothing new is asked for.
    if word(&found, "state") == "applying" {
        let rows = to_adjust(&found, drifted);
        let (found, drifted) = apply(flags, api, id, None, rows).await?;
        let goes_on = has_more(flags.rows.as_ref(), &found, &drifted);
        return Ok((found, goes_on));
    }
    if flags.rows.is_none() && uncertain(&found) > 0 {
        // What ended uncertain is looked for first, and never sent anew. Rows that nobody tried come after it.
        let (found, drifted) = apply(flags, api, id, None, uncertain(&found)).await?;
        if !has_more(None, &found, &drifted) {
            return Ok((found, false));
        }
        let rows = to_adjust(&found, &drifted).saturating_sub(uncertain(&found));
        return ask_and_apply(flags, api, id, found, rows).await;
    }
    let rows = match &flags.rows {
        Some(Lines(lines)) => lines.len() as u64,
        None => to_adjust(&found, drifted),
    };
    if rows == 0 { Ok((found, false)) } else { ask_and_apply(flags, api, id, found, rows).await }
}

/// Asks whether so many rows are to be adjusted, and has them adjusted.
async fn ask_and_apply(
    flags: &Reconcile,
    api: &Api,
    id: &str,
    found: Value,
    rows: u64,
) -> Result<(Value, bool), Failure> {
    if !flags.yes && !agrees(&format!("Adjust {} in Zoho?", in_rows(rows))).await? {
        note("Nothing was written.");
        return Ok((found, true));
    }
    let asked = match &flags.rows {
        Some(Lines(lines)) => json!({ "rows": lines }).to_string(),
        None => json!({ "rows": "all" }).to_string(),
    };
    let (found, _) = apply(flags, api, id, Some(Body::json(asked.as_bytes())), rows).await?;
    Ok((found, false))
}

/// Has the rows adjusted that are asked for, else what was begun before; shows how it ended, and reads the rows that drifted.
async fn apply(
    flags: &Reconcile,
    api: &Api,
    id: &str,
    asked: Option<Body<'_>>,
    rows: u64,
) -> Result<(Value, Vec<Value>), Failure> {
    api.progress.show("Adjusting", 0, rows);
    let begun = step(flags, api, &format!("{PATH}/{id}/apply"), asked).await?;
    let notice = word(&begun, "notice").to_owned();
    drive(flags, api, begun).await?;
    let (found, drifted) = some(api, id, "drifted", MAX_ROWS_FOR_TABLES).await?;
    api.progress.clear();
    if !flags.json {
        if !notice.is_empty() {
            say(notice);
        }
        printed::done(&found, &drifted);
    }
    Ok((found, drifted))
}

/// How many rows nobody knows to be adjusted or not.
fn uncertain(found: &Value) -> u64 {
    found.pointer("/summary/applied").map_or(0, |applied| count(applied, "uncertain"))
}

/// How many rows `all` adjusts: those that were changed meanwhile only by their lines, and none that was adjusted before. How rows
/// ended is told by the sums, because of many rows only the first were read.
pub(super) fn to_adjust(found: &Value, drifted: &[Value]) -> u64 {
    let sums = found.get("summary").unwrap_or(&Value::Null);
    let applied = sums.get("applied").unwrap_or(&Value::Null);
    let ended: u64 = ["adjusted", "pending", "changed"].iter().map(|ending| count(applied, ending)).sum();
    let by_line = drifted.iter().filter(|row| {
        let was_tried = row.get("adjustment").is_some_and(Value::is_object);
        row.get("changed_while_counting") == Some(&Value::Bool(true)) && !was_tried
    });
    count(sums, "drifted").saturating_sub(ended + by_line.count() as u64)
}

/// Whether the same command would adjust more, once what was begun before is done: of these rows, or of all.
fn has_more(rows: Option<&Lines>, found: &Value, drifted: &[Value]) -> bool {
    let applied = found.pointer("/summary/applied").unwrap_or(&Value::Null);
    match rows {
        None => to_adjust(found, drifted) > count(applied, "refused") + count(applied, "uncertain"),
        Some(Lines(lines)) => drifted.iter().any(|row| {
            let is_named = lines.iter().any(|line| u64::from(*line) == count(row, "line"));
            is_named && row.get("adjustment").is_none_or(|done| !done.is_object())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_more_rows_than_were_read_those_that_ended_are_known_by_the_sums() {
        let row = |changed: bool, adjustment: Value| json!({ "changed_while_counting": changed, "adjustment": adjustment });
        let none = || Value::Null;
        let refused = || json!({ "outcome": "refused" });
        for (applied, rows, expected) in [
            (none(), vec![row(false, none())], 6000),
            (none(), vec![row(true, none()), row(false, none())], 5999),
            (
                json!({ "adjusted": 6000, "uncertain": 0 }),
                vec![row(true, json!({ "outcome": "adjusted" }))],
                0,
            ),
            (json!({ "adjusted": 5900, "pending": 60, "changed": 30 }), vec![], 10),
            (json!({ "adjusted": 5900, "refused": 100 }), vec![row(false, refused()), row(true, none())], 99),
        ] {
            let found = json!({ "summary": { "drifted": 6000, "applied": applied } });
            assert_eq!(to_adjust(&found, &rows), expected, "{found} {rows:?}");
        }
    }

    #[test]
    fn what_was_begun_before_may_leave_rows_that_the_same_command_adjusts() {
        let row = |line: u32, outcome: Option<&str>| match outcome {
            Some(outcome) => json!({ "line": line, "adjustment": { "outcome": outcome } }),
            None => json!({ "line": line }),
        };
        let found = |applied: Value| json!({ "summary": { "drifted": 2, "applied": applied } });
        let named = Lines(vec![2]);
        for (first, second, applied, of_all, of_the_second) in [
            (Some("adjusted"), None, json!({ "adjusted": 1 }), true, true),
            (None, Some("adjusted"), json!({ "adjusted": 1 }), true, false),
            (Some("adjusted"), Some("adjusted"), json!({ "adjusted": 2 }), false, false),
            (Some("adjusted"), Some("refused"), json!({ "adjusted": 1, "refused": 1 }), false, false),
            (Some("adjusted"), Some("uncertain"), json!({ "adjusted": 1, "uncertain": 1 }), false, false),
        ] {
            let (rows, found) = ([row(1, first), row(2, second)], found(applied));
            let more = [has_more(None, &found, &rows), has_more(Some(&named), &found, &rows)];
            assert_eq!(more, [of_all, of_the_second], "{found} {rows:?}");
        }
    }
}
