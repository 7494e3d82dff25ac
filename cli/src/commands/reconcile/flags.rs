//! What the command line of a reconciliation says.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use shared::base::clock::Timestamp;
use shared::base::id::is_time_ordered;

use super::lines::Lines;
use crate::commands::api::Access;

const AFTER_HELP: &str = "\
Exit codes: 0 all counts are as Zoho says, or were adjusted; 1 an error; 2 a wrong command line; 3 rows drifted and were
not adjusted, or could not be compared; 4 it is uncertain whether some rows were adjusted; 130 Ctrl-C.
A report that cannot be written at the end makes 1 of 0, and leaves 3 and 4 as they are: what was adjusted is told before.
After 1 and 130 the last line says how to go on; nothing is done twice.";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Reconcile {
    /// CSV table with the columns sku (or item_id, product_id), quantity and, if need be, location
    #[arg(value_name = "FILE", required_unless_present = "resume")]
    pub(super) file: Option<PathBuf>,
    /// Adjust what drifted, after a question
    #[arg(long)]
    pub(super) apply: bool,
    /// Adjust only these lines of the table, like 3,7-9
    #[arg(long, value_name = "LINES", requires = "apply")]
    pub(super) rows: Option<Lines>,
    /// Location of the counts that name none: id, exact name, or the other system's name
    #[arg(long, value_name = "NAME")]
    pub(super) location: Option<String>,
    /// Reason of the adjustments in Zoho
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// Which of Zoho's two counts is compared, where they differ
    #[arg(long, value_enum)]
    pub(super) basis: Option<Basis>,
    /// When it was counted, like 2026-11-30T18:00:00Z: items that were changed afterwards are flagged
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(super) counted_at: Option<Timestamp>,
    /// What to call it [default: the file's name]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Write the report to this file: .html, .csv or .json
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Write over the report if it is there
    #[arg(long, requires = "report")]
    pub(super) force: bool,
    /// Answer every question with yes
    #[arg(long)]
    pub(super) yes: bool,
    /// One JSON document in place of tables
    #[arg(long)]
    pub(super) json: bool,
    /// Go on with this reconciliation; the file is needed only where it was not sent to its end
    #[arg(long, value_name = "ID", value_parser = known_form)]
    pub(super) resume: Option<String>,
    #[command(flatten)]
    pub(super) access: Access,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Basis {
    /// What shipments and receives leave
    Physical,
    /// What invoices and bills leave
    Accounting,
}

fn known_form(text: &str) -> Result<String, String> {
    if is_time_ordered(text) {
        Ok(text.to_owned())
    } else {
        Err("must be the id of a reconciliation".to_owned())
    }
}

/// A moment as the flag takes it.
fn moment(text: &str) -> Result<Timestamp, String> {
    text.trim().parse().map_err(|_| {
        "it must be a day and a time with its offset, like 2026-11-30T18:00:00Z or 2026-11-30T18:00:00+01:00"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_alone_is_no_moment() {
        assert_eq!(moment(" 2026-11-30T18:00:00+01:00 ").unwrap(), moment("2026-11-30T17:00:00Z").unwrap());
        for text in ["2026-11-30", "18:00", "2026-11-30T18:00:00"] {
            assert!(moment(text).unwrap_err().contains("like 2026-11-30T18:00:00Z"), "{text}");
        }
    }
}
