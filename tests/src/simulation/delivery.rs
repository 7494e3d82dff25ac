//! Deliveries in the simulation: events arrive, processes of event-delivery come and die at any poll, stores fail, the gateway
//! loses answers and forgets, and runs claim, work, die, and acknowledge.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use event_delivery::{EventDelivery, trigger_of};
use serde_json::{Value, json};
use shared::base::background::Background;
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::base::settings::Settings;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::{AckResult, ClaimTarget, Claimed, Ending, Entry, FREED, Ledger};
use shared::core::events::{Delivery, Events};
use shared::core::services::Services;
use shared::store::secret_record;
use shared::store::{Key, Query, SecretValue, Secrets, StoreError, Stores, VersionId};
use shared::zoho::data_centre::DataCentres;
use shared::zoho::http::{Answer, Call, Content, Http, HttpError, Transport};
use shared::zoho::scope::ScopeSet;
use tokio::time::sleep;

use super::functions::mortal;
use super::history::Who;
use super::stores::stores;
use super::trouble::{StoreMood, Trouble};
use super::world::World;
use super::{Outcome, on_simulated_time};
use crate::changes;
use crate::connected::Account;

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
    /// When runs began, and for which delivery.
    runs: Vec<(i64, String)>,
    /// Deliveries of which a run got nothing: its turn does not count.
    wasted: HashSet<String>,
    /// When what was claimed was acknowledged.
    acks: Vec<i64>,
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
    /// Whether runs claim at once, work for 25 seconds and never die.
    diligent: bool,
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
        let (diligent, mut has_claimed) = (self.diligent, false);
        sleep(random.seconds(0, if diligent { 3 } else { 60 })).await;
        for _ in 0..20 {
            if !diligent && random.chance(60) {
                return;
            }
            let limit = if diligent { 50 } else { usize::try_from(random.between(1, 50)).unwrap() };
            let which = wanted.as_deref().map_or(ClaimTarget::Oldest, ClaimTarget::Batch);
            let Ok(taken) = ledger.claim(&name, which, limit, 300, KEY).await else { continue };
            let Claimed::Taken { claim: Some(claim), entries, more } = taken else {
                if !has_claimed {
                    self.seen.lock().unwrap().wasted.extend(wanted);
                }
                return;
            };
            has_claimed = true;
            self.check_claim(&claim.id, claim.until, &entries);
            if diligent {
                sleep(Duration::from_secs(25)).await;
            } else {
                // Some work longer than their claim lasts.
                sleep(random.seconds(0, if random.chance(100) { 600 } else { 120 })).await;
                if random.chance(80) {
                    return;
                }
            }
            let ids: Vec<String> = entries.into_iter().map(|entry| entry.id).collect();
            let late = claim.until <= world.now();
            let ending = if !diligent && random.chance(100) { Ending::Retry } else { Ending::Done };
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
                Ok(AckResult::Written(_)) | Err(_) => {
                    let_go();
                    self.seen.lock().unwrap().acks.push(world.at());
                }
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
                seen.runs.push((world.at(), hook.key.to_owned()));
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
        let scopes = ScopeSet::parse("ZohoCRM.modules.deals.READ");
        let token = Account { scopes, inventory: None, crm: None }.token("token");
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
        background: Background::default(),
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
    let world = stage.world.clone();
    let events = Events::new(stores(&world, Who::Zoho).events, world.clock());
    for index in 0..EVENTS {
        sleep(world.random.seconds(0, 90)).await;
        let id = world.random.between(1, RECORDS);
        // Deals must be looked up before they are queued.
        let delivery = if id.is_multiple_of(2) {
            changes::of_deal(&id.to_string(), index)
        } else {
            Delivery { data: Value::Null, ..changes::of_item(&id.to_string(), index) }
        };
        let subject = delivery.subject.clone().unwrap();
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

/// What became of three quick edits, in milliseconds since the first one.
#[derive(Debug, Default)]
pub struct Edits {
    /// When the gateway was told of the first.
    pub first_told: i64,
    /// When the first was acknowledged, and when all were.
    pub first_ack: i64,
    /// See above.
    pub last_ack: i64,
    /// How many turns it took.
    pub runs: usize,
    /// And how many of them got nothing.
    pub wasted: usize,
}

/// Three edits of one deal within six seconds, no trouble, and runs of 25 seconds.
pub fn three_quick_edits(seed: u64) -> (Outcome, Edits) {
    let edits = Arc::new(Mutex::new(Edits::default()));
    let outcome = on_simulated_time(seed, |world| {
        let edits = edits.clone();
        async move {
            let stage = Stage { world: world.clone(), seen: Arc::default(), diligent: true };
            hook().store(&*stores(&world, Who::Run(world.number())).secrets).await.unwrap();
            tokio::spawn(stream(stage.clone()));
            let began = world.at();
            let events = Events::new(stores(&world, Who::Zoho).events, world.clock());
            for number in 0..3 {
                let receipt = events.store(changes::of_deal("2", number)).await.unwrap();
                let of_deal = receipt.event_id;
                stage.seen.lock().unwrap().stored.entry("deal/2".to_owned()).or_default().insert(of_deal);
                sleep(Duration::from_secs(3)).await;
            }
            for _ in 0..600 {
                sleep(Duration::from_secs(1)).await;
                if stage.seen.lock().unwrap().done.len() == 3 {
                    break;
                }
            }
            // Whatever was begun needlessly shows itself.
            sleep(Duration::from_secs(600)).await;
            let seen = stage.seen.lock().unwrap();
            *edits.lock().unwrap() = Edits {
                first_told: seen.runs.first().map_or(i64::MAX, |(at, _)| at - began),
                first_ack: seen.acks.first().map_or(0, |at| at - began),
                last_ack: seen.acks.last().map_or(i64::MAX, |at| at - began),
                runs: seen.runs.len(),
                wasted: seen.wasted.len(),
            };
        }
    });
    let edits = std::mem::take(&mut *edits.lock().unwrap());
    (outcome, edits)
}

/// The table's stream: wakes event-delivery for new events and for acknowledgements, as the two sources of the template do, and no
/// schedule beside it.
async fn stream(stage: Stage) {
    let table = stores(&stage.world, Who::Stage).events;
    let name = ConnectionName::default();
    let (mut events, mut freed) = (0, None);
    loop {
        sleep(Duration::from_millis(500)).await;
        let all = table.query(Query::partition(format!("event#{name}"), 100)).await.unwrap().rows;
        if all.len() > events {
            events = all.len();
            let id = all.last().map(|row| row.key.sort.clone()).unwrap_or_default();
            tokio::spawn(woken(stage.clone(), format!("event#{name}"), id));
        }
        let row = table.get(&Key::new(format!("{FREED}{name}"), "last")).await.unwrap();
        let version = row.map(|row| row.version);
        if version != freed {
            freed = version;
            tokio::spawn(woken(stage.clone(), format!("{FREED}{name}"), "last".to_owned()));
        }
    }
}

/// A process of event-delivery that is woken by a row of the table.
async fn woken(stage: Stage, partition: String, sort: String) {
    let keys = json!({ "pk": { "S": partition }, "sk": { "S": sort } });
    let trigger = trigger_of(&json!({ "Records": [{ "dynamodb": { "Keys": keys } }] })).unwrap();
    EventDelivery::new(&services(&stage), Arc::new(NoOther)).handle(trigger).await.unwrap();
}

fn hook() -> Hook {
    Hook {
        turns_per_hour: TURNS,
        set: String::new(),
        ..Hook::new("https://gateway.example.com/hooks/agent".parse().unwrap(), Secret::new("hook-token"))
    }
}

/// Plays one seed.
pub fn play(seed: u64) -> Outcome {
    on_simulated_time(seed, |world| async move {
        let stage = Stage { world: world.clone(), seen: Arc::default(), diligent: false };
        hook().store(&*stores(&world, Who::Run(world.number())).secrets).await.unwrap();
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
        let runs = seen.runs.iter().filter(|(_, delivery)| !seen.wasted.contains(delivery));
        let runs: Vec<i64> = runs.map(|(at, _)| *at).collect();
        for (index, first) in runs.iter().enumerate() {
            let within = runs[index..].iter().filter(|at| **at < first + hour).count();
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
