//! The agent's hook: that the gateway is there and takes the token, that the agent is told, and that the hook has refused nothing.

use shared::core::connection::Connection;
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::Ledger;

use super::report::Report;
use crate::commands::agent::{probe, set_again};
use crate::commands::installation::Opened;

const CHECK: &str = "Agent's hook";

pub(super) async fn check(report: &mut Report, opened: &Opened, connections: &[Connection]) {
    let services = &opened.services;
    let hook = match Hook::read(&*services.stores.secrets).await {
        Ok(Some(hook)) => hook,
        Ok(None) => return report.neutral(CHECK, "none is set: the agent asks for events by itself"),
        Err(error) => {
            return report.bad(
                CHECK,
                error.to_string(),
                "set it again: `zoho-connector agent set --url URL`",
            );
        }
    };
    let url = hook.url.as_str();
    let probe = probe(&services.http, &hook.url, &hook.token).await;
    if probe.is_ready {
        report.good(CHECK, format!("{url}: {}", probe.found));
    } else {
        report.bad(
            CHECK,
            format!("{url}: {}", probe.found),
            format!(
                "put it right, and try it with `zoho-connector agent test`; `{}` takes another token. Meanwhile events wait",
                set_again(&hook)
            ),
        );
    }
    if hook.paused {
        report.bad(
            "Agent is told",
            "it is paused: events wait, and nobody is told of them",
            "`zoho-connector agent resume`",
        );
    }
    let ledger = Ledger::new(services.stores.events.clone(), services.clock.clone());
    let Ok(standing) = ledger.standing().await else { return };
    let refused = standing.refused.filter(|(by, _)| *by == hook.digest());
    if let Some((_, status)) = refused {
        let reason = standing.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        let replays = replays(&ledger, connections).await;
        report.bad(
            "Agent is told",
            format!("the hook answered {status}{reason} to an event, so that nothing more is told to it"),
            format!("mend what the hook refuses, then `zoho-connector agent resume`{replays}"),
        );
    }
}

/// The commands that have dead events delivered again: one for each connection that has some, or that cannot be looked at.
async fn replays(ledger: &Ledger, connections: &[Connection]) -> String {
    let mut commands = String::new();
    for Connection { name, .. } in connections {
        if !matches!(ledger.dead(name, 1).await, Ok(dead) if dead.is_empty()) {
            commands += &format!(", and `zoho-connector events replay --dead --connection {name}`");
        }
    }
    commands
}
