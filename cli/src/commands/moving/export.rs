//! `zoho-connector move export`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use shared::core::seal;

use crate::commands::confirm::{confirm, refuse_unasked};
use crate::commands::installation::{Folder, Opened};
use crate::copy::{self, Encryption, Purpose};
use crate::failure::Failure;
use crate::patience::patiently;
use crate::server::lock::Lock;
use crate::terminal::{say, say_json};

/// What stands above the list of what is lost.
const LOST: &str = "Lost by moving";

#[derive(Args)]
pub(crate) struct Export {
    /// File to write; it must not be there yet
    file: PathBuf,
    /// Where it goes, in your words: the sealed store says so to whoever starts it
    #[arg(long, value_name = "WORDS", default_value = "another place")]
    to: String,
    #[command(flatten)]
    encryption: Encryption,
    /// Do it without being asked
    #[arg(long)]
    yes: bool,
    /// One JSON document in place of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: Folder,
}

impl Export {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let folder = self.folder.find_store()?;
        let (opened, _) = self.folder.open_or_make()?;
        opened.refuse_sealed().await?;
        let Opened { services, .. } = &opened;
        let (state, now) = (&*services.stores.state, services.clock.now());
        let _lock = Lock::take(&folder, "moving it away", now)?;
        copy::refuse(&self.file)?;
        let ends = [
            format!(
                "the use of {}: it makes no token from then on, and is not served any more",
                folder.display()
            ),
            "nothing else: connections and keys go on where the copy is imported".to_owned(),
        ];
        if self.encryption.asks() {
            refuse_unasked(self.yes, LOST, &ends)?;
        }
        let openers = self.encryption.openers()?;
        confirm(self.yes, LOST, &ends).await?;
        if !seal::move_to(state, &self.to, now).await? {
            return Err(Failure::Other(
                "a renewal is under way, and nothing was changed; try again in some seconds".to_owned(),
            ));
        }
        let file = self.file.clone();
        let from = folder.clone();
        let writing =
            tokio::task::spawn_blocking(move || copy::write(&file, &openers, Purpose::Move, &from, now));
        let written = patiently("writing the copy", writing).await.map_err(|error| error.to_string())?;
        let count = match written {
            Ok(count) => count,
            Err(failure) => {
                seal::lift(state).await?;
                return Err(failure.going_on("The store is open again, as it was."));
            }
        };
        if self.json {
            let document = json!({ "file": self.file, "sealed": folder, "to": self.to, "things": count });
            return Ok(say_json(&document)?);
        }
        say(format!(
            "✓ {} holds {count} rows and secrets; {} is sealed.",
            self.file.display(),
            folder.display()
        ));
        say(format!(
            "  There: zoho-connector move import {} --data DIR, or --stack NAME",
            self.file.display()
        ));
        say(format!("  If it never arrives: {}", self.folder.command("move undo")));
        Ok(())
    }
}
