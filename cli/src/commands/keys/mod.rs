//! `zoho-connector keys create|list|confirm|revoke`.

mod confirm;
mod create;
mod list;
mod revoke;
mod words;

use clap::Subcommand;

use crate::failure::Failure;

pub(super) use words::in_words;

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Makes a key and shows it once
    Create(create::Create),
    /// Lists the keys, without their secrets
    List(list::List),
    /// Switches keys on again that are off since a restore
    Confirm(confirm::Confirm),
    /// Ends a key: it is dead everywhere within a minute
    Revoke(revoke::Revoke),
}

impl Keys {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run().await,
            Self::List(list) => list.run().await,
            Self::Confirm(confirm) => confirm.run().await,
            Self::Revoke(revoke) => revoke.run().await,
        }
    }
}
