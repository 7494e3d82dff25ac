//! The connector must run before a consent comes back to it.

use std::time::Duration;

use shared::base::settings::Home;
use shared::zoho::http;
use tokio::time::{Instant, sleep};

use crate::commands::doctor::has_another_store;
use crate::commands::failure::Failure;
use crate::commands::health;
use crate::commands::installation::{Installation, Opened};
use crate::terminal::say;

/// Where `serve` listens if it is not told otherwise.
const USUAL_PORT: &str = "8080";

/// For one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Waits for it to answer at its public address, and says how it is started. Another one there would get the consent.
pub(super) async fn wait(
    installation: &Installation,
    opened: &Opened,
    longest: Duration,
) -> Result<(), Failure> {
    let url = opened.public_url.as_str();
    if !answers(url).await {
        tell(installation, opened);
        until_it_answers(installation, url, longest).await?;
        say("✓ It runs.");
    }
    refuse_another(opened).await
}

/// Refuses an address at which another connector answers, like a demo that still runs.
pub(super) async fn refuse_another(opened: &Opened) -> Result<(), Failure> {
    if !has_another_store(opened).await {
        return Ok(());
    }
    Err(Failure::Other(format!(
        "the connector that answers at {} has another store (is it a demo that still runs?): the consent and the agent's calls would end there. Stop it and run setup again, or give this one an address of its own with --public-url, like http://localhost:8081",
        opened.public_url.as_str()
    )))
}

fn tell(installation: &Installation, opened: &Opened) {
    let url = opened.public_url.as_str();
    match &opened.services.settings.home {
        Home::Folder(_) => {
            say("Start the connector in a second shell, and let it run:");
            say(format!("  {}{}", installation.command("serve"), listen(url)));
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

async fn until_it_answers(installation: &Installation, url: &str, longest: Duration) -> Result<(), Failure> {
    let until = Instant::now() + longest;
    while Instant::now() < until {
        sleep(Duration::from_millis(500)).await;
        if answers(url).await {
            return Ok(());
        }
    }
    let again = installation.command("setup");
    Err(Failure::Other(format!(
        "nothing answers at {url}; start the connector, and run `{again}` again: it goes on here"
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

/// On this machine, the address names the port.
fn listen(url: &str) -> String {
    let Some(rest) = url.strip_prefix("http://") else { return String::new() };
    match rest.rsplit_once(':') {
        Some((_, USUAL_PORT)) => String::new(),
        Some((_, port)) => format!(" --listen 127.0.0.1:{port}"),
        None => " --listen 127.0.0.1:80".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serve_listens_where_its_address_says() {
        assert_eq!(listen("http://localhost:8080"), "");
        assert_eq!(listen("http://localhost:8081"), " --listen 127.0.0.1:8081");
        assert_eq!(listen("http://localhost"), " --listen 127.0.0.1:80");
        assert_eq!(listen("https://connector.example.com"), "");
    }
}
