//! Deliveries in the simulation: events arrive, processes of event-delivery come and die at any poll, stores fail, the gateway
//! loses answers and forgets, and runs claim, work, die, and acknowledge.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use event_delivery::EventDelivery;
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::base::settings::Settings;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::core::events::agent_hook::{ALL_TYPES, Hook};
use shared::core::events::ledger::{AckResult, ClaimTarget, Claimed, Ending, Entry, Ledger};
use shared::core::events::{Delivery, Events};
use shared::core::services::Services;
use shared::store::secret_record;
use shared::store::{SecretValue, Secrets, StoreError, Stores, VersionId};
use shared::zoho::data_centre::{DataCentre, DataCentres};
use shared::zoho::http::{Answer, Call, Content, Http, HttpError, Transport};
use shared::zoho::scope::ScopeSet;
use shared::zoho::secrets::AccessTokenSecret;
use tokio::time::sleep;

use super::functions::mortal;
use super::history::Who;
use super::stores::stores;
use super::trouble::{StoreMood, Trouble};
use super::world::World;
use super::{Outcome, on_simulated_time};

const EVENTS: usize = 60;
const RECORDS: u64 = 7;
const TURNS: u32 = 30;
const KEY: &str = "agents-key";

/// How long the gateway knows a run, in milliseconds: while it goes on, and five minutes more.
const REMEMBERED: i64 = 25 * 60 * 1000;

/// What is known from outside.
#[derive(Default)]
struct Seen {
    /// Event ids by record, in their order.
    stored: BTreeMap<String, BTreeSet<String>>,
    /// Who works on what, until when.
    held: HashMap<String, (String, Timestamp)>,
    /// What was acknowledged, or may have been, and by how many.
    done: HashMap<String, u32>,
    /// When runs began.
    runs: Vec<i64>,
    /// The bytes of each key.
    bodies: HashMap<String, String>,
    /// What the gateway remembers, and since when.
    memory: HashMap<String, i64>,
    claims: usize,
}

#[derive(Clone)]
struct Stage {
    world: Arc<World>,
    seen: Arc<Mutex<Seen>>,
}

impl Stage {
    fn broken(&self, what: String) {
        self.world.history().broken.push(what);
    }

    fn ledger(&self) -> Ledger {
        let who = Who::Caller(self.world.number());
        Ledger::new(stores(&self.world, who).events, self.world.clock())
    }

    /// What a claim gave must be free, and nothing before it of the same record undone.
    fn check_claim(&self, claim: &str, until: Timestamp, entries: &[Entry]) {
        let now = self.world.now();
        let mut seen = self.seen.lock().unwrap();
        seen.claims += entries.len();
        let ids: HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        for entry in entries {
            if let Some((other, end)) = seen.held.get(&entry.id)
                && *end > now
            {
                self.broken(format!("{} is claimed by {claim} and by {other}", entry.id));
            }
            let subject = entry.subject.clone().unwrap();
            for earlier in seen.stored[&subject].range(..entry.id.clone()) {
                if !ids.contains(earlier.as_str()) && !seen.done.contains_key(earlier) {
                    self.broken(format!("{} of {subject} comes before {earlier}", entry.id));
                }
            }
        }
        let subjects: HashSet<&str> = entries.iter().filter_map(|entry| entry.subject.as_deref()).collect();
        for subject in subjects {
            for (id, (other, end)) in &seen.held {
                let is_live = *end > now && !seen.done.contains_key(id);
                if is_live && !ids.contains(id.as_str()) && seen.stored[subject].contains(id) {
                    self.broken(format!("{subject} is claimed by {claim} while {other} has {id}"));
                }
            }
        }
        for id in ids {
            seen.held.insert(id.to_owned(), (claim.to_owned(), until));
        }
    }

