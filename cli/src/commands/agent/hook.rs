//! The hook that is set.

use shared::core::events::agent_hook::{ALL_TYPES, Hook, TURNS_PER_HOUR};

use crate::commands::api::quoted;
use crate::commands::installation::Opened;
use crate::failure::Failure;

pub(super) async fn known(opened: &Opened) -> Result<Hook, Failure> {
    let hook = Hook::read(&*opened.services.stores.secrets).await?;
    hook.ok_or_else(|| {
        Failure::Other(
            opened.led(
                "no hook is set: the agent asks for events by itself; `zoho-connector agent set --url URL` sets one",
            ),
        )
    })
}

/// The command that sets this hook again, with all that it has; its token is asked for.
pub(crate) fn set_again(hook: &Hook) -> String {
    let turns = (hook.turns_per_hour != TURNS_PER_HOUR).then(|| hook.turns_per_hour.to_string());
    set(hook, turns.as_deref())
}

/// The same with another number of turns, for which N stands.
pub(super) fn set_with_other_turns(hook: &Hook) -> String {
    set(hook, Some("N"))
}

fn set(hook: &Hook, turns: Option<&str>) -> String {
    let has_all_types = hook.types.iter().map(String::as_str).eq(ALL_TYPES.iter().copied());
    let types = (!has_all_types).then(|| hook.types.join(","));
    let flags =
        [("agent-id", hook.agent_id.as_deref()), ("types", types.as_deref()), ("turns-per-hour", turns)];
    let given = flags.into_iter().filter_map(|(name, value)| Some(format!(" --{name} {}", quoted(value?))));
    format!("zoho-connector agent set --url {}{}", quoted(hook.url.as_str()), given.collect::<String>())
}

#[cfg(test)]
mod tests {
    use shared::base::secret::Secret;

    use super::*;

    #[test]
    fn a_hook_that_is_set_again_keeps_what_it_has() {
        let usual = Hook::new("https://gateway.example.com/hooks/agent".parse().unwrap(), Secret::new("t"));
        let set = "zoho-connector agent set --url https://gateway.example.com/hooks/agent";
        assert_eq!(set_again(&usual), set);
        assert_eq!(set_with_other_turns(&usual), format!("{set} --turns-per-hour N"));
        let own = Hook {
            agent_id: Some("stock".to_owned()),
            types: vec!["zoho.*".to_owned(), "custom.count".to_owned()],
            turns_per_hour: 4,
            ..usual
        };
        let kept = format!("{set} --agent-id stock --types 'zoho.*,custom.count' --turns-per-hour");
        assert_eq!(set_again(&own), format!("{kept} 4"));
        assert_eq!(set_with_other_turns(&own), format!("{kept} N"));
    }
}
