//! What the doctor found: a line for each check, with its cause and its mend where something is wrong.

use serde_json::{Value, json};

use crate::commands::installation::{Installation, with_flags};
use crate::failure::Failure;
use crate::terminal::{counted, say, say_json};

/// What became of one check.
struct Finding {
    check: String,
    /// `None` if it could not be asked, or is not used.
    ok: Option<bool>,
    found: String,
    mend: Option<String>,
}

impl Finding {
    /// As people read it. A command that stands there twice would be run twice, and make two keys: where an earlier finding has the
    /// same, it is named.
    fn lines(&self, before: &[Self]) -> Vec<String> {
        let mark = match self.ok {
            Some(true) => '✓',
            Some(false) => '✗',
            None => '–',
        };
        let (check, mut found) = (&self.check, self.found.lines());
        let first = format!("{mark} {check:<22} {}", found.next().unwrap_or_default());
        let mut lines = vec![first.trim_end().to_owned()];
        lines.extend(found.map(|line| format!("    {line}")));
        if let Some(mend) = &self.mend {
            let has_told = |one: &&Self| mend.contains('`') && one.mend.as_ref() == Some(mend);
            lines.push(match before.iter().find(has_told) {
                Some(told) => format!("  → mended with {} above", told.check),
                None => format!("  → {mend}"),
            });
        }
        lines
    }

    fn to_json(&self) -> Value {
        json!({ "check": self.check, "ok": self.ok, "found": self.found, "mend": self.mend })
    }
}

/// All findings, in the order of the checks.
pub(super) struct Report {
    findings: Vec<Finding>,
    as_json: bool,
    /// What leads a command to this installation.
    flags: String,
}

impl Report {
    /// One that is shown line by line, as it comes; or as one document at its end.
    pub(super) fn new(as_json: bool, installation: &Installation) -> Self {
        Self { findings: Vec::new(), as_json, flags: installation.flags() }
    }

    pub(super) fn good(&mut self, check: impl Into<String>, found: impl Into<String>) {
        self.push(check.into(), Some(true), found.into(), None);
    }

    /// Something is wrong: the cause, and what to do about it.
    pub(super) fn bad(
        &mut self,
        check: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) {
        let mend = with_flags(&mend.into(), &self.flags);
        self.push(check.into(), Some(false), found.into(), Some(mend));
    }

    /// Neither good nor bad: it cannot be asked, or is not used.
    pub(super) fn neutral(&mut self, check: impl Into<String>, why: impl Into<String>) {
        let why = with_flags(&why.into(), &self.flags);
        self.push(check.into(), None, why, None);
    }

    fn push(&mut self, check: String, ok: Option<bool>, found: String, mend: Option<String>) {
        let finding = Finding { check, ok, found, mend };
        if !self.as_json {
            finding.lines(&self.findings).into_iter().for_each(say);
        }
        self.findings.push(finding);
    }

    pub(super) fn has_bad(&self) -> bool {
        self.findings.iter().any(|finding| finding.ok == Some(false))
    }

    /// Shows what is left to be shown. Something wrong is a failure.
    pub(super) fn end(self) -> Result<(), Failure> {
        if self.as_json {
            let all: Vec<_> = self.findings.iter().map(Finding::to_json).collect();
            say_json(&all)?;
        }
        let wrong = self.findings.iter().filter(|finding| finding.ok == Some(false)).count();
        let asked = self.findings.iter().filter(|finding| finding.ok.is_some()).count();
        if wrong == 0 {
            if !self.as_json {
                say(format!("All is well: {}.", counted(asked, "check")));
            }
            return Ok(());
        }
        let things = if wrong == 1 { "One thing is" } else { "Some things are" };
        Err(Failure::Ended(
            1,
            format!(
                "{things} to be mended: {wrong} of {}. Each says how, behind its arrow.",
                counted(asked, "check")
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_mends_two_findings_is_told_once() {
        let finding = |check: &str, found: &str, mend: &str| Finding {
            check: check.to_owned(),
            ok: Some(false),
            found: found.to_owned(),
            mend: Some(mend.to_owned()),
        };
        let (create, store) = ("`zoho-connector keys create`", "see the check of the store");
        let before = [
            finding("Writes default", "nothing writes to inventory\nnor to its items", create),
            finding("Keys", "unknown", store),
        ];
        let [first, _] = &before;
        assert_eq!(
            first.lines(&[]),
            [
                "✗ Writes default         nothing writes to inventory",
                "    nor to its items",
                "  → `zoho-connector keys create`"
            ]
        );
        for (mend, told) in [
            (create, "  → mended with Writes default above"),
            (
                "`zoho-connector keys create --can crm:write`",
                "  → `zoho-connector keys create --can crm:write`",
            ),
            // It is as short as what would stand in its place.
            (store, "  → see the check of the store"),
        ] {
            let again = finding("Writes default", "nothing writes to crm", mend);
            assert_eq!(again.lines(&before).last().unwrap(), told);
            assert_eq!(again.to_json()["mend"], mend, "each has its own in a document");
        }
    }
}
