//! How it stands with the hook: whether anything can be delivered, and what waits for it.

use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::{Ledger, Stage};
use shared::core::services::Services;
use shared::store::StoreError;

use super::hook::{set_again, set_with_other_turns};

/// Whether anything can be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Paused,
    /// The hook refused everything, with this status and reason.
    Refused(u16, Option<String>),
    /// The gateway took nothing when it was tried last.
    Trying {
        tries: u32,
        said: String,
        next: Timestamp,
    },
    /// All turns of the hour are taken, until then.
    NoTurn(Timestamp),
    InUse,
    /// Nothing was told yet.
    New,
}

/// How it stands.
pub(super) struct Found {
    pub(super) state: State,
    /// Events that it was not told of.
    pub(super) waiting: usize,
    /// When the gateway took something last.
    pub(super) told: Option<Timestamp>,
}

impl Found {
    pub(super) async fn look(services: &Services, hook: &Hook) -> Result<Self, StoreError> {
        let (events, clock) = (&services.stores.events, &services.clock);
        let ledger = Ledger::new(events.clone(), clock.clone());
        let (mut waiting, mut told, mut trying) = (0, None::<Timestamp>, None);
        for name in ledger.fan_outs().await?.keys() {
            waiting += ledger.untold(name, |entry| hook.wants(&entry.kind)).await?;
            told = told.max(ledger.told_last(name).await?);
            for found in ledger.open_batches(name).await? {
                let batch = found.batch;
                let answer = batch.last_answer();
                match (batch.stage, answer) {
                    (Stage::Admitted { at, .. }, _) => told = told.max(Some(at)),
                    (Stage::Waiting, said) => {
                        waiting += batch.ids.len();
                        // One that was taken, and not claimed, is sent again.
                        if let Some(said) = said.filter(|said| !said.starts_with('2')) {
                            trying = Some(State::Trying { tries: batch.attempts, said, next: batch.next });
                        }
                    }
                    (Stage::Refused { .. } | Stage::Unclaimed, _) => {}
                }
            }
        }
        let standing = ledger.standing().await?;
        let refused = standing.refused.as_ref().filter(|(by, _)| *by == hook.digest());
        let no_turn = standing.next_turn(clock.now(), hook.turns()).filter(|_| waiting > 0);
        let state = match (refused, trying, no_turn) {
            _ if hook.paused => State::Paused,
            (Some((_, status)), _, _) => State::Refused(*status, standing.reason.clone()),
            (None, Some(trying), _) => trying,
            (None, None, Some(until)) => State::NoTurn(until),
            (None, None, None) if told.is_some() => State::InUse,
            (None, None, None) => State::New,
        };
        Ok(Self { state, waiting, told })
    }

    /// In a line: what it is, what waits, and what to do.
    pub(super) fn line(&self, hook: &Hook) -> String {
        let wait = if self.waiting == 0 { String::new() } else { format!("; {}", events_wait(self.waiting)) };
        match &self.state {
            State::Paused => format!("paused{wait}. `zoho-connector agent resume` ends it"),
            State::Refused(status, reason) => {
                let why = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                format!(
                    "it answered {status}{why}, so nothing more is told to it{wait}. Mend it, then `{}` or `zoho-connector agent resume`",
                    set_again(hook)
                )
            }
            State::Trying { tries, said, next } => format!(
                "nothing can be delivered after {}: {said}{wait}. The next try is at {next}; `zoho-connector agent test` tries it \
                 now",
                if *tries == 1 { "1 try".to_owned() } else { format!("{tries} tries") }
            ),
            State::NoTurn(until) => format!(
                "{} until {until}, because all {} turns of the hour are taken; `{}` allows more",
                events_wait(self.waiting),
                hook.turns_per_hour,
                set_with_other_turns(hook)
            ),
            State::InUse => {
                let told = self.told.map(|at| format!("; told last at {at}")).unwrap_or_default();
                format!("in use{told}{wait}")
            }
            State::New => {
                format!("set, and nothing was told yet{wait}. `zoho-connector agent test` tries it")
            }
        }
    }

    pub(super) fn document(&self, hook: &Hook) -> Value {
        let state = match &self.state {
            State::Paused => "paused",
            State::Refused(..) => "refused",
            State::Trying { .. } => "unreachable",
            State::NoTurn(_) => "no_turn",
            State::InUse => "in_use",
            State::New => "new",
        };
        let mut document = json!({
            "url": hook.url.as_str(),
            "agent_id": hook.agent_id,
            "types": hook.types,
            "turns_per_hour": hook.turns_per_hour,
            "state": state,
            "explanation": self.line(hook),
            "waiting": self.waiting,
            "told": self.told,
        });
        let more = match &self.state {
            State::Refused(status, reason) => json!({ "status": status, "reason": reason }),
            State::Trying { tries, said, next } => {
                json!({ "tries": tries, "answer": said, "next_try": next })
            }
            State::NoTurn(until) => json!({ "waits_until": until }),
            State::Paused | State::InUse | State::New => json!({}),
        };
        if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
            document.extend(more);
        }
        document
    }
}

/// `1 event waits`, `2 events wait`.
fn events_wait(count: usize) -> String {
    if count == 1 { "1 event waits".to_owned() } else { format!("{count} events wait") }
}

#[cfg(test)]
mod tests {
    use shared::base::secret::Secret;

    use super::*;

    fn hook() -> Hook {
        Hook {
            types: vec!["zoho.*".to_owned()],
            ..Hook::new("https://gateway.example.com/hooks/agent".parse().unwrap(), Secret::new("hook-token"))
        }
    }

    #[test]
    fn the_line_says_what_waits_and_until_when() {
        let at: Timestamp = "2026-11-22T11:00:00Z".parse().unwrap();
        let line = |state, waiting| Found { state, waiting, told: None }.line(&hook());
        assert!(
            line(State::NoTurn(at), 1)
                .starts_with("1 event waits until 2026-11-22T11:00:00Z, because all 12")
        );
        let trying = State::Trying { tries: 2, said: "503: draining".to_owned(), next: at };
        let trying = line(trying, 3);
        assert!(trying.contains("after 2 tries: 503: draining; 3 events wait"), "{trying}");
        assert!(
            line(State::Refused(400, Some("unknown agentId".to_owned())), 0)
                .contains("400 (unknown agentId)")
        );
        assert_eq!(line(State::InUse, 0), "in use");
        for state in [State::New, State::Paused] {
            assert!(!line(state.clone(), 0).contains("in use"), "{state:?}");
        }
    }

    #[test]
    fn the_document_has_no_token() {
        let found = Found { state: State::Refused(401, None), waiting: 2, told: None };
        let document = found.document(&hook());
        assert_eq!((&document["state"], &document["status"]), (&json!("refused"), &json!(401)));
        assert!(!document.to_string().contains("hook-token"));
    }
}
