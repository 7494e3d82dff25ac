//! What a reconciliation came to: the exit code, what is left to do, and the command that does it.

use serde_json::Value;

use super::fields::{count, word};
use crate::commands::api::command_line;
use crate::failure::{Failure, LEFT_TO_DO};

/// The exit code where nobody knows whether some rows were adjusted.
const UNCERTAIN: u8 = 4;

/// What the command line asked for, as far as it decides what is left to do.
pub(super) struct Wanted {
    /// Whether what drifted is adjusted.
    pub(super) apply: bool,
    /// Whether it goes on with an earlier reconciliation.
    pub(super) is_resumed: bool,
    /// Whether only the rows that it names are adjusted.
    pub(super) names_rows: bool,
    /// Whether the same command needs `--force` now.
    pub(super) needs_force: bool,
}

impl Wanted {
    /// The command that goes on with it, and adjusts.
    fn again(&self, id: &str) -> String {
        let resume = (!self.is_resumed).then_some(["--resume", id]);
        let apply = (!self.apply).then_some("--apply");
        let force = self.needs_force.then_some("--force");
        let added: Vec<&str> = resume.into_iter().flatten().chain(apply).chain(force).collect();
        command_line(&added)
    }

    /// What is said of rows that drifted and are not adjusted: so many, of which Zoho refused so many. It goes on where the command
    /// that adjusts has some of them left to adjust.
    fn of_drifted(&self, id: &str, drifted: u64, refused: u64, until: &str, goes_on: bool) -> String {
        let rows = in_rows(drifted);
        if goes_on {
            return format!("Drifted: {rows}. Until {until}, this adjusts it:\n  {}", self.again(id));
        }
        if refused > 0 {
            return format!(
                "Drifted and not adjusted: {rows}. Once what stands beside each is mended, this tries again:\n  {}",
                self.again(id)
            );
        }
        if self.names_rows {
            return format!(
                "Drifted, and not named by --rows: {rows}. Until {until}, they are adjusted where they are named there, or without --rows; go on with --resume {id}"
            );
        }
        format!(
            "Drifted and not adjusted: {rows}, of items that were changed after they were counted. Count these again, or name their lines with --apply --rows; go on with --resume {id}"
        )
    }

    /// What it all came to.
    pub(super) fn verdict(&self, id: &str, found: &Value, goes_on: bool) -> Result<(), Failure> {
        let sums = found.get("summary").unwrap_or(&Value::Null);
        let of = |name: &str| count(sums, name);
        let applied = sums.get("applied").unwrap_or(&Value::Null);
        let (pending, uncertain) = (count(applied, "pending"), count(applied, "uncertain"));
        let waiting = (pending > 0).then(|| {
            format!(
                "Waiting for approval in Zoho: {}. Approve or reject it there, and do not count it again before that.",
                in_rows(pending)
            )
        });
        let ended = |code, line: Option<String>| {
            let lines: Vec<String> = line.into_iter().chain(waiting).collect();
            if lines.is_empty() { Ok(()) } else { Err(Failure::Ended(code, lines.join("\n"))) }
        };
        if uncertain > 0 {
            let tried: u64 = ["adjusted", "pending", "changed", "refused", "uncertain"]
                .map(|end| count(applied, end))
                .iter()
                .sum();
            let untried = of("drifted").saturating_sub(tried);
            let then = match untried {
                0 => String::new(),
                _ if self.names_rows => String::new(),
                untried => format!(", and then it adjusts what was not tried ({})", in_rows(untried)),
            };
            let line = format!(
                "Uncertain whether adjusted: {}. Look at them in Zoho. This looks for them once more, and adjusts nothing twice{then}; count them again only after it found nothing:\n  {}",
                in_rows(uncertain),
                self.again(id)
            );
            return ended(UNCERTAIN, Some(line));
        }
        if word(found, "state") == "applying" {
            let line = format!("It is adjusted in part. This goes on:\n  {}", self.again(id));
            return ended(LEFT_TO_DO, Some(line));
        }
        // Rows that wait are adjusted as soon as somebody approves them.
        let changed = count(applied, "changed");
        let drifted = of("drifted").saturating_sub(count(applied, "adjusted") + pending + changed);
        let left = of("unknown") + of("ambiguous") + of("unfit");
        let line = match (drifted, left) {
            (0, 0) => None,
            (0, left) => Some(format!(
                "Not compared: {}. Correct what stands beside each, and count it again.",
                in_rows(left)
            )),
            (drifted, _) => {
                let refused = count(applied, "refused");
                Some(self.of_drifted(id, drifted, refused, word(found, "valid_until"), goes_on))
            }
        };
        let counted_anew = (changed > 0).then(|| {
            format!(
                "Changed at Zoho since they were compared, and not adjusted: {}. Count them again: what is counted anew is compared anew.",
                in_rows(changed)
            )
        });
        let lines: Vec<String> = line.into_iter().chain(counted_anew).collect();
        ended(LEFT_TO_DO, (!lines.is_empty()).then(|| lines.join("\n")))
    }
}

/// The verdict, where something could not be written in the end: what was adjusted is told nevertheless, and its exit code stays.
pub(super) fn with_unwritten(verdict: Result<(), Failure>, why: &str) -> Failure {
    match verdict {
        Ok(()) => Failure::Ended(1, format!("All counts are as Zoho says, or were adjusted.\n{why}")),
        Err(failure) => failure.going_on(why),
    }
}

/// A number of rows, in words.
pub(super) fn in_rows(count: u64) -> String {
    format!("{count} row{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_not_adjusted_it_is_said_what_adjusts_it() {
        let said = |(apply, names_rows), refused, goes_on| {
            let wanted = Wanted { apply, is_resumed: false, names_rows, needs_force: false };
            wanted.of_drifted("ID", 2, refused, "Friday", goes_on)
        };
        for (flags, refused, goes_on, expected) in [
            ((false, false), 0, true, "Drifted: 2 rows. Until Friday, this adjusts it:"),
            ((false, false), 0, false, "2 rows, of items that were changed after they were counted."),
            ((true, false), 0, true, "Drifted: 2 rows. Until Friday, this adjusts it:"),
            ((true, false), 1, false, "not adjusted: 2 rows. Once what stands beside each is mended"),
            ((true, true), 0, false, "not named by --rows: 2 rows."),
            (
                (true, false),
                0,
                false,
                "2 rows, of items that were changed after they were counted. Count these again",
            ),
        ] {
            let line = said(flags, refused, goes_on);
            assert!(line.contains(expected), "{flags:?}: {line}");
            assert_eq!(line.contains("stands beside"), refused > 0, "{line}");
        }
    }
}
