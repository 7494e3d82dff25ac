//! `zoho-connector reconcile`: counts are sent to the API, which compares them with Zoho's stock and, where it is asked to, adjusts
//! what drifted. All of it lives in the connector: this command can end at any moment, and another one goes on.

mod fields;
mod lines;
mod path;
mod printed;
mod report;
mod rows;
mod table_parts;
mod verdict;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use form_urlencoded::Serializer;
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::is_time_ordered;
use shared::base::secret::random_hex;
use shared::core::reconciliation::MAX_COUNTS;
use shared::zoho::scope::Access as Level;

use crate::commands::api::{Access, Api, Body, Trouble, with_api};
use crate::failure::Failure;
use crate::terminal::{agrees, can_ask, note, say, say_json};
use fields::{count, word};
use lines::Lines;
use path::PATH;
use report::Report;
use rows::{all, some};
use table_parts::{Parts, cut};
use verdict::{Wanted, in_rows, with_unwritten};

/// How many rows are read for a table that shows those that are worth most.
const MAX_ROWS_FOR_TABLES: usize = 5000;

/// After so many answers that say the same, nothing goes on.
const MAX_SAME: u32 = 100;

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
    file: Option<PathBuf>,
    /// Adjust what drifted, after a question
    #[arg(long)]
    apply: bool,
    /// Adjust only these lines of the table, like 3,7-9
    #[arg(long, value_name = "LINES", requires = "apply")]
    rows: Option<Lines>,
    /// Place of the counts that name none: id, exact name, or the other system's name
    #[arg(long, value_name = "NAME")]
    location: Option<String>,
    /// Reason of the adjustments in Zoho
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Which of Zoho's two counts is compared, where they differ
    #[arg(long, value_enum)]
    basis: Option<Basis>,
    /// When it was counted, like 2026-11-30T18:00:00Z: items that were changed afterwards are flagged
    #[arg(long, value_name = "TIME", value_parser = moment)]
    counted_at: Option<Timestamp>,
    /// What to call it [default: the file's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Write the report to this file: .html, .csv or .json
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write over the report if it is there
    #[arg(long, requires = "report")]
    force: bool,
    /// Answer every question with yes
    #[arg(long)]
    yes: bool,
    /// One JSON document in place of tables
    #[arg(long)]
    json: bool,
    /// Go on with this reconciliation; the file is needed only where it was not sent to its end
    #[arg(long, value_name = "ID", value_parser = known_form)]
    resume: Option<String>,
    #[command(flatten)]
    access: Access,
}

#[derive(Clone, Copy, ValueEnum)]
enum Basis {
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

impl Reconcile {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let report = self
            .report
            .as_deref()
            .map(|path| Report::of(path, self.file.as_deref(), self.force))
            .transpose()?;
        let parts = self.file.as_ref().map(|path| {
            let table =
                std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            Ok::<_, String>(cut(&table))
        });
        let parts = parts.transpose()?;
        if let Some(Parts { rows, .. }) = &parts
            && *rows > MAX_COUNTS
        {
            return Err(Failure::Other(format!(
                "These are {rows} counts, and a reconciliation takes at most {MAX_COUNTS}. Nothing was sent: make several files, for example one for each location."
            )));
        }
        if self.apply && !self.yes && !can_ask() {
            return Err(Failure::Settings(
                "--apply asks before it writes, and there is no terminal to ask at: add --yes".to_owned(),
            ));
        }
        with_api(&self.access, Level::Stock, async |api| {
            self.work(api, parts.as_ref(), report.as_ref()).await
        })
        .await
    }

