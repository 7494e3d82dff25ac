//! The parts in which a reconciliation is applied. They are cut once, from the rows that were asked for, and stored before the first
//! is done: whoever goes on does the same parts.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use shared::base::id::ConnectionName;
use shared::base::problem::Problem;
use shared::base::secret::sha256_hex;
use shared::core::reconciliation::{Kind, Reconciliations};

use super::head::{AppliedSums, Head, MAX_LINES};
use super::row::{Outcome, Row, digits, is_false};

/// How a row that was applied ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    /// Zoho moved the stock.
    Adjusted,
    /// The adjustment is made and waits for somebody's approval.
    Pending,
    /// Zoho's figure is no longer what the comparison found: nothing was written.
    Changed,
    /// Zoho did not take it: nothing was written.
    Refused,
    /// Nobody knows whether Zoho did it.
    Uncertain,
}

impl Ending {
    /// As callers see it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Adjusted => "adjusted",
            Self::Pending => "pending",
            Self::Changed => "changed",
            Self::Refused => "refused",
            Self::Uncertain => "uncertain",
        }
    }

    /// Whether the row may be applied once more: only what surely did nothing.
    const fn may_be_repeated(self) -> bool {
        matches!(self, Self::Refused)
    }
}

/// What came of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ended {
    #[serde(rename = "l")]
    pub(super) line: u32,
    #[serde(rename = "e")]
    pub(super) ending: Ending,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none", with = "digits::or_none")]
    pub(super) before: Option<Decimal>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none", with = "digits::or_none")]
    pub(super) after: Option<Decimal>,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
}

/// A part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    /// The lines that it is cut from.
    pub(super) lines: Vec<u32>,
    /// The adjustment that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) adjustment: Option<String>,
    /// Its lines as they ended; none until it is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ended: Vec<Ended>,
    /// Whether other parts took its place, because Zoho takes fewer lines.
    #[serde(default)]
    pub(super) is_replaced: bool,
    /// Whether it was sent, and is looked for once more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) is_looked_for: bool,
}

impl Part {
    /// Whether there is something left to do.
    pub(super) fn is_open(&self) -> bool {
        self.ended.is_empty() && !self.is_replaced
    }

    /// Whether it is cut smaller, because Zoho takes no more than `most` lines. What was sent is not: its halves would be sent anew.
    pub(super) fn is_too_long(&self, most: usize) -> bool {
        !self.is_looked_for && self.lines.len() > most
    }

    /// Opens it once more, if nobody knows whether it was done. Says whether that is so.
    pub(super) fn look_again(&mut self) -> bool {
        let is_uncertain = self.ended.iter().any(|ended| ended.ending == Ending::Uncertain);
        if is_uncertain {
            self.ended = Vec::new();
            self.is_looked_for = true;
        }
        is_uncertain
    }
}

/// What was asked to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// All that drifted, but for items that were changed while they were counted.
    All,
    /// These lines.
    Lines(Vec<u32>),
}

impl Asked {
    /// What makes it the same as another.
    pub(super) fn digest(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Lines(lines) => {
                let mut lines = lines.clone();
                lines.sort_unstable();
                lines.dedup();
                let lines: Vec<String> = lines.iter().map(u32::to_string).collect();
                sha256_hex(lines.join(",").as_bytes())
            }
        }
    }
}

/// The parts of a reconciliation.
pub(super) async fn read(
    store: &Reconciliations,
    connection: &ConnectionName,
    head: &Head,
) -> Result<Vec<Part>, Problem> {
    Ok(store.all(connection, &head.id, Kind::Part, head.apply.parts).await?)
}

/// How each line ended, by its line, with the adjustment: the last word counts.
pub(super) fn by_line(parts: &[Part]) -> HashMap<u32, (&Ended, Option<&str>)> {
    let mut all = HashMap::new();
    for part in parts {
        for ended in &part.ended {
            all.insert(ended.line, (ended, part.adjustment.as_deref()));
        }
    }
    all
}

/// Sums up how lines ended.
pub(super) fn sums(parts: &[Part]) -> AppliedSums {
    let mut sums = AppliedSums::default();
    for (ended, _) in by_line(parts).values() {
        match ended.ending {
            Ending::Adjusted => sums.adjusted += 1,
            Ending::Pending => sums.pending += 1,
            Ending::Changed => sums.changed += 1,
            Ending::Refused => sums.refused += 1,
            Ending::Uncertain => sums.uncertain += 1,
        }
    }
    sums
}

