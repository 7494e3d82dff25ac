//! `zoho-connector move`: to another folder, another machine, or AWS. At no time do two installations make tokens of one grant.

mod export;
mod import;
mod next_steps;
mod undo;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum Move {
    /// Seals the store here, which makes no token from then on, and writes a copy of it
    Export(export::Export),
    /// Takes such a copy over, into an empty folder or a stack that has no connection yet; its keys go on working
    Import(import::Import),
    /// Opens a sealed store again, where its copy never arrived
    Undo(undo::Undo),
}

impl Move {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Export(export) => export.run().await,
            Self::Import(import) => import.run().await,
            Self::Undo(undo) => undo.run().await,
        }
    }
}
