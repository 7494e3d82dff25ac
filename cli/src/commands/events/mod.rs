//! `zoho-connector events list|show|replay`.

mod life;
mod list;
mod replay;
mod show;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum Events {
    /// Lists the last events of a connection, the newest first
    List(list::List),
    /// Shows one event, what became of it, and the body it came with
    Show(show::Show),
    /// Makes events deliverable again that are done with or dead
    Replay(replay::Replay),
}

impl Events {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Replay(replay) => replay.run().await,
        }
    }
}
