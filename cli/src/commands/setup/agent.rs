//! The agent's hook, for who wants the agent to be told. It is tried each time; one that takes nothing is not stored.

use shared::base::secret::Secret;
use shared::core::events::agent_hook::{Hook, HookUrl};

use super::ask;
use crate::commands::agent::{address, probe, set_again};
use crate::commands::installation::Opened;
use crate::failure::Failure;
use crate::terminal::{can_ask, say};

/// What the flags say of it.
pub(super) enum Given {
    Hook(HookUrl),
    None,
    Open,
}

/// What is to be done about it.
enum Next {
    /// It is as it shall be.
    Nothing,
    /// A token for this address is asked for.
    Token(HookUrl),
    /// The address is asked for, too.
    Address,
}

/// Sets the hook, if there is to be one; says whether there is.
pub(super) async fn set(opened: &Opened, given: Given) -> Result<bool, Failure> {
    let services = &opened.services;
    let known = Hook::read(&*services.stores.secrets).await?;
    let mut next = match (given, &known) {
        (Given::Hook(url), _) => Next::Token(url),
        (Given::Open, Some(known)) => try_known(opened, known).await,
        (Given::Open, None) if can_ask() => Next::Address,
        (Given::Open | Given::None, _) => Next::Nothing,
    };
    loop {
        let url = match next {
            Next::Nothing => return Ok(known.is_some()),
            Next::Token(url) => url,
            Next::Address => match asked().await? {
                Some(url) => url,
                None => return Ok(known.is_some()),
            },
        };
        let token = ask::secret("Token of the gateway's hooks").await?;
        let probe = probe(&services.http, &url, &token).await;
        let shown = url.as_str();
        if probe.is_ready {
            say(opened.led(&format!("✓ The agent is told at {shown}: {}", probe.found)));
            like(known, url, token).store(&*services.stores.secrets).await?;
            return Ok(true);
        }
        if !can_ask() {
            return Err(Failure::Other(opened.led(&format!(
                "{shown}: {}\nNothing was stored of this hook. Put it right and run setup again; or `zoho-connector agent set --url \
                 {shown} --no-test` stores it as it is, and setup without --hook goes on.",
                probe.found
            ))));
        }
        say(format!("✗ {shown}: {}", probe.found));
        say(opened.led(&format!(
            "  Nothing is stored. Once more, then; `zoho-connector agent set --url {shown} --no-test` stores one that cannot be tried."
        )));
        next = if probe.is_token_wrong() { Next::Token(url) } else { Next::Address };
    }
}

/// A token that has become wrong can be given anew; whatever else is wrong is only told.
async fn try_known(opened: &Opened, known: &Hook) -> Next {
    let (url, probe) = (known.url.as_str(), probe(&opened.services.http, &known.url, &known.token).await);
    if probe.is_ready {
        let told = if known.paused {
            format!("✓ The hook {url} is paused; `zoho-connector agent resume` ends it: {}", probe.found)
        } else {
            format!("✓ The agent is told at {url}: {}", probe.found)
        };
        say(opened.led(&told));
        return Next::Nothing;
    }
    say(format!("✗ The agent cannot be told at {url}: {}", probe.found));
    if probe.is_token_wrong() && can_ask() {
        return Next::Token(known.url.clone());
    }
    say(opened.led(&format!(
        "  Events wait until it is put right: `{}` asks for its token again.",
        set_again(known)
    )));
    Next::Nothing
}

async fn asked() -> Result<Option<HookUrl>, Failure> {
    let question = "Hook of the agent's gateway, like https://gateway.example.com/hooks/agent (empty: the agent asks for events by itself)";
    let read = |text: &str| if text.is_empty() { Ok(None) } else { address(text).map(Some) };
    ask::parsed(question, "--hook", Some(""), read).await
}

/// As the one that is set, where that has the same address; not paused.
fn like(known: Option<Hook>, url: HookUrl, token: Secret) -> Hook {
    let new = Hook::new(url, token);
    match known.filter(|known| known.url == new.url) {
        Some(Hook { agent_id, types, turns_per_hour, .. }) => Hook { agent_id, types, turns_per_hour, ..new },
        None => new,
    }
}