    /// CRM, asked for deals by their ids: in trouble half of the time, as long as there is any.
    async fn read(&self, call: &Call<'_>) -> Result<Answer, HttpError> {
        let (world, random) = (&self.world, &self.world.random);
        sleep(random.milliseconds(5, 1500)).await;
        let failure =
            |status, body: &'static str| Ok(Answer { status, body: body.into(), ..Answer::default() });
        match random.between(0, if world.trouble().stores == StoreMood::Good { 4 } else { 9 }) {
            5 => return Err(HttpError::Unreachable),
            6 => {
                sleep(call.within).await;
                return Err(HttpError::Timeout);
            }
            7 => return failure(503, "<html>"),
            8 => {
                return failure(
                    429,
                    r#"{"code":"TOO_MANY_REQUESTS","details":{},"message":"x","status":"error"}"#,
                );
            }
            9 => {
                return failure(
                    401,
                    r#"{"code":"INVALID_TOKEN","details":{},"message":"x","status":"error"}"#,
                );
            }
            _ => {}
        }
        let ids = call.url.rsplit_once("ids=").map_or("", |(_, ids)| ids);
        let row = |id| json!({ "id": id, "Modified_Time": "2026-11-21T10:00:00+01:00" });
        let rows: Vec<_> = ids.split("%2C").map(row).collect();
        Ok(Answer { status: 200, body: json!({ "data": rows }).to_string().into(), ..Answer::default() })
    }

    /// A run of the agent: claims what it was told of, works, acknowledges; or dies.
    async fn work(self, wanted: Option<String>) {
        let (world, ledger) = (self.world.clone(), self.ledger());
        let (name, random) = (ConnectionName::default(), &world.random);
        sleep(random.seconds(0, 60)).await;
        for _ in 0..20 {
            if random.chance(60) {
                return;
            }
            let limit = usize::try_from(random.between(1, 50)).unwrap();
            let which = wanted.as_deref().map_or(ClaimTarget::Oldest, ClaimTarget::Batch);
            let Ok(taken) = ledger.claim(&name, which, limit, 300, KEY).await else { continue };
            let Claimed::Taken { claim: Some(claim), entries, more } = taken else { return };
            self.check_claim(&claim.id, claim.until, &entries);
            // Some work longer than their claim lasts.
            sleep(random.seconds(0, if random.chance(100) { 600 } else { 120 })).await;
            if random.chance(80) {
                return;
            }
            let ids: Vec<String> = entries.into_iter().map(|entry| entry.id).collect();
            let late = claim.until <= world.now();
            let ending = if random.chance(100) { Ending::Retry } else { Ending::Done };
            {
                // Before the call: it may be done, or free for others, although its answer is lost or late.
                let mut seen = self.seen.lock().unwrap();
                if ending == Ending::Done {
                    ids.iter().for_each(|id| *seen.done.entry(id.clone()).or_default() += 1);
                } else {
                    seen.held.retain(|id, held| !(ids.contains(id) && held.0 == claim.id));
                }
            }
            let let_go = || {
                let mut seen = self.seen.lock().unwrap();
                let own = |held: &(String, Timestamp)| held.0 == claim.id;
                seen.held.retain(|id, held| !(ids.contains(id) && own(held)));
            };
            if ending == Ending::Retry {
                // Likewise: somebody else may take it before the answer is here.
                let_go();
            }
            match ledger.ack(&name, &ids, ending, None, KEY, Some(&claim.id)).await {
                Ok(AckResult::Written(_)) | Err(_) => let_go(),
                Ok(AckResult::NotClaimed(_)) if late => {
                    // Somebody else has it since: it is theirs to end.
                    let mut seen = self.seen.lock().unwrap();
                    for id in ids.iter().filter(|_| ending == Ending::Done) {
                        if let Some(by) = seen.done.get_mut(id) {
                            *by -= 1;
                        }
                    }
                    seen.done.retain(|_, by| *by > 0);
                }
                Ok(other) => self.broken(format!("a good acknowledgement was answered {other:?}")),
            }
            if !more {
                return;
            }
        }
    }
}

