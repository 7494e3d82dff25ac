//! `zoho-connector agent set`.

use clap::Args;
use shared::core::events::agent_hook::{ALL_TYPES, Hook, HookUrl, TURNS_PER_HOUR};

use super::probe::probe;
use crate::commands::installation::Installation;
use crate::failure::Failure;
use crate::terminal::{ask_secret, say};

/// What the types of events begin with.
const SENDERS: [&str; 3] = ["zoho.", "connector.", "custom."];

#[derive(Args)]
pub(crate) struct Set {
    /// Address of the hook, like `https://gateway.example.com/hooks/agent`
    #[arg(long, value_parser = address)]
    url: HookUrl,
    /// Which of the gateway's agents
    #[arg(long, value_name = "ID", value_parser = agent_id)]
    agent_id: Option<String>,
    /// Types of events that are told, separated by commas; a * at the end stands for anything
    #[arg(long, value_delimiter = ',', default_values = ALL_TYPES, value_parser = event_type)]
    types: Vec<String>,
    /// Turns of the agent in an hour, at most; what comes in between is told together
    #[arg(long, default_value_t = TURNS_PER_HOUR, value_parser = clap::value_parser!(u32).range(1..=1000))]
    turns_per_hour: u32,
    /// Stores the hook without trying it, where the gateway is off or this machine cannot reach it
    #[arg(long)]
    no_test: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Set {
    pub(super) async fn run(self) -> Result<(), Failure> {
        // What is there is looked at before anybody types a token; a first command that fails for it leaves no store.
        let known = self.installation.open_known().await?;
        let token = ask_secret("Token of the gateway's hooks (not shown): ").await?;
        let opened = match known {
            Some(opened) => opened,
            None => self.installation.open_or_make().await?,
        };
        if self.no_test {
            say(opened
                .led("Nothing was tried. `zoho-connector agent test` does it once the gateway is there."));
        } else {
            let probe = probe(&opened.services.http, &self.url, &token).await;
            if !probe.is_ready {
                return Err(Failure::Other(format!(
                    "{}: {}\nNothing was stored. Put it right and do it again; or add --no-test: the hook is stored as it is, and \
                     events wait until the gateway takes messages.",
                    self.url.as_str(),
                    probe.found
                )));
            }
            say(opened.led(&format!("✓ {}", probe.found)));
        }
        let hook = Hook {
            agent_id: self.agent_id,
            types: self.types,
            turns_per_hour: self.turns_per_hour,
            ..Hook::new(self.url, token)
        };
        hook.store(&*opened.services.stores.secrets).await?;
        say("Hook stored. A running connector tells it of what waits within a minute.");
        Ok(())
    }
}

/// An address at which a message begins a run. Those beside it are refused by name.
pub(crate) fn address(text: &str) -> Result<HookUrl, String> {
    let url: HookUrl = text.parse()?;
    let path = url.as_str().trim_end_matches('/');
    let right = match path.rsplit_once('/') {
        Some((_, "hooks")) => format!("{path}/agent"),
        Some((before, "wake")) => format!("{before}/agent"),
        _ => return Ok(url),
    };
    let why = if path.ends_with("/wake") {
        "/hooks/wake puts a line into the agent's main session and begins no run that could claim events"
    } else {
        "this is where all hooks of the gateway begin, and none of them"
    };
    Err(format!("{why}: give {right}, or the path of a mapping"))
}

fn agent_id(text: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if (1..=64).contains(&text.len()) && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("the id of an agent is letters, digits and `-_.`: `openclaw agents list` shows them".to_owned())
    }
}

/// A type of events, or the beginning of some.
fn event_type(text: &str) -> Result<String, String> {
    let (begin, is_open) = text.strip_suffix('*').map_or((text, false), |begin| (begin, true));
    let plain = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '.' | '_' | '-')
    };
    let is_of = |sender: &&str| {
        let is_narrower = begin.len() > sender.len() && begin.starts_with(*sender);
        is_narrower || (is_open && sender.starts_with(begin))
    };
    if begin.chars().all(plain) && SENDERS.iter().any(is_of) {
        return Ok(text.to_owned());
    }
    Err("no event has such a type: they begin with zoho., connector. or custom., like zoho.crm.deal.updated or zoho.inventory.*"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_begins_no_run_is_refused_with_the_right_one() {
        for good in ["https://gateway.example.com/hooks/agent", "https://gateway.example.com/hooks/zoho"] {
            assert_eq!(address(good).unwrap().as_str(), good);
        }
        for bad in ["/hooks", "/hooks/", "/hooks/wake", "/hooks/wake/"] {
            let error = address(&format!("https://gateway.example.com{bad}")).unwrap_err();
            assert!(error.contains("give https://gateway.example.com/hooks/agent,"), "{bad}: {error}");
        }
        assert!(address("http://gateway.example.com/hooks/agent").unwrap_err().contains("https://"));
    }

    #[test]
    fn a_type_that_no_event_has_is_refused() {
        for good in ["zoho.*", "*", "z*", "zoho.crm.deal.updated", "custom.order", "connector.*", "custom.*"]
        {
            assert!(event_type(good).is_ok(), "{good}");
        }
        for bad in ["", "zoho", "zoho.", "deals", "Zoho.*", "zoho.*.updated", "zoho .x", "crm.*"] {
            assert!(event_type(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_agents_id_is_one_word() {
        assert!(agent_id("zoho_events").is_ok());
        for bad in ["", "two words", "a/b", &"x".repeat(65)] {
            assert!(agent_id(bad).is_err(), "{bad}");
        }
    }
}
