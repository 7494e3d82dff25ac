//! `zoho-connector mappings import|export|resolve`: what other systems call items and places, kept by the connector.

mod export;
mod import;
mod path;
mod resolve;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum Mappings {
    /// Reads mappings from a file; if anything is wrong with it, nothing is imported
    Import(import::Import),
    /// Writes all mappings to a file, or to standard output, so that they can be imported again
    Export(export::Export),
    /// Fills in ids, SKUs and names from Zoho's items, and tells what does not fit
    Resolve(resolve::Resolve),
}

impl Mappings {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Import(import) => import.run().await,
            Self::Export(export) => export.run().await,
            Self::Resolve(resolve) => resolve.run().await,
        }
    }
}
