//! `zoho-connector move undo`.

use clap::Args;
use shared::core::seal;

use crate::commands::confirm::confirm;
use crate::commands::installation::{Folder, Opened};
use crate::failure::Failure;
use crate::terminal::say;

#[derive(Args)]
pub(crate) struct Undo {
    /// Do it without being asked
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    folder: Folder,
}

impl Undo {
    pub(super) async fn run(self) -> Result<(), Failure> {
        self.folder.find_store()?;
        let (Opened { services, .. }, folder) = self.folder.open_or_make()?;
        let state = &*services.stores.state;
        match seal::get(state).await? {
            Some(found) if matches!(found.why, seal::Why::Moved { .. }) => {
                let ends = [
                    "the other one, if its copy was imported after all: both would use up each other's tokens, until Zoho locks them out".to_owned(),
                ];
                confirm(self.yes, "Lost by opening this store again", &ends).await?;
            }
            Some(found) => return Err(Failure::Other(found.to_string())),
            None => return Err(Failure::Other(format!("the store in {} is not sealed", folder.display()))),
        }
        seal::lift(state).await?;
        say(format!("✓ The store in {} is open again. Delete the copy.", folder.display()));
        Ok(())
    }
}