    async fn work(&self, api: &Api, parts: Option<&Parts>, report: Option<&Report>) -> Result<(), Failure> {
        let begun = self.begun(api, parts).await?;
        let id = word(&begun, "id").to_owned();
        let found = self.drive(api, begun).await?;
        let (found, drifted) = self.show(api, &id).await.map(|drifted| (found, drifted))?;
        let (found, goes_on) =
            if self.apply { self.adjust(api, &id, found, &drifted).await? } else { (found, false) };
        api.progress.clear();
        let written = self.write(api, &id, report).await;
        let verdict = self.wanted(written.is_ok()).verdict(&id, &found, goes_on);
        match written {
            Ok(()) => verdict,
            Err(failure) => Err(with_unwritten(verdict, &self.how_to_write(&id, failure))),
        }
    }

    /// The document and the report, as far as they are wanted.
    async fn write(&self, api: &Api, id: &str, report: Option<&Report>) -> Result<(), Failure> {
        if self.json {
            say_json(&self.document(api, id).await?)?;
        }
        match report {
            Some(report) => report.write(api, id, self.json).await,
            None => Ok(()),
        }
    }

    /// Why these were not written, and what writes them later.
    fn how_to_write(&self, id: &str, failure: Failure) -> String {
        let what = if self.report.is_some() { "--report FILE" } else { "--json" };
        let later = self.access.led(&format!(
            "`zoho-connector reconcile --resume {id} {what}` writes it once that is mended, and adjusts nothing."
        ));
        format!("{}\n{later}", failure.into_line())
    }

    /// The reconciliation with all its counts, new or found again.
    async fn begun(&self, api: &Api, parts: Option<&Parts>) -> Result<Value, Failure> {
        let Some(id) = &self.resume else {
            let parts = parts.ok_or_else(|| "name the file with the counts".to_owned())?;
            return self.upload(api, parts).await;
        };
        api.resumed_by(&[]);
        let mut found = api.get(&format!("{PATH}/{id}?per_page=1")).await?;
        if word(&found, "state") == "uploading" {
            let parts = parts.ok_or_else(|| {
                "the counts were not sent to their end: name the file with them, too".to_owned()
            })?;
            return self.upload_to(api, id, parts, 0).await;
        }
        // The next of a GET is a page of rows.
        let next = match word(&found, "state") {
            "resolving" | "comparing" => json!(format!("{PATH}/{id}/compare")),
            _ => Value::Null,
        };
        if let Some(document) = found.as_object_mut() {
            document.insert("next".to_owned(), next);
        }
        Ok(found)
    }

    /// Sends the counts. All but the last part, which is empty, come with `more`, and so nothing is compared before the id is known.
    async fn upload(&self, api: &Api, parts: &Parts) -> Result<Value, Failure> {
        let mut about = Serializer::new(String::new());
        let file = self
            .file
            .as_ref()
            .and_then(|path| path.file_name())
            .map(|name| name.to_string_lossy().into_owned());
        let basis = self.basis.map(|basis| match basis {
            Basis::Physical => "physical".to_owned(),
            Basis::Accounting => "accounting".to_owned(),
        });
        let said = [
            ("name", self.name.clone().or(file)),
            ("location", self.location.clone()),
            ("reason", self.reason.clone()),
            ("basis", basis),
            ("counted_at", self.counted_at.map(|at| at.to_string())),
            ("more", (parts.rows > 0).then(|| "true".to_owned())),
        ];
        for (name, value) in said {
            if let Some(value) = value {
                about.append_pair(name, &value);
            }
        }
        let first = parts.bodies.first().map_or(&[][..], Vec::as_slice);
        // Whatever becomes of the answer, the call makes one reconciliation.
        let key = random_hex::<16>();
        let first = Body { idempotency_key: Some(&key), ..table(first) };
        let made = self.step(api, &format!("{PATH}?{}", about.finish()), Some(first)).await?;
        let id = word(&made, "id").to_owned();
        api.resumed_by(&["--resume", &id]);
        if !self.json {
            let noun = if parts.rows == 1 { "count" } else { "counts" };
            say(format!("Reconciliation {id}: {} {noun}", parts.rows));
        }
        self.upload_to(api, &id, parts, 1).await
    }

