//! The connector must run before a consent comes back to it.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use shared::base::settings::Home;
use shared::zoho::http;
use tokio::time::{Instant, sleep};

use super::progress::Progress;
use crate::commands::doctor::has_another_store;
use crate::commands::health;
use crate::commands::installation::{Installation, Opened};
use crate::commands::serve_command;
use crate::failure::Failure;
use crate::terminal::say;

/// For one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Waits for it to answer at its public address, and says how it is started. Another one there would get the consent.
pub(super) async fn wait(
    installation: &Installation,
    opened: &Opened,
    longest: Duration,
    progress: &Progress,
) -> Result<(), Failure> {
    let url = opened.public_url.as_str();
    if !answers(url).await {
        tell(installation, opened);
        until_it_answers(url, longest, progress).await?;
        say("✓ It runs.");
    }
    refuse_another(opened).await
}

/// Refuses an address at which another connector answers, like a demo that still runs.
pub(super) async fn refuse_another(opened: &Opened) -> Result<(), Failure> {
    if !has_another_store(opened).await {
        return Ok(());
    }
    let url = opened.public_url.as_str();
    let what = match is_demo(url).await {
        true => format!("the demo still runs at {url}"),
        false => format!("the connector that answers at {url} has another store"),
    };
    let free = if opened.public_url.is_https() { None } else { free_address() };
    let like = free.map(|free| format!(", like {free}")).unwrap_or_default();
    Err(Failure::Other(format!(
        "{what}: the consent and the agent's calls would end there. Stop it and run setup again, or give this one an address of its own with \
         --public-url{like}"
    )))
}

/// Whether a demo answers there: a stand-in Zoho is beside it.
async fn is_demo(url: &str) -> bool {
    let Ok(client) = http::browser() else { return false };
    let request = client.get(format!("{url}/sandbox/control/requests")).timeout(CALL_TIMEOUT);
    request.send().await.is_ok_and(|answer| answer.status().is_success())
}

/// An address of this machine at which nobody listens.
fn free_address() -> Option<String> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (8081..8100).find(is_free).map(|port| format!("http://localhost:{port}"))
}

fn tell(installation: &Installation, opened: &Opened) {
    let url = opened.public_url.as_str();
    match &opened.services.settings.home {
        Home::Folder(_) => {
            say("Start the connector in a second shell, and let it run:");
            say(format!(
                "  {}{}",
                installation.command("serve"),
                serve_command::listen_flag(&opened.public_url)
            ));
            if url.starts_with("https://") {
                say(format!("and lead {url} to it, by a reverse proxy or a tunnel."));
            }
            say(format!("Waiting for it at {url} (Ctrl-C ends; setup goes on here the next time)."));
        }
        Home::Stack(stack) => {
            say(format!(
                "Nothing answers at {url}. Is it the output ApiUrl of the stack {}? Waiting for it.",
                stack.name
            ));
        }
    }
}

async fn until_it_answers(url: &str, longest: Duration, progress: &Progress) -> Result<(), Failure> {
    let until = Instant::now() + longest;
    while Instant::now() < until {
        sleep(Duration::from_millis(500)).await;
        if answers(url).await {
            return Ok(());
        }
    }
    Err(Failure::Other(format!(
        "nothing answers at {url}; start the connector, and run `{}` again: it goes on here",
        progress.command()
    )))
}

/// Whether a connector answers there.
async fn answers(url: &str) -> bool {
    let Ok(client) = http::browser() else { return false };
    match health::ask(&client, url, CALL_TIMEOUT).await {
        Ok(answer) => health::version(answer).await.is_some(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_proposed_is_free() {
        // Whoever listens there, somebody does.
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, 8081));
        assert_ne!(free_address().as_deref(), Some("http://localhost:8081"));
    }
}
