//! CRM's channels: made and ended as it is wanted, renewed long before their end, and made anew where CRM has lost them. CRM
//! says that a channel is gone only when it is asked, so a renewal is also how a loss is found out.

use std::time::Duration;

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::secret::{Secret, sha256_hex};
use shared::base::telemetry::gauge;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_refresh::Reply;
use shared::core::events::Delivery;
use shared::core::events::subscription;
use shared::core::events::subscription::{Channel, Refusal, Stored, Subscription};
use shared::core::events::webhook_secrets::WebhookSecrets;
use shared::store::secret_record::load;
use shared::store::{Condition, StoreError};
use shared::zoho::crm::channel;
use shared::zoho::crm::channel::Definition;
use shared::zoho::http::{Method, Write};
use shared::zoho::response::{Failure, FailureKind};
use tokio::time::{Instant, sleep_until};

use crate::{TokenRefresh, renew};

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// Channels that are renewed side by side.
const AT_ONCE: usize = 10;

/// How often a row is read again that somebody else changed meanwhile.
const TRIES: usize = 3;

/// What CRM said of a channel, or that nobody could ask.
enum Outcome {
    /// It is there until then; `was_lost` says that it had to be made anew.
    Granted { expires: Timestamp, was_lost: bool },
    /// CRM does not want it.
    Refused(String),
    /// Nobody knows; the reason.
    Unknown(String),
}

impl TokenRefresh {
    /// Brings the channel of a connection in line with what is watched.
    pub(crate) async fn watch(&self, name: &ConnectionName) -> Result<Reply, StoreError> {
        for _ in 0..TRIES {
            let Some(stored) = subscription::get(&*self.stores.state, name).await? else {
                return Ok(Reply::Unknown);
            };
            // Where somebody changed what is wanted, CRM may have been told what is not wanted any more.
            if let Some(reply) = self.keep_channel(&stored).await? {
                return Ok(reply);
            }
        }
        Ok(Reply::Busy)
    }

    /// Renews the channels that are due.
    pub(crate) async fn keep_channels(&self, until: Instant) -> Result<(), StoreError> {
        let now = self.clock.now();
        let all = subscription::list(&*self.stores.state).await?;
        let wanted = all.iter().filter(|stored| !stored.watch.crm.is_empty());
        let channels = wanted.filter_map(|stored| stored.watch.channel.as_ref());
        let (live, lost): (Vec<_>, Vec<_>) = channels.partition(|channel| channel.is_live(now));
        if !all.is_empty() {
            gauge("channels_live", live.len());
            gauge("channels_lost", lost.len());
        }
        let due = |stored: &&Stored| {
            let channel = stored.watch.channel.as_ref();
            channel.is_some_and(|channel| channel.due().is_none_or(|due| due <= now))
        };
        stream::iter(all.iter().filter(due))
            .take_until(sleep_until(until))
            .for_each_concurrent(AT_ONCE, |stored| async move {
                if let Err(error) = self.watch(&stored.watch.connection).await {
                    tracing::error!(connection = %stored.watch.connection, %error, "a channel could not be renewed");
                }
            })
            .await;
        Ok(())
    }

    /// Does for one channel what is wanted. Nothing where its row was changed meanwhile.
    async fn keep_channel(&self, stored: &Stored) -> Result<Option<Reply>, StoreError> {
        let mut watch = stored.watch.clone();
        let Some(mut channel) = watch.channel.take() else {
            return Ok(Some(Reply::Watching { expires: None }));
        };
        let reply = if watch.crm.is_empty() {
            let is_over = channel.expires.is_none_or(|expires| expires <= self.clock.now());
            match self.end(&watch.connection, &channel.id).await? {
                Ok(()) => Reply::Watching { expires: None },
                // It has ended by itself, though nobody can ask.
                Err(_) if is_over => Reply::Watching { expires: None },
                Err(reason) => return Ok(Some(Reply::NotWatching { reason })),
            }
        } else {
            let outcome = self.line_up(&watch, &channel).await?;
            let reply = self.note(&watch, &mut channel, outcome).await;
            watch.channel = Some(channel);
            reply
        };
        let is_current = subscription::put(&*self.stores.state, &watch, Some(stored)).await?;
        Ok(is_current.then_some(reply))
    }