    /// Sends the parts from this one on. A part that is there already changes nothing.
    async fn upload_to(&self, api: &Api, id: &str, parts: &Parts, from: usize) -> Result<Value, Failure> {
        let path = format!("{PATH}/{id}/counts");
        let total = parts.bodies.len() as u64;
        for (number, body) in (0..total).zip(&parts.bodies).skip(from) {
            api.progress.show("Sending the counts, in parts", number, total);
            self.step(api, &format!("{path}?more=true"), Some(table(body))).await?;
        }
        api.progress.show("Comparing", 0, parts.rows as u64);
        self.step(api, &path, Some(table(&parts.head))).await
    }

    /// Goes on for as long as there is something to do.
    async fn drive(&self, api: &Api, mut found: Value) -> Result<Value, Failure> {
        let (mut same, mut before) = (0, Value::Null);
        loop {
            let what = match word(&found, "state") {
                "resolving" => "Finding the items",
                "comparing" => "Comparing",
                "applying" => "Adjusting",
                _ => return Ok(found),
            };
            let (done, total) = (count(&found, "done"), count(&found, "total"));
            api.progress.show(what, done, total);
            let next = word(&found, "next").to_owned();
            if next.is_empty() {
                return Ok(found);
            }
            let wait = count(&found, "retry_after");
            if wait > 0 {
                api.progress.wait(&format!("{what}, {done} of {total}"), wait).await;
            }
            let now = json!([what, done, total, found.get("calls")]);
            same = if now == before { same + 1 } else { 0 };
            if same > MAX_SAME {
                return Err(Failure::Other(format!("nothing goes on any more: {what}, {done} of {total}")));
            }
            before = now;
            found = self.step(api, &next, None).await?;
        }
    }

    /// A call; where the API asks whether it may make so many calls to Zoho, that is asked on.
    async fn step(&self, api: &Api, path: &str, body: Option<Body<'_>>) -> Result<Value, Failure> {
        let again = body.as_ref().map(|body| Body { ..*body });
        let line = match api.post(path, body).await {
            Err(Trouble::Refused(refused)) if refused.code == "calls_unconfirmed" => refused.into_line(),
            other => return Ok(other?),
        };
        api.progress.clear();
        if !self.yes {
            if !can_ask() {
                return Err(Failure::Other(format!("{line}\nTo agree, add --yes.")));
            }
            note(line);
            if !agrees("Make these calls?").await? {
                return Err(Failure::Other("Nothing more was done.".to_owned()));
            }
        }
        let sign = if path.contains('?') { '&' } else { '?' };
        Ok(api.post(&format!("{path}{sign}calls=ok"), again).await?)
    }

    /// Shows what was found, and returns rows that drifted.
    async fn show(&self, api: &Api, id: &str) -> Result<Vec<Value>, Failure> {
        let (found, drifted) = some(api, id, "drifted", MAX_ROWS_FOR_TABLES).await?;
        if self.json {
            return Ok(drifted);
        }
        let left = left(api, id, &found, MAX_ROWS_FOR_TABLES).await?;
        api.progress.clear();
        printed::totals(&found);
        printed::drifted(&found, &drifted);
        printed::left(&left);
        Ok(drifted)
    }

