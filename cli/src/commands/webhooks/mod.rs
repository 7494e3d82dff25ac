//! `zoho-connector webhooks setup|show|rotate|send-test`.

mod found_by_polling;
mod old_address;
pub(crate) mod post;
mod rotate;
pub(crate) mod secret;
mod send_test;
mod setup;
mod show;

use clap::Subcommand;

use crate::failure::Failure;
pub(super) use old_address::posting_elsewhere;
pub(super) use setup::watch;

#[derive(Subcommand)]
pub(crate) enum Webhooks {
    /// Has Zoho report changes: makes CRM's channel and Inventory's webhooks, and waits for the first change of each
    Setup(setup::Setup),
    /// Shows what is watched, the state of CRM's channel, and the last events
    Show(show::Show),
    /// Makes a new secret for webhooks; the one before it stays good until the next rotation
    Rotate(rotate::Rotate),
    /// Posts a correctly signed webhook to our own public address, and names the event that it became
    SendTest(send_test::SendTest),
}

impl Webhooks {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Setup(setup) => setup.run().await,
            Self::Show(show) => show.run().await,
            Self::Rotate(rotate) => rotate.run().await,
            Self::SendTest(test) => test.run().await,
        }
    }
}