    /// Writes down what CRM said, and tells where a channel is lost.
    async fn note(&self, watch: &Subscription, channel: &mut Channel, outcome: Outcome) -> Reply {
        let now = self.clock.now();
        let reply = match outcome {
            Outcome::Granted { expires, was_lost } => {
                if was_lost && channel.lost.is_none() {
                    self.tell_lost(watch, channel, true).await;
                }
                if was_lost || channel.lost.is_some() {
                    channel.restored = Some(now);
                }
                (channel.lost, channel.refused) = (None, None);
                (channel.confirmed, channel.expires) = (Some(now), Some(expires));
                return Reply::Watching { expires: Some(expires) };
            }
            Outcome::Refused(reason) => {
                channel.refused = Some(Refusal { at: now, reason: reason.clone() });
                Reply::NotWatching { reason }
            }
            Outcome::Unknown(reason) => Reply::NotWatching { reason },
        };
        let is_over = channel.expires.is_some_and(|expires| expires <= now);
        if channel.lost.is_none() && is_over {
            channel.lost = channel.confirmed;
            self.tell_lost(watch, channel, false).await;
        }
        reply
    }

    /// Asks CRM for the channel.
    async fn line_up(&self, watch: &Subscription, channel: &Channel) -> Result<Outcome, StoreError> {
        let secrets = WebhookSecrets::read(&*self.stores.secrets).await?;
        let Some(secret) = secrets.channel(&watch.connection, &channel.id).first() else {
            let reason = "The channel's token is gone. Run `zoho-connector webhooks setup` again.";
            return Ok(Outcome::Refused(reason.to_owned()));
        };
        let Some(mut token) = self.token(&watch.connection, None).await? else {
            let reason = "The connection has no access token now; `zoho-connector connections` says why.";
            return Ok(Outcome::Unknown(reason.to_owned()));
        };
        if !token.scopes.allows(channel::SCOPE) {
            let reason = format!(
                "The connection lacks the scope {}. Run `zoho-connector connect` again.",
                channel::SCOPE
            );
            return Ok(Outcome::Refused(reason));
        }
        let definition = Definition {
            id: &channel.id,
            modules: &watch.crm,
            notify_url: &channel.notify_url,
            token: secret,
        };
        let body = definition.body(self.clock.now());
        // One that should be there is renewed, which fails where it is gone; else it is made.
        let mut was_lost = channel.lost.is_some();
        let mut method = if channel.confirmed.is_some() && !was_lost { Method::PUT } else { Method::POST };
        let mut replaced = false;
        loop {
            let failure = match self.ask_for(&token, method.clone(), &body, &channel.id).await {
                Ok(expires) => return Ok(Outcome::Granted { expires, was_lost }),
                Err(failure) => failure,
            };
            if channel::is_unknown(&failure) && method == Method::PUT {
                (method, was_lost) = (Method::POST, true);
            } else if failure.kind == FailureKind::DeadToken && !replaced {
                replaced = true;
                let dead = token.token.digest();
                match self.token(&watch.connection, Some(&dead)).await? {
                    Some(other) => token = other,
                    None => return Ok(Outcome::Unknown("Zoho refuses the access token.".to_owned())),
                }
            } else {
                return Ok(judge(&failure));
            }
        }
    }

    async fn ask_for(
        &self,
        token: &AccessToken,
        method: Method,
        body: &str,
        id: &str,
    ) -> Result<Timestamp, Failure> {
        let url = channel::url(&self.centres.api(token.data_centre));
        let write = Write {
            method,
            token: &token.token,
            body: Some(body.to_owned().into()),
            if_unmodified_since: None,
        };
        channel::granted(&self.http.write(&url, write, PATIENCE).await?, id)
    }

