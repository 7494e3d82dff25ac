//! `zoho-connector mappings export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use shared::zoho::scope::Access as Level;

use super::path::PATH;
use crate::commands::api::{Access, Api, with_api};
use crate::failure::Failure;
use crate::new_file::{Over, Readers, refuse_taken, write};
use crate::terminal::say;

#[derive(Args)]
pub(crate) struct Export {
    /// Where to write them [default: standard output]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write over the file if it is there
    #[arg(long, requires = "file")]
    force: bool,
    /// In which form; without, as the file's name ends, else csv. Names of places are only in json
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    access: Access,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Json,
}

impl Export {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let ending = self.file.as_ref().and_then(|path| path.extension());
        let is_json = ending.is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        let format = self.format.unwrap_or(if is_json { Format::Json } else { Format::Csv });
        if let Some(path) = &self.file {
            refuse_taken(path, self.over()).map_err(Failure::Settings)?;
        }
        with_api(&self.access, Level::Read, async |api| self.export(api, format).await).await
    }

    fn over(&self) -> Over {
        Over::Unless { forced: self.force }
    }

    async fn export(&self, api: &Api, format: Format) -> Result<(), Failure> {
        let text = match format {
            Format::Csv => api.get_as(PATH, "text/csv").await?,
            Format::Json => document(api).await?,
        };
        match &self.file {
            Some(path) => {
                write(path, &text, self.over(), Readers::Usual)?;
                say(format!("✓ The mappings are in {}", path.display()));
            }
            None => say(text.replace("\r\n", "\n").trim_end()),
        }
        Ok(())
    }
}

/// All of them, as they can be imported.
async fn document(api: &Api) -> Result<String, Failure> {
    let (mut mappings, mut locations) = (Vec::new(), Value::Array(Vec::new()));
    let mut path = format!("{PATH}?per_page=200");
    loop {
        let mut page = api.get(&path).await?;
        if let Some(Value::Array(rows)) = page.get_mut("data").map(Value::take) {
            mappings.extend(rows.into_iter().map(plain));
        }
        if let Some(Value::Array(rows)) = page.get_mut("locations").map(Value::take) {
            locations = rows.into_iter().map(plain).collect();
        }
        match page.get("next").and_then(Value::as_str) {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    let document = json!({ "mappings": mappings, "locations": locations });
    serde_json::to_string_pretty(&document).map_err(|error| Failure::Other(error.to_string()))
}

/// A row without what says nothing in a file.
fn plain(mut row: Value) -> Value {
    if let Some(row) = row.as_object_mut() {
        row.retain(|name, value| !matches!(name.as_str(), "untrusted" | "changed") && !value.is_null());
    }
    row
}
