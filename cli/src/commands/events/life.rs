//! The life of an event in lines: from the queue over the message to the agent to its end.

use serde_json::Value;

use crate::terminal::told_time;

/// The lines of a life, or of that of each record where an event is about several.
pub(super) fn lines(lives: &Value) -> Vec<String> {
    if let Some(parts) = lives.get("parts").and_then(Value::as_array) {
        let of_part = |part: &Value| {
            let mut lines = vec![format!("Part       {}", word(part, "id").unwrap_or_default())];
            lines.extend(part.get("life").map(of_one).unwrap_or_default());
            lines
        };
        return parts.iter().flat_map(of_part).collect();
    }
    lives.get("life").map(of_one).unwrap_or_default()
}

fn of_one(life: &Value) -> Vec<String> {
    let line = |name: &str, value: String| format!("{name:<11}{value}");
    let mut lines = vec![line("State", state(life))];
    lines.extend(told(life).map(|told| line("Told", told)));
    if let Some(by) = word(life, "claimed_by") {
        let until = moment(life, "claimed_until").map(|until| format!(", until {until}")).unwrap_or_default();
        lines.push(line("Claimed", format!("{}by the key {by}{until}", often(life, "claims"))));
    }
    if let Some(at) = moment(life, "ended") {
        let outcome = word(life, "outcome").unwrap_or("-");
        let note = word(life, "note").map(|note| format!(": {note}")).unwrap_or_default();
        lines.push(line("Ended", format!("{at}, {outcome}{note}")));
    }
    lines
}

fn state(life: &Value) -> String {
    let state = word(life, "state").unwrap_or("-");
    let more = match (state, moment(life, "waits_until"), moment(life, "next_try")) {
        ("received", _, _) => "; it is queued 15 seconds after it arrived".to_owned(),
        ("queued", Some(until), _) => {
            format!("; it waits until {until}, because all turns of the agent's hour are taken")
        }
        ("queued", None, Some(next)) => format!("; the agent's hook is tried again at {next}"),
        ("admitted", _, _) => {
            "; the gateway took the message, and no run has claimed the event yet".to_owned()
        }
        _ => String::new(),
    };
    format!("{state}{more}")
}

/// What the agent's hook was told, where it was told of it.
fn told(life: &Value) -> Option<String> {
    let delivery = word(life, "delivery")?;
    let at = moment(life, "told").map(|at| format!("{at}, ")).unwrap_or_default();
    let run = word(life, "run").map(|run| format!(", run {run}")).unwrap_or_default();
    let answer = word(life, "last_answer").map(|said| format!(", answered {said}")).unwrap_or_default();
    Some(format!("{}{at}delivery {delivery}{run}{answer}", often(life, "attempts")))
}

/// How often, where that is more than once.
fn often(life: &Value, name: &str) -> String {
    match life.get(name).and_then(Value::as_u64) {
        Some(times) if times > 1 => format!("{times} times, last "),
        _ => String::new(),
    }
}

fn word<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

/// A time of a life, as all times are shown.
fn moment(life: &Value, name: &str) -> Option<String> {
    word(life, name).map(told_time)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_life_is_told_from_the_queue_to_the_end() {
        let life = json!({
            "state": "done", "attempts": 2, "claims": 1, "delivery": "d1", "run": "run-1", "told": "2026-11-22T10:00:00Z",
            "last_answer": "200", "claimed_by": "a1b2", "claimed_until": "2026-11-22T10:10:00Z", "outcome": "done",
            "note": "looked at", "ended": "2026-11-22T10:01:00Z",
        });
        assert_eq!(
            lines(&json!({ "life": life })),
            [
                "State      done",
                "Told       2 times, last 2026-11-22T10:00:00.000Z, delivery d1, run run-1, answered 200",
                "Claimed    by the key a1b2, until 2026-11-22T10:10:00.000Z",
                "Ended      2026-11-22T10:01:00.000Z, done: looked at",
            ]
        );
    }

    #[test]
    fn what_waits_says_for_what() {
        let waits = json!({ "state": "queued", "waits_until": "2026-11-22T11:00:00Z" });
        let parts = lines(
            &json!({ "parts": [{ "id": "e.0000", "life": waits }, { "id": "e.0001", "life": { "state": "done" } }] }),
        );
        assert_eq!(parts.len(), 4);
        assert!(parts[1].contains("waits until 2026-11-22T11:00:00.000Z, because"), "{parts:?}");
        let retried = json!({ "life": { "state": "queued", "next_try": "2026-11-22T11:00:00Z" } });
        assert!(lines(&retried)[0].contains("tried again at"));
    }
}
