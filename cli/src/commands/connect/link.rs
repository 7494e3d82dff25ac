//! By a link of our own, for a browser that reaches the connector.

use std::time::Duration;

use serde_json::json;
use shared::base::secret::Secret;
use shared::core::connection::consent::{CHOICE, Consents, LIFETIME, Outcome, Wish};
use tokio::time::{Instant, sleep};

use super::exchange::report;
use crate::commands::installation::Opened;
use crate::failure::Failure;
use crate::terminal::{say, say_json};

pub(super) async fn connect(opened: &Opened, wish: &Wish, waits: bool) -> Result<(), Failure> {
    let consents = Consents::new(opened.services.stores.state.clone(), opened.services.clock.clone());
    let nonce = consents.make_link(wish).await?;
    say("Open this link in a browser and consent (good for ten minutes, for one connection):");
    say(format!("  {}", address(opened, &nonce)));
    if !waits {
        return Ok(());
    }
    say("Waiting for the consent (Ctrl-C stops waiting, the link stays good).");
    wait(&consents, &nonce).await
}

/// A link for machines.
pub(super) async fn show(opened: &Opened, wish: &Wish) -> Result<(), Failure> {
    let consents = Consents::new(opened.services.stores.state.clone(), opened.services.clock.clone());
    let nonce = consents.make_link(wish).await?;
    let document = json!({
        "connection": wish.connection,
        "link": address(opened, &nonce),
        "expires_in_seconds": LIFETIME.as_secs(),
    });
    Ok(say_json(&document)?)
}

fn address(opened: &Opened, nonce: &Secret) -> String {
    format!("{}/oauth/start?link={}", opened.public_url.as_str(), nonce.expose())
}

/// Until the consent has ended, well or not.
async fn wait(consents: &Consents, nonce: &Secret) -> Result<(), Failure> {
    let mut choosing = false;
    let longest = Duration::try_from(LIFETIME * 2 + CHOICE).unwrap_or_default();
    let started = Instant::now();
    while started.elapsed() < longest {
        sleep(Duration::from_millis(500)).await;
        match consents.outcome_of_link(nonce).await? {
            Some(Outcome::Ended(ending)) => return report(&ending),
            Some(Outcome::Choose(_)) if !choosing => {
                say("The user is in several organisations and chooses one in the browser.");
                choosing = true;
            }
            _ => {}
        }
    }
    Err(Failure::Other(
        "the link has expired without a consent; run the same command again, for a new link".to_owned(),
    ))
}
