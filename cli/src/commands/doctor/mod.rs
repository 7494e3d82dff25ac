//! `zoho-connector doctor`: checks everything that an installation needs, and says how to mend what is wrong. It changes nothing that a
//! schedule or an agent's read would not change. What it makes for itself ends with it.

mod address;
mod address_at_zoho;
#[cfg(feature = "stack")]
mod aws;
mod certificate;
mod client;
mod clock;
mod connections;
mod folder;
mod hook;
mod key_for_a_check;
mod keys;
mod reads;
mod report;
mod store;
mod this_installation;
mod webhooks;

use clap::Args;

use crate::commands::installation::{Installation, Opened};
use crate::failure::Failure;
pub(super) use folder::agent_beside;
use report::Report;
pub(super) use this_installation::has_another_store;

#[derive(Args)]
pub(crate) struct Doctor {
    /// One JSON document, a list of `check`, `ok`, `found` and `mend`, in place of lines
    #[arg(long)]
    json: bool,
    /// How many megabytes must be free on the disk of the folder
    #[arg(long, value_name = "MB", default_value_t = folder::LEAST_FREE)]
    least_free: u64,
    #[command(flatten)]
    installation: Installation,
}

impl Doctor {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let report = Report::new(self.json, &self.installation);
        run_checks(&self.installation, report, self.least_free).await
    }
}

/// Runs all checks of an installation and shows them line by line.
pub(super) async fn look_at_all(installation: &Installation) -> Result<(), Failure> {
    run_checks(installation, Report::new(false, installation), folder::LEAST_FREE).await
}

/// Whether Zoho knows the client that is set. If not, a line says why.
pub(super) async fn is_client_good(installation: &Installation, opened: &Opened) -> bool {
    let mut report = Report::new(false, installation);
    client::check(&mut report, opened).await;
    !report.has_bad()
}

async fn run_checks(installation: &Installation, mut report: Report, least_free: u64) -> Result<(), Failure> {
    if let Some(opened) = store::open(&mut report, installation, least_free).await? {
        examine(&mut report, installation, &opened).await;
    }
    report.end()
}

/// All checks but those of the store itself.
#[cfg_attr(not(feature = "stack"), expect(unused_variables, reason = "only a stack is asked by its name"))]
async fn examine(report: &mut Report, installation: &Installation, opened: &Opened) {
    clock::check(report, opened).await;
    let is_ours = address::check(report, opened).await;
    client::check(report, opened).await;
    address_at_zoho::check(report, opened, is_ours).await;
    let connections = connections::check(report, opened).await;
    // After the tokens were looked at, because this renews those that are due.
    #[cfg(feature = "stack")]
    aws::check(report, installation, opened).await;
    keys::check(report, opened, &connections).await;
    reads::check(report, opened, &connections, is_ours).await;
    webhooks::check(report, opened, &connections, is_ours).await;
    hook::check(report, opened, &connections).await;
}