/// Cuts the rows that were asked for into parts, each of one location. What is named and cannot be applied is told by its line.
pub(super) fn cut(
    rows: &[Row],
    parts: &[Part],
    asked: &Asked,
    most_lines: Option<usize>,
) -> Result<Vec<Part>, Vec<(u32, String)>> {
    let before = by_line(parts);
    let is_free = |row: &Row| before.get(&row.line).is_none_or(|(ended, _)| ended.ending.may_be_repeated());
    let mut chosen: Vec<&Row> = match asked {
        Asked::All => {
            let fits = |row: &&Row| row.outcome == Some(Outcome::Drifted) && !row.changed && is_free(row);
            rows.iter().filter(fits).collect()
        }
        Asked::Lines(lines) => {
            let by_line: HashMap<u32, &Row> = rows.iter().map(|row| (row.line, row)).collect();
            let mut chosen = HashMap::new();
            let mut wrong = Vec::new();
            for line in lines {
                match by_line.get(line) {
                    None => wrong.push((*line, "there is no such line".to_owned())),
                    Some(row) if row.outcome != Some(Outcome::Drifted) => {
                        let outcome = row.outcome.map_or("not compared", Outcome::as_str);
                        wrong.push((*line, format!("it is {outcome}, and only what drifted is applied")));
                    }
                    Some(row) if !is_free(row) => {
                        let ended = before.get(line).map_or("done", |(ended, _)| ended.ending.as_str());
                        wrong.push((*line, format!("it was applied before: {ended}")));
                    }
                    Some(row) => {
                        chosen.insert(*line, *row);
                    }
                }
            }
            if !wrong.is_empty() {
                return Err(wrong);
            }
            chosen.into_values().collect()
        }
    };
    let location = |row: &Row| row.spot().map(|spot| spot.id.clone());
    chosen.sort_unstable_by_key(|row| (location(row), row.line));
    let same_location = chosen.chunk_by(|one, other| location(one) == location(other));
    let most = most_lines.unwrap_or(MAX_LINES).clamp(1, MAX_LINES);
    let lines = |rows: &[&Row]| rows.iter().map(|row| row.line).collect();
    Ok(same_location
        .flat_map(|rows| rows.chunks(most))
        .map(|rows| Part { lines: lines(rows), ..Part::default() })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::reconciliations::row::{Named, Spot, Where};

    fn row(line: u32, location: &str, outcome: Outcome) -> Row {
        let spot = Spot { id: location.to_owned(), name: None };
        let mut row = Row::new(line, Named::Sku(line.to_string()), Decimal::ONE, Where::At(spot));
        row.end(outcome, None);
        row
    }

    fn lines(parts: &[Part]) -> Vec<Vec<u32>> {
        parts.iter().map(|part| part.lines.clone()).collect()
    }

    #[test]
    fn parts_are_of_one_location_and_always_the_same() {
        let mut rows: Vec<Row> =
            (1..=5).map(|line| row(line, if line % 2 == 0 { "2" } else { "1" }, Outcome::Drifted)).collect();
        rows.push(row(6, "1", Outcome::Matched));
        let mut changed = row(7, "1", Outcome::Drifted);
        changed.changed = true;
        rows.push(changed);
        let all = cut(&rows, &[], &Asked::All, Some(2)).unwrap();
        assert_eq!(lines(&all), [vec![1, 3], vec![5], vec![2, 4]]);
        assert_eq!(cut(&rows, &[], &Asked::All, Some(2)).unwrap(), all);
        // A row that was changed meanwhile is applied only when it is named.
        let named = cut(&rows, &[], &Asked::Lines(vec![7, 2, 7]), None).unwrap();
        assert_eq!(lines(&named), [vec![7], vec![2]]);
        let wrong = cut(&rows, &[], &Asked::Lines(vec![6, 9]), None).unwrap_err();
        assert_eq!(wrong.len(), 2);
        assert_eq!(Asked::Lines(vec![2, 1, 2]).digest(), Asked::Lines(vec![1, 2]).digest());
    }

    #[test]
    fn what_may_have_been_done_is_never_cut_again() {
        let rows: Vec<Row> = (1..=5).map(|line| row(line, "1", Outcome::Drifted)).collect();
        let endings = [Ending::Adjusted, Ending::Uncertain, Ending::Refused, Ending::Changed];
        let ended = endings.into_iter().zip(1..).map(|(ending, line)| Ended {
            line,
            ending,
            before: None,
            after: None,
            why: None,
        });
        let before = [Part { lines: vec![1, 2, 3, 4], ended: ended.collect(), ..Part::default() }];
        assert_eq!(lines(&cut(&rows, &before, &Asked::All, None).unwrap()), [vec![3, 5]]);
        for line in [1, 2, 4] {
            assert!(cut(&rows, &before, &Asked::Lines(vec![line]), None).is_err(), "{line}");
        }
        assert_eq!(sums(&before).uncertain, 1);
    }

    #[test]
    fn what_was_sent_is_looked_for_as_it_is_and_not_cut_smaller() {
        let part = |ending: Ending| {
            let ended = Ended { line: 1, ending, before: None, after: None, why: None };
            Part { lines: vec![1, 2], ended: vec![ended], ..Part::default() }
        };
        for ending in [Ending::Adjusted, Ending::Pending, Ending::Changed, Ending::Refused] {
            let mut known = part(ending);
            assert!(!known.look_again() && !known.is_open() && known == part(ending), "{ending:?}");
        }
        let mut sent = part(Ending::Uncertain);
        assert!(sent.look_again() && sent.is_open() && !sent.is_too_long(1));
        // Also for the next call, which reads it from the store.
        let stored = serde_json::to_string(&sent).unwrap();
        assert_eq!(stored, r#"{"lines":[1,2],"is_replaced":false,"is_looked_for":true}"#);
        assert!(!serde_json::from_str::<Part>(&stored).unwrap().is_too_long(1));
        let new: Part = serde_json::from_str(r#"{"lines":[1,2],"is_replaced":false}"#).unwrap();
        assert!(new.is_too_long(1) && !new.is_too_long(2));
    }
}