    /// Has what drifted adjusted, and shows how it ended. Says also whether the same command would adjust more: somebody who was asked did
    /// not agree, or only what was begun before is done.
    async fn adjust(
        &self,
        api: &Api,
        id: &str,
        found: Value,
        drifted: &[Value],
    ) -> Result<(Value, bool), Failure> {
        let path = format!("{PATH}/{id}/apply");
        // What was begun, or ended uncertain, is gone on with: nothing new is asked for.
        let uncertain = found.pointer("/summary/applied/uncertain").and_then(Value::as_u64).unwrap_or(0);
        let is_begun = word(&found, "state") == "applying" || self.rows.is_none() && uncertain > 0;
        let rows = match &self.rows {
            Some(Lines(lines)) => lines.len() as u64,
            None => to_adjust(&found, drifted),
        };
        if !is_begun && rows == 0 {
            return Ok((found, false));
        }
        if !is_begun && !self.yes {
            let question = format!("Adjust {} in Zoho?", in_rows(rows));
            if !agrees(&question).await? {
                note("Nothing was written.");
                return Ok((found, true));
            }
        }
        let asked = match &self.rows {
            Some(Lines(lines)) => json!({ "rows": lines }).to_string(),
            None => json!({ "rows": "all" }).to_string(),
        };
        let asked = Body::json(asked.as_bytes());
        api.progress.show("Adjusting", 0, rows);
        let begun = self.step(api, &path, (!is_begun).then_some(asked)).await?;
        let notice = word(&begun, "notice").to_owned();
        self.drive(api, begun).await?;
        let (found, drifted) = some(api, id, "drifted", MAX_ROWS_FOR_TABLES).await?;
        api.progress.clear();
        if !self.json {
            if !notice.is_empty() {
                say(notice);
            }
            printed::done(&found, &drifted);
        }
        let goes_on = is_begun && has_more(self.rows.as_ref(), &found, &drifted);
        Ok((found, goes_on))
    }

    fn wanted(&self, is_written: bool) -> Wanted {
        Wanted {
            apply: self.apply,
            is_resumed: self.resume.is_some(),
            names_rows: self.rows.is_some(),
            // A report that is written by now, another command would write anew.
            needs_force: self.report.is_some() && is_written && !self.force,
        }
    }

    /// All but the rows that matched.
    async fn document(&self, api: &Api, id: &str) -> Result<Value, Failure> {
        let (mut found, mut rows) = all(api, id, "drifted").await?;
        rows.extend(left(api, id, &found, usize::MAX).await?);
        if let Some(document) = found.as_object_mut() {
            document.insert("data".to_owned(), Value::Array(rows));
            document.insert("next".to_owned(), Value::Null);
        }
        Ok(found)
    }
}

fn table(bytes: &[u8]) -> Body<'_> {
    Body { content_type: "text/csv", bytes, idempotency_key: None }
}

/// How many rows `all` adjusts: those that were changed meanwhile only by their lines, and none that was adjusted before.
fn to_adjust(found: &Value, drifted: &[Value]) -> u64 {
    let sums = found.get("summary").unwrap_or(&Value::Null);
    let not = |row: &&Value| {
        let outcome = row.get("adjustment").map_or("", |done| word(done, "outcome"));
        let is_done = matches!(outcome, "adjusted" | "pending" | "changed");
        is_done || row.get("changed_while_counting") == Some(&Value::Bool(true)) && outcome.is_empty()
    };
    count(sums, "drifted").saturating_sub(drifted.iter().filter(not).count() as u64)
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

/// A moment as the flag takes it.
fn moment(text: &str) -> Result<Timestamp, String> {
    text.trim().parse().map_err(|_| {
        "it must be a day and a time with its offset, like 2026-11-30T18:00:00Z or 2026-11-30T18:00:00+01:00"
            .to_owned()
    })
}

/// Rows that could not be compared.
async fn left(api: &Api, id: &str, found: &Value, enough: usize) -> Result<Vec<Value>, Failure> {
    let mut left = Vec::new();
    for outcome in ["unknown", "ambiguous", "unfit"] {
        if found.get("summary").is_some_and(|sums| count(sums, outcome) > 0) {
            left.extend(some(api, id, outcome, enough).await?.1);
        }
    }
    left.sort_by_key(|row| count(row, "line"));
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_day_alone_is_no_moment() {
        assert_eq!(moment(" 2026-11-30T18:00:00+01:00 ").unwrap(), moment("2026-11-30T17:00:00Z").unwrap());
        for text in ["2026-11-30", "18:00", "2026-11-30T18:00:00"] {
            assert!(moment(text).unwrap_err().contains("like 2026-11-30T18:00:00Z"), "{text}");
        }
    }
}
