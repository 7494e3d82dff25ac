//! `zoho-connector agent test`.

use clap::Args;
use serde_json::{Value, json};
use shared::base::secret::random_hex;
use shared::core::events::agent_hook::Hook;
use shared::core::events::gateway_words::reason;
use shared::zoho::http::{self, Http};

use super::hook::known;
use super::probe::{CALL_TIMEOUT, Probe, probe};
use crate::commands::installation::Installation;
use crate::failure::Failure;
use crate::terminal::{say, say_json};

/// How many characters of the id of a run are shown.
const MAX_RUN: usize = 128;

#[derive(Args)]
pub(crate) struct Trial {
    /// Begins one turn of the agent as well, with nothing to do in it
    #[arg(long)]
    turn: bool,
    /// One JSON document in place of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

/// What came of a turn.
enum Turn {
    NotTried,
    /// The run's id, as far as the gateway says.
    Begun(Option<String>),
    Refused(String),
}

impl Trial {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = self.installation.open().await?;
        let hook = known(&opened).await?;
        let http = &opened.services.http;
        let probe = probe(http, &hook.url, &hook.token).await;
        let turn = if self.turn && probe.is_ready { begin(http, &hook).await } else { Turn::NotTried };
        if self.json {
            say_json(&document(&hook, &probe, &turn))?;
        }
        let failed = |why: &str| Failure::Other(format!("{}: {why}", hook.url.as_str()));
        if !probe.is_ready {
            return Err(failed(&probe.found));
        }
        if !self.json {
            say(opened.led(&format!("✓ {}", probe.found)));
        }
        match turn {
            Turn::Refused(why) => return Err(failed(&why)),
            _ if self.json => {}
            Turn::Begun(run) => {
                let run = run.map(|run| format!(" {run}")).unwrap_or_default();
                say(format!(
                    "✓ The gateway has begun the run{run}. Its log shows what the agent makes of it."
                ));
            }
            Turn::NotTried => say("  `--turn` begins a turn of the agent, with nothing to do in it."),
        }
        Ok(())
    }
}

/// A message in the form of a delivery that has nothing to do in it. It is in no ledger, and counts as none of the hour's turns.
async fn begin(http: &Http, hook: &Hook) -> Turn {
    let key = format!("test-{}", random_hex::<8>());
    let mut body = json!({
        "message": "The operator of the Zoho Connector tries this hook. No event waits and nothing is to be done: use no tool, and \
                    end with the word OK.",
        "name": "Zoho Connector",
        "deliver": false,
        "wakeMode": "next-heartbeat",
        "source": "zoho-connector",
        "delivery": key,
        "connection": "default",
        "count": 0,
    });
    if let (Some(body), Some(agent)) = (body.as_object_mut(), &hook.agent_id) {
        body.insert("agentId".to_owned(), agent.as_str().into());
    }
    let body = body.to_string();
    let message = http::Hook { token: &hook.token, key: &key, body: &body };
    match http.post_hook(hook.url.as_str(), message, CALL_TIMEOUT).await {
        Ok(answer) if (200..300).contains(&answer.status) => {
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let run = body.get("runId").and_then(Value::as_str);
            Turn::Begun(run.map(|run| run.chars().take(MAX_RUN).collect()))
        }
        Ok(answer) => {
            let reason = reason(&answer, &hook.token).map(|reason| format!(": {reason}")).unwrap_or_default();
            Turn::Refused(format!("the turn was not begun: it answered {}{reason}", answer.status))
        }
        Err(error) => Turn::Refused(format!("whether the turn was begun is not known: {error}")),
    }
}

fn document(hook: &Hook, probe: &Probe, turn: &Turn) -> Value {
    let (begun, run, failed) = match turn {
        Turn::NotTried => (None, None, None),
        Turn::Begun(run) => (Some(true), run.as_deref(), None),
        Turn::Refused(why) => (Some(false), None, Some(why.as_str())),
    };
    json!({
        "url": hook.url.as_str(),
        "ready": probe.is_ready,
        "found": probe.found,
        "status": probe.status,
        "reason": probe.reason,
        "turn": { "begun": begun, "run": run, "failed": failed },
    })
}