#[async_trait]
impl Transport for Stage {
    async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        let hook = match call.content {
            Content::Hook(hook) => hook,
            Content::Read(_) => return self.read(&call).await,
            _ => unreachable!("nothing else is sent"),
        };
        let (world, random) = (&self.world, &self.world.random);
        sleep(random.milliseconds(5, 3000)).await;
        let mood = random.between(0, if world.trouble().stores == StoreMood::Good { 3 } else { 11 });
        let failure = |status, retry_after| {
            Ok(Answer { status, retry_after, body: "not now".into(), ..Answer::default() })
        };
        match mood {
            4 => return Err(HttpError::Unreachable),
            5 => return Err(HttpError::Broken),
            6 => return failure(409, None),
            7 => return failure(429, Some(random.between(1, 300))),
            8 => return failure(503, None),
            _ => {}
        }
        let run = {
            let mut seen = self.seen.lock().unwrap();
            let body = seen.bodies.entry(hook.key.to_owned()).or_insert_with(|| hook.body.to_owned());
            if body != hook.body {
                self.broken(format!("{} was sent with other bytes", hook.key));
            }
            if random.chance(200) {
                seen.memory.clear();
            }
            let known = seen.memory.get(hook.key).is_some_and(|since| world.at() < since + REMEMBERED);
            if !known {
                seen.memory.insert(hook.key.to_owned(), world.at());
                seen.runs.push(world.at());
                tokio::spawn(self.clone().work(Some(hook.key.to_owned())));
            }
            format!("run-{}", seen.runs.len())
        };
        match mood {
            9 => {
                sleep(call.within).await;
                Err(HttpError::Timeout)
            }
            10 => Err(HttpError::Broken),
            11 => failure(502, None),
            _ => Ok(Answer {
                status: 200,
                body: json!({ "ok": true, "runId": run }).to_string().into(),
                ..Answer::default()
            }),
        }
    }
}

/// Secrets with the token of a connection among them, which outlives the simulation.
struct Connected(Arc<dyn Secrets>);

#[async_trait]
impl Secrets for Connected {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        let found = self.0.get(name).await?;
        if name != AccessToken::secret_name(&ConnectionName::default()) {
            return Ok(found);
        }
        let token = AccessToken {
            token: AccessTokenSecret::new("token"),
            generation: 1,
            expires: Timestamp::MAX,
            data_centre: DataCentre::Eu,
            scopes: ScopeSet::parse("ZohoCRM.modules.deals.READ"),
            organization: None,
            crm_organization: None,
        };
        Ok(Some(SecretValue { value: secret_record::text(&token)?, version: VersionId(String::new()) }))
    }

    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError> {
        self.0.stage(name, value).await
    }

    async fn promote(
        &self,
        name: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        self.0.promote(name, pending, from).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.0.delete(name).await
    }

    async fn versions_since(&self, name: &str, since: Timestamp) -> Result<usize, StoreError> {
        self.0.versions_since(name, since).await
    }
}

fn services(stage: &Stage) -> Services {
    let stores = stores(&stage.world, Who::Run(stage.world.number()));
    Services {
        settings: Arc::new(Settings::read(|_| None).unwrap()),
        clock: stage.world.clock(),
        stores: Stores { secrets: Arc::new(Connected(stores.secrets.clone())), ..stores },
        token_refresh: None,
        http: Http::over(stage.clone()),
        centres: DataCentres::new(None),
        operator: None,
    }
}

/// token-refresh, which has no other token.
struct NoOther;

#[async_trait]
impl TokenRefreshClient for NoOther {
    async fn ask(&self, _: Ask) -> Result<Reply, TokenRefreshError> {
        Ok(Reply::Unknown)
    }
}

/// A process of event-delivery that dies at its `last` poll.
async fn deliver(stage: Stage, last: u64) {
    let function = EventDelivery::new(&services(&stage), Arc::new(NoOther));
    // No row says what is connected, so that the connection must be named, as the stream does.
    let names = BTreeSet::from([ConnectionName::default()]);
    let work = async move { function.sweep(&names).await };
    let _dead_or_done = tokio::time::timeout(Duration::from_secs(60), mortal(work, last)).await;
}

