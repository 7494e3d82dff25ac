//! The report in a file, in the form that its name says.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::path::PATH;
use super::rows::all;
use crate::commands::api::Api;
use crate::failure::Failure;
use crate::new_file::{Over, Readers, refuse_taken, refuse_unwritable, write};
use crate::terminal::say;

#[derive(Clone, Copy)]
enum Form {
    Page,
    Table,
    Json,
}

/// A report that is to be written.
pub(super) struct Report {
    path: PathBuf,
    form: Form,
    over: Over,
}

impl Report {
    /// Checks, before anything else is done, that it can be written.
    pub(super) fn of(path: &Path, counts: Option<&Path>, forced: bool) -> Result<Self, Failure> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        let form = match ending.as_str() {
            "html" | "htm" => Form::Page,
            "csv" => Form::Table,
            "json" => Form::Json,
            _ => {
                return Err(Failure::Settings(
                    "--report must name a file that ends in .html, .csv or .json".to_owned(),
                ));
            }
        };
        let same = |one: &Path, other: &Path| {
            one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
        };
        if counts.is_some_and(|counts| same(counts, path)) {
            return Err(Failure::Settings(
                "--report names the file with the counts: choose another".to_owned(),
            ));
        }
        let over = Over::Unless { forced };
        refuse_taken(path, over)
            .and_then(|()| refuse_unwritable(path))
            .map_err(|why| Failure::Settings(format!("--report: {why}")))?;
        Ok(Self { path: path.to_owned(), form, over })
    }

    pub(super) async fn write(&self, api: &Api, id: &str, is_quiet: bool) -> Result<(), Failure> {
        let path = format!("{PATH}/{id}");
        let text = match self.form {
            Form::Page => api.get_as(&path, "text/html").await?,
            Form::Table => api.get_as(&path, "text/csv").await?,
            Form::Json => {
                let (mut document, rows) = all(api, id, "all").await?;
                if let Some(document) = document.as_object_mut() {
                    document.insert("data".to_owned(), Value::Array(rows));
                    document.insert("next".to_owned(), Value::Null);
                }
                serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?
            }
        };
        write(&self.path, &text, self.over, Readers::Usual)?;
        if !is_quiet {
            say(format!("✓ The report is in {}", self.path.display()));
        }
        Ok(())
    }
}
