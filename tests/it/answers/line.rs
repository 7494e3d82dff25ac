//! The line to a Zoho that answers anything at all.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::Value;
use shared::zoho::http::{Answer, Call, Content, HttpError, Transport};
use tests::dice::Dice;

use super::proper::{self, State};
use super::said::{Said, anything};

/// A call that arrived, and what was answered.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) write: bool,
    pub(super) answer: Result<Said, HttpError>,
}

impl Sent {
    pub(super) fn is_crm(&self) -> bool {
        self.path.starts_with("/crm/")
    }

    /// Whether it only finds out how a token is.
    pub(super) fn is_probe(&self) -> bool {
        self.path.ends_with("/organizations") || self.path.ends_with("/org")
    }

    /// Whether it reads the fields by which something is judged.
    pub(super) fn is_side(&self) -> bool {
        self.is_probe() || self.path.contains("/settings/fields?module=Deals")
    }
}

/// How the line is just now.
#[derive(Debug, Clone)]
pub(super) struct Mood {
    pub(super) dice: Dice,
    /// How many reads are answered properly, one after the other, before anything else is.
    pub(super) proper: usize,
    /// What Zoho has, as far as it is asked properly.
    pub(super) state: State,
    /// Whether the reads after a write are answered properly too.
    pub(super) steady: bool,
    pub(super) marker: String,
    /// What is answered to the first calls in place of all this; nothing: what is proper.
    pub(super) script: VecDeque<Option<Said>>,
}

impl Mood {
    /// A proper Zoho, but for this.
    pub(super) fn scripted(script: impl IntoIterator<Item = Option<Said>>) -> Self {
        let script = script.into_iter().collect();
        let marker = "Harbor".to_owned();
        Self { dice: Dice(0), proper: usize::MAX, state: State::Before, steady: true, marker, script }
    }
}

#[derive(Debug)]
struct Inner {
    mood: Mood,
    sent: Vec<Sent>,
}

/// The line.
#[derive(Clone)]
pub(super) struct Line(Arc<Mutex<Inner>>);

impl Line {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Inner { mood: Mood::scripted([]), sent: Vec::new() })))
    }

    /// From now on it is like this.
    pub(super) fn set(&self, mood: Mood) {
        *self.0.lock().unwrap() = Inner { mood, sent: Vec::new() };
    }

    /// All that was sent since.
    pub(super) fn sent(&self) -> Vec<Sent> {
        self.0.lock().unwrap().sent.clone()
    }
}

impl Inner {
    fn answer(&mut self, method: &str, path: &str, write: bool) -> Result<Said, HttpError> {
        let Mood { dice, proper, state, steady, marker, script } = &mut self.mood;
        let fields = path.contains("/settings/fields") && !path.contains("module=Module");
        if !fields && let Some(Some(said)) = script.pop_front() {
            return Ok(said);
        }
        if write {
            return anything(dice, &proper::written(method, path, marker));
        }
        let wrote = self.sent.iter().any(|sent| sent.write);
        let state = if wrote { *state } else { State::Before };
        let good = proper::read(path, state, marker);
        if fields || (wrote && *steady) {
            return Ok(good);
        }
        if !wrote && *proper > 0 {
            *proper -= 1;
            return Ok(good);
        }
        anything(dice, &good)
    }
}

#[async_trait]
impl Transport for Line {
    async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        let (method, write) = match &call.content {
            Content::Read(_) => ("GET".to_owned(), false),
            Content::Write(write) => (write.method.to_string(), true),
            Content::Form(_) | Content::Hook(_) => panic!("api-proxy sends neither"),
        };
        let path = call.url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap();
        let mut inner = self.0.lock().unwrap();
        let answer = inner.answer(&method, &path, write);
        inner.sent.push(Sent { method, path, write, answer: answer.clone() });
        let said = answer?;
        Ok(Answer { body: said.body.into(), ..Answer::without_body(said.status, &said.headers) })
    }
}

/// What was sent, for people.
pub(super) fn story(sent: &[Sent]) -> String {
    let line = |sent: &Sent| match &sent.answer {
        Ok(said) => {
            let (status, kind) = (said.status, said.header("content-type"));
            format!("  {} {} -> {status} [{kind}] {}", sent.method, sent.path, short(&said.body))
        }
        Err(error) => format!("  {} {} -> {error}", sent.method, sent.path),
    };
    sent.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Both ends of a body.
pub(super) fn short(body: &[u8]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if body.len() < 800 {
        return format!("{:?}", text(body));
    }
    format!("{:?} … {:?}", text(&body[..300]), text(&body[body.len() - 300..]))
}

/// The text of a field, or nothing.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