async fn store_events(stage: Stage) {
    let (world, name) = (stage.world.clone(), ConnectionName::default());
    let events = Events::new(stores(&world, Who::Zoho).events, world.clock());
    for index in 0..EVENTS {
        sleep(world.random.seconds(0, 90)).await;
        let id = world.random.between(1, RECORDS);
        // Deals must be looked up before they are queued.
        let (source, record, data) = if id % 2 == 0 {
            ("crm", "deal", json!({ "module": "Deals", "ids": [id.to_string()] }))
        } else {
            ("inventory", "item", Value::Null)
        };
        let subject = format!("{record}/{id}");
        let delivery = Delivery {
            connection: name.clone(),
            source,
            digest: format!("{index:064x}"),
            kind: format!("zoho.{source}.{record}.updated"),
            subject: Some(subject.clone()),
            time: None,
            data,
            body: "{}".to_owned(),
        };
        // Zoho sends again what was not acknowledged.
        loop {
            if let Ok(receipt) = events.store(delivery.clone()).await {
                let mut seen = stage.seen.lock().unwrap();
                seen.stored.entry(subject).or_default().insert(receipt.event_id);
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Plays one seed.
pub fn play(seed: u64) -> Outcome {
    on_simulated_time(seed, |world| async move {
        let stage = Stage { world: world.clone(), seen: Arc::default() };
        let hook = Hook {
            url: "https://gateway.example.com/hooks/agent".parse().unwrap(),
            token: Secret::new("hook-token"),
            agent_id: None,
            types: ALL_TYPES.iter().map(|text| (*text).to_owned()).collect(),
            turns_per_hour: TURNS,
            paused: false,
            set: String::new(),
        };
        hook.store(&*stores(&world, Who::Run(world.number())).secrets).await.unwrap();
        let moods = [StoreMood::Flaky, StoreMood::Flaky, StoreMood::Throttled, StoreMood::Cold];
        world.set_trouble(Trouble { stores: world.random.pick(&moods), ..Trouble::default() });
        let storing = tokio::spawn(store_events(stage.clone()));
        while !storing.is_finished() {
            let last = if world.random.chance(500) { world.random.between(1, 120) } else { u64::MAX };
            tokio::spawn(deliver(stage.clone(), last));
            if world.random.chance(100) {
                tokio::spawn(stage.clone().work(None));
            }
            sleep(world.random.seconds(0, 60)).await;
        }
        storing.await.unwrap();
        world.set_trouble(Trouble::default());
        let ledger = Ledger::new(stores(&world, Who::Stage).events, world.clock());
        for _ in 0..3 * 24 * 60 {
            deliver(stage.clone(), u64::MAX).await;
            sleep(Duration::from_secs(60)).await;
            let done = {
                let seen = stage.seen.lock().unwrap();
                seen.done.len() >= all_len(&seen)
            };
            if done && undone(&stage, &ledger).await.is_empty() {
                break;
            }
        }
        for (id, state) in undone(&stage, &ledger).await {
            stage.broken(format!("{id} is left {state}"));
        }
        let seen = stage.seen.lock().unwrap();
        if all_len(&seen) != EVENTS || seen.claims < EVENTS {
            stage.broken(format!("{} events, {} claims", all_len(&seen), seen.claims));
        }
        // A turn is counted when its request leaves, which may take some seconds to arrive.
        let hour = 3600 * 1000 - 60_000;
        for (index, first) in seen.runs.iter().enumerate() {
            let within = seen.runs[index..].iter().filter(|at| **at < first + hour).count();
            if within > usize::try_from(TURNS).unwrap() {
                stage.broken(format!("{within} runs within an hour"));
                break;
            }
        }
    })
}

fn all_len(seen: &Seen) -> usize {
    seen.stored.values().map(BTreeSet::len).sum()
}

async fn undone(stage: &Stage, ledger: &Ledger) -> Vec<(String, &'static str)> {
    let ids: Vec<String> = stage.seen.lock().unwrap().stored.values().flatten().cloned().collect();
    let mut undone = Vec::new();
    for id in ids {
        let life = ledger.life(&ConnectionName::default(), &id).await.unwrap();
        if life.state != "done" {
            undone.push((id, life.state));
        }
    }
    undone
}