    /// A token that lives long enough for a call, and is not the `dead` one.
    async fn token(
        &self,
        name: &ConnectionName,
        dead: Option<&str>,
    ) -> Result<Option<AccessToken>, StoreError> {
        self.renew(name, dead, renew::SOON).await?;
        let found = load::<AccessToken>(&*self.stores.secrets, &AccessToken::secret_name(name)).await?;
        let is_usable = |token: &AccessToken| {
            self.clock.now() < token.expires && dead.is_none_or(|dead| token.token.digest() != dead)
        };
        Ok(found.map(|(token, _)| token).filter(is_usable))
    }

    async fn end(&self, name: &ConnectionName, id: &str) -> Result<Result<(), String>, StoreError> {
        let Some(token) = self.token(name, None).await? else {
            return Ok(Err(
                "The connection has no access token with which the channel could be ended.".to_owned()
            ));
        };
        Ok(self.end_with(&token.token, &self.centres.api(token.data_centre), id).await)
    }

    async fn end_with(&self, token: &Secret, api: &str, id: &str) -> Result<(), String> {
        let write = Write { method: Method::DELETE, token, body: None, if_unmodified_since: None };
        let answer = self.http.write(&channel::end_url(api, id), write, PATIENCE).await;
        answer
            .map_err(Failure::from)
            .and_then(|answer| channel::ended(&answer))
            .map_err(|failure| words(&failure))
    }

    /// Ends the channel of a connection that ends, and forgets what is watched. A channel that stays behind ends within a
    /// week; until then it is refused, once the operator's command has made its token unknown.
    pub(crate) async fn end_channel(&self, name: &ConnectionName) {
        let ended = async {
            let Some(Stored { watch, .. }) = subscription::get(&*self.stores.state, name).await? else {
                return Ok(());
            };
            let token = load::<AccessToken>(&*self.stores.secrets, &AccessToken::secret_name(name)).await?;
            if let (Some(channel), Some((token, _))) = (watch.channel, token) {
                let api = self.centres.api(token.data_centre);
                if let Err(reason) = self.end_with(&token.token, &api, &channel.id).await {
                    tracing::warn!(connection = %name, reason, "the channel was not ended at Zoho");
                }
            }
            self.stores.state.delete(subscription::key(name), Condition::Any).await.map(drop)
        };
        let ended: Result<(), StoreError> = ended.await;
        if let Err(error) = ended {
            tracing::warn!(connection = %name, %error, "what is watched could not be forgotten");
        }
    }

    /// A channel is or was gone: an event for whoever reads events, a metric for whoever has alarms.
    async fn tell_lost(&self, watch: &Subscription, channel: &Channel, restored: bool) {
        let since = channel.confirmed;
        tracing::warn!(connection = %watch.connection, channel = channel.id, restored, "a channel was lost");
        gauge("channel_losses", 1);
        let next = if restored {
            "It was made anew, and what changed meanwhile is being looked for."
        } else {
            "It is asked for again by itself, and until it is there changes are looked for. `zoho-connector webhooks show` says why CRM does not give it."
        };
        let notice = format!("CRM's channel {} was lost: Zoho told of no change. {next}", channel.id);
        let delivery = Delivery {
            connection: watch.connection.clone(),
            source: "connector",
            // One for each loss, also where this process dies half-way and another one tells it again.
            digest: sha256_hex(format!("channel_lost {} {since:?}", channel.id).as_bytes()),
            kind: "connector.channel_lost".to_owned(),
            subject: Some(format!("channel/{}", channel.id)),
            time: None,
            data: json!({ "channel_id": channel.id, "since": since, "restored": restored, "notice": notice }),
            body: Value::Null.to_string(),
        };
        if let Err(error) = self.events.store(delivery).await {
            tracing::error!(connection = %watch.connection, %error, "an event of our own could not be stored");
        }
    }
}

fn judge(failure: &Failure) -> Outcome {
    match failure.kind {
        FailureKind::Rejected
        | FailureKind::Forbidden
        | FailureKind::ScopeMissing
        | FailureKind::NotFound
        | FailureKind::DeadTokenOrScope => Outcome::Refused(words(failure)),
        _ => Outcome::Unknown(words(failure)),
    }
}

fn words(failure: &Failure) -> String {
    match &failure.said {
        Some(said) => format!("CRM says {}: {}", said.code, said.message),
        None => format!("CRM gave no proper answer ({:?}).", failure.kind),
    }
}
