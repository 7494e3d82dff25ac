//! The line to Zoho, as one process has it: calls arrive, get lost, come too late, or meet something else than Zoho.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shared::zoho::http::{Answer, Call, Content, Form, HttpError, Transport};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::history::{Heard, What, Who};
use super::trouble::Fate;
use super::world::World;

/// A process's line.
pub struct Line {
    /// What it is in.
    pub world: Arc<World>,
    /// Whose line.
    pub who: Who,
}

/// A call without the borrowed parts, so that it goes on when its sender is gone.
struct Sent {
    path: String,
    token: Option<String>,
    form: Vec<(String, String)>,
}

impl Sent {
    fn of(call: &Call<'_>) -> Self {
        let path = call.url.to_owned();
        match &call.content {
            Content::Read(read) => {
                Self { path, token: Some(read.token.expose().to_owned()), form: Vec::new() }
            }
            Content::Write(_) | Content::Hook(_) => unreachable!("token-refresh writes nothing to the API"),
            Content::Form(Form { fields: form, .. }) => {
                let form =
                    form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
                Self { path, token: None, form }
            }
        }
    }

    fn arrive(&self, world: &World, who: Who) -> Answer {
        let (status, body) = match &self.token {
            Some(token) => world.zoho().read(&self.path, token, world.at()),
            None => world.zoho().form(world, who, &self.path, &self.fields()),
        };
        answer(status, body)
    }

    fn fields(&self) -> Vec<(&str, &str)> {
        self.form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn revokes(&self) -> Option<String> {
        let revokes = self.path.contains("/revoke");
        self.form.iter().find(|(name, _)| revokes && name == "token").map(|(_, token)| token.clone())
    }
}

fn answer(status: u16, body: impl Into<String>) -> Answer {
    Answer { status, body: body.into().into(), ..Answer::default() }
}

#[async_trait]
impl Transport for Line {
    async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        let (world, who, within) = (&self.world, self.who, call.within);
        // Who is dropped here has sent nothing.
        yield_now().await;
        let sent = Sent::of(&call);
        let revokes = sent.revokes();
        let mints = sent.token.is_none() && revokes.is_none();
        if mints {
            let connection = world.zoho().connection_of(&sent.fields()).unwrap_or_default();
            let exchange = sent.form.iter().any(|(name, _)| name == "code");
            world.note(who, What::Sent { connection, exchange });
        }
        let fate = world.struck(who).unwrap_or_else(|| world.trouble().of_zoho(&world.random, mints));
        let result = carry(world, who, sent, fate, within).await;
        if mints || revokes.is_some() {
            let good = matches!((&result, fate), (Ok(_), Fate::Works(..)));
            let heard = if good { Heard::Answer } else { Heard::Noise };
            world.note(who, What::Heard { revokes, heard });
        }
        result
    }
}

async fn carry(
    world: &Arc<World>,
    who: Who,
    sent: Sent,
    fate: Fate,
    within: Duration,
) -> Result<Answer, HttpError> {
    match fate {
        // What was sent arrives, whether or not its sender lives.
        Fate::Works(before, after) | Fate::Mute(before, after) => {
            let arriving = tokio::spawn({
                let world = world.clone();
                async move {
                    sleep(before).await;
                    let answer = sent.arrive(&world, who);
                    sleep(after).await;
                    answer
                }
            });
            let answer = timeout(within, arriving).await.map_err(|_| HttpError::Timeout)?.unwrap();
            if matches!(fate, Fate::Works(..)) { Ok(answer) } else { Err(HttpError::Broken) }
        }
        Fate::Lost(after) => match timeout(within, sleep(after)).await {
            Ok(()) => Err(HttpError::Unreachable),
            Err(_) => Err(HttpError::Timeout),
        },
        Fate::Says(after, saying) => {
            sleep(after).await;
            let (status, body) = saying.answer();
            Ok(answer(status, body))
        }
    }
}
