//! No answer of Zoho is misread, through the routes: writes and reads of each kind meet any answer at all, and what the agent is
//! told is held against what Zoho said, as code of these tests reads it (`heard`). 20,000 answers; `ANSWERS=1000000` tries more,
//! `ANSWERS_SEED=7 ANSWERS=1` one request again.

mod asked;
mod check;
mod heard;
mod line;
mod proper;
mod said;
mod unsaid;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use serde_json::Value;
use shared::base::secret::Secret;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::zoho::scope::{Access, Product, ScopeSet};
use tests::connected::Account;
use tests::dice::Dice;
use tests::house::House;
use tests::in_process::call;
use tests::memory::Memory;

use check::Told;
use line::{Line, Mood};
use proper::State;

/// As many as a few seconds take.
const USUAL: u64 = 20_000;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// token-refresh, which has another token each time, or not.
struct Another {
    memory: Arc<Memory>,
    dice: std::sync::Mutex<Dice>,
}

#[async_trait]
impl TokenRefreshClient for Another {
    async fn ask(&self, _: Ask) -> Result<Reply, TokenRefreshError> {
        let (number, way) = {
            let mut dice = self.dice.lock().unwrap();
            (dice.roll(), dice.below(8))
        };
        match way {
            0 => Ok(Reply::ReconnectRequired { by_user: true }),
            1 => Ok(Reply::Wait { seconds: 30, reason: "Zoho throttles".to_owned() }),
            2 => Err(TokenRefreshError("it did not start".to_owned())),
            _ => {
                account().give_token(&*self.memory, &format!("token-{number}")).await;
                Ok(Reply::Renewed)
            }
        }
    }
}

fn account() -> Account {
    let scopes = ScopeSet::of(&Product::ALL, Access::Write);
    Account { scopes, inventory: Some("1"), crm: Some("2") }
}

/// How a request ended, or what was wrong, and how many answers it took.
struct Tried {
    ending: Result<&'static str, String>,
    answers: usize,
}

/// api-proxy in this process, on stores in memory, in front of that line.
struct Desk {
    api: Router,
    key: Secret,
    house: House,
    line: Line,
}

impl Desk {
    async fn open() -> Self {
        let line = Line::new();
        let house = House::over(line.clone(), |_| None);
        let key = house.connect(&account()).await;
        let refresh = Another { memory: house.memory.clone(), dice: std::sync::Mutex::new(Dice(1)) };
        let api = api_proxy::router(&house.services, Arc::new(refresh));
        Self { api, key, house, line }
    }

    async fn ask(&self, method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> Told {
        let (key, body) = (key.map(|key| ("idempotency-key", key)), body.unwrap_or(&Value::Null));
        let told = call(&self.api, &self.key, (method, path), key.as_slice(), body).await;
        let problem = told.json().filter(|body| {
            let kind = body["type"].as_str().unwrap_or_default();
            kind.starts_with("urn:zoho-connector:problem:")
        });
        Told { status: told.status.as_u16(), problem, body: told.body }
    }

    /// A write, and where its key is repeated, the same again. Tells how it ended.
    async fn write(&self, seed: u64) -> Tried {
        let mut dice = Dice(seed);
        let write = asked::write(&mut dice, seed);
        let state = if dice.one_in(3) { State::After } else { State::Before };
        let steady = dice.one_in(3);
        let mood = Mood::scripted([]);
        self.line.set(Mood { dice: dice.clone(), state, steady, marker: write.marker.clone(), ..mood });
        let own = format!("key-{seed}");
        let mut key = dice.one_in(2).then_some(own);
        if write.previewed {
            let join = if write.path.contains('?') { '&' } else { '?' };
            let told = self
                .ask(write.method, &format!("{}{join}dry_run=true", write.path), None, Some(&write.body))
                .await;
            let preview: Value = serde_json::from_slice(&told.body).unwrap();
            key = Some(
                preview["preview_id"].as_str().unwrap_or_else(|| panic!("{write:?}: {preview}")).to_owned(),
            );
        }
        let told = self.ask(write.method, &write.path, key.as_deref(), Some(&write.body)).await;
        let sent = self.line.sent();
        let ending = check::write(&write, &told, &sent, &self.house.memory)
            .map_err(|wrong| format!("{wrong}\n{write:?}\n{}\n{told}", line::story(&sent)));
        let (Some(key), Ok("uncertain")) = (&key, &ending) else {
            return Tried { ending, answers: sent.len() };
        };
        let again = self.ask(write.method, &write.path, Some(key), Some(&write.body)).await;
        let all = self.line.sent();
        let ending = check::again(&write, &again, &all, sent.len())
            .map(|()| "uncertain, asked again")
            .map_err(|wrong| format!("again, {wrong}\n{write:?}\n{}\n{told}\n{again}", line::story(&all)));
        Tried { ending, answers: all.len() }
    }

    async fn read(&self, seed: u64) -> Tried {
        let mut dice = Dice(seed);
        let read = asked::read(&mut dice, seed);
        let proper = if dice.one_in(2) { dice.below(4) } else { 0 };
        self.line.set(Mood { dice: dice.clone(), proper, steady: false, ..Mood::scripted([]) });
        let method = if read.body.is_some() { "POST" } else { "GET" };
        let told = self.ask(method, &read.path, None, read.body.as_ref()).await;
        let sent = self.line.sent();
        let ending = check::read(&read, &told, &sent)
            .map_err(|wrong| format!("{wrong}\n{read:?}\n{}\n{told}", line::story(&sent)));
        Tried { ending, answers: sent.len() }
    }
}

/// On time that passes as soon as nothing else does.
async fn tried(kind: &'static str, share: u64) -> BTreeMap<&'static str, usize> {
    let desk = Desk::open().await;
    let most = usize::try_from(number("ANSWERS", USUAL) * share / 5).unwrap().max(1);
    let (mut seed, mut answers) = (number("ANSWERS_SEED", 1), 0);
    let mut endings: BTreeMap<&'static str, usize> = BTreeMap::new();
    // One of each kind is told in full.
    let mut wrong: BTreeMap<String, (usize, String)> = BTreeMap::new();
    while answers < most {
        let tried = if kind == "write" { desk.write(seed).await } else { desk.read(seed).await };
        match tried.ending {
            Ok(ending) => *endings.entry(ending).or_default() += 1,
            Err(what) => {
                let name: String = what.split([':', '\n', '{', '"']).next().unwrap_or_default().to_owned();
                wrong.entry(name).or_insert_with(|| (0, format!("ANSWERS_SEED={seed}: {what}"))).0 += 1;
            }
        }
        answers += tried.answers.max(1);
        seed += 1;
        desk.house.tidy().await;
    }
    let told: Vec<String> = wrong.values().map(|(times, what)| format!("{times} times, {what}")).collect();
    assert!(told.is_empty(), "{}", told.join("\n\n"));
    endings
}

#[tokio::test(start_paused = true)]
async fn no_answer_to_a_write_is_misread() {
    let endings = tried("write", 4).await;
    if number("ANSWERS", USUAL) >= USUAL {
        for ending in ["done", "found", "refused", "uncertain", "uncertain, asked again"] {
            assert!(endings.get(ending).is_some_and(|times| *times > 10), "{ending}: {endings:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_answer_to_a_read_is_misread() {
    let endings = tried("read", 1).await;
    if number("ANSWERS", USUAL) >= USUAL {
        for ending in ["told", "refused", "missing", "unreadable"] {
            assert!(endings.get(ending).is_some_and(|times| *times > 10), "{ending}: {endings:?}");
        }
    }
}
