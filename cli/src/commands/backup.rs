//! `zoho-connector backup`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use shared::base::clock::{Clock, SystemClock};

use crate::commands::installation::Folder;
use crate::copy::{self, Encryption, Purpose};
use crate::failure::Failure;
use crate::patience::patiently;
use crate::terminal::{say, say_json};

#[derive(Args)]
#[command(
    after_help = "The server goes on meanwhile: the copy is of one moment. It holds all secrets, and is encrypted by age from its \
                        first byte on. `zoho-connector restore FILE` makes a store of it."
)]
pub(crate) struct Backup {
    /// File to write; it must not be there yet
    file: PathBuf,
    #[command(flatten)]
    encryption: Encryption,
    /// One JSON document in place of a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: Folder,
}

impl Backup {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let folder = self.folder.find_store()?;
        // A copy of what goes on elsewhere would bring a second one to life.
        self.folder.open_or_make()?.0.refuse_sealed().await?;
        copy::refuse(&self.file)?;
        let openers = self.encryption.openers()?;
        let (file, now) = (self.file.clone(), SystemClock.now());
        let writing =
            tokio::task::spawn_blocking(move || copy::write(&file, &openers, Purpose::Backup, &folder, now));
        let count = patiently("writing the copy", writing).await.map_err(|error| error.to_string())??;
        if self.json {
            let document = json!({ "file": self.file, "made": now, "things": count });
            return Ok(say_json(&document)?);
        }
        say(format!("✓ {} holds {count} rows and secrets, as they were at {now}.", self.file.display()));
        say(
            "  Keep it, and what opens it, on another machine, and try once that `zoho-connector restore FILE` takes it.",
        );
        Ok(())
    }
}
