//! `zoho-connector events`.

mod replay;

use clap::Subcommand;

use super::Failure;

#[derive(Subcommand)]
pub(crate) enum Events {
    /// Makes events deliverable again that are done with or dead
    Replay(replay::Replay),
}

impl Events {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Replay(replay) => replay.run().await,
        }
    }
}
