//! `zoho-connector webhooks rotate|send-test`.

mod rotate;
mod send_test;

use clap::Subcommand;

use super::Failure;
pub(super) use rotate::new_secret;

#[derive(Subcommand)]
pub(crate) enum Webhooks {
    /// Makes a new secret for webhooks; the one before it stays good until the next rotation
    Rotate(rotate::Rotate),
    /// Posts a correctly signed webhook to our own public address, and names the event that it became
    SendTest(send_test::SendTest),
}

impl Webhooks {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Rotate(rotate) => rotate.run().await,
            Self::SendTest(test) => test.run().await,
        }
    }
}
