//! The agent's hook, for who wants the agent to be told.

use shared::base::secret::random_hex;
use shared::core::events::agent_hook::{ALL_TYPES, Hook, HookUrl, TURNS_PER_HOUR};

use super::ask;
use crate::commands::agent::{address, probe};
use crate::commands::failure::Failure;
use crate::commands::installation::Opened;
use crate::terminal::{can_ask, say};

/// What the flags say of it.
pub(super) enum Given {
    Hook(HookUrl),
    None,
    Open,
}

/// Sets the hook, if there is to be one.
pub(super) async fn set(opened: &Opened, given: Given) -> Result<(), Failure> {
    let secrets = &*opened.services.stores.secrets;
    let url = match given {
        Given::Hook(url) => url,
        Given::None => return Ok(()),
        Given::Open if !can_ask() => return Ok(()),
        Given::Open => {
            if let Some(known) = Hook::read(secrets).await? {
                say(format!("✓ The agent is told at {}.", known.url.as_str()));
                return Ok(());
            }
            let question = "Hook of the agent's gateway, like https://gateway.example.com/hooks/agent (empty: the agent asks for events by itself)";
            let read = |text: &str| if text.is_empty() { Ok(None) } else { address(text).map(Some) };
            match ask::parsed(question, "--hook", Some(""), read)? {
                Some(url) => url,
                None => return Ok(()),
            }
        }
    };
    let hook = Hook {
        url,
        token: ask::secret("Token of the gateway's hooks")?,
        agent_id: None,
        types: ALL_TYPES.iter().map(|kind| (*kind).to_owned()).collect(),
        turns_per_hour: TURNS_PER_HOUR,
        paused: false,
        set: random_hex::<8>(),
    };
    hook.store(secrets).await?;
    let probe = probe(&opened.services.http, &hook.url, &hook.token).await;
    if probe.is_ready {
        say(format!("✓ The agent is told at {}: {}", hook.url.as_str(), probe.found));
    } else {
        say(format!("✗ The hook is stored, but {}: {}", hook.url.as_str(), probe.found));
        say(opened.led(&format!(
            "  Events wait until it is put right: `zoho-connector agent set --url {}` asks for its token again.",
            hook.url.as_str()
        )));
    }
    Ok(())
}
