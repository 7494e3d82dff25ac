//! `zoho-connector reconcile`: counts are sent to the API, which compares them with Zoho's stock and, where it is asked to, adjusts
//! what drifted. All of it lives in the connector: this command can end at any moment, and another one goes on.

mod adjust;
mod fields;
mod flags;
mod lines;
mod path;
mod printed;
mod report;
mod rows;
mod steps;
mod table_parts;
mod upload;
mod verdict;

use serde_json::Value;
use shared::core::reconciliation::MAX_COUNTS;
use shared::zoho::scope::Access as Level;

use crate::commands::api::{Api, with_api};
use crate::failure::Failure;
use crate::terminal::{can_ask, say_json};
use fields::word;
use report::Report;
use rows::{MAX_ROWS_FOR_TABLES, all, left, some};
use table_parts::{Parts, cut};
use verdict::{Wanted, with_unwritten};

pub(crate) use flags::Reconcile;

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
        let begun = upload::begun(self, api, parts).await?;
        let id = word(&begun, "id").to_owned();
        let found = steps::drive(self, api, begun).await?;
        let (found, drifted) = self.show(api, &id).await.map(|drifted| (found, drifted))?;
        let (found, goes_on) = if self.apply {
            adjust::adjust(self, api, &id, found, &drifted).await?
        } else {
            let goes_on = adjust::to_adjust(&found, &drifted) > 0;
            (found, goes_on)
        };
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
