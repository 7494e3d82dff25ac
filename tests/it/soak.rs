//! A month of the real `serve` in a quarter of an hour: its time stands in a file, and is moved by two minutes at a time. Agents read,
//! write, claim and count, Zoho reports changes and leaves some out, keys come and go, tokens and claims end. In the end, nothing is
//! lost or doubled, nothing has panicked, and memory and open files are what they were in the beginning. `SOAK_DAYS=2` is a look.

#![expect(clippy::print_stdout, reason = "the figures are for reading")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sandbox::{BodyForm, Entity, ItemChange, Options, SignatureEncoding, Webhook};
use serde_json::{Value, json};
use shared::base::clock::Clock;
use tempfile::TempDir;
use tests::agent::{Agent, Answer};
use tests::clock::StandingClock;
use tests::connector::{Connector, free_port};
use tests::gateway::{Gateway, TOKEN};
use tests::hooks::sign;
use tests::process::Running;
use tokio::time::{sleep, sleep_until};

/// By how much time is moved: more than a minute, for which keys and tokens are believed and after which is swept.
const STEP: Duration = Duration::from_secs(120);
const STEPS_A_DAY: u32 = 720;

/// What a step takes here, or a little more where the machine is slow.
const PACE: Duration = Duration::from_millis(40);

/// What runs on a schedule begins when time is moved, and has so long to end before it is moved again: that is no more than a part of
/// what takes seconds in earnest, and leases hold for seconds.
const STANDS: Duration = Duration::from_millis(15);

/// Memory and files are looked at every three hours.
const SAMPLED: u32 = 90;

/// Events are kept for a week here: until it is over the store grows, and what is held of it in memory. A month that is judged comes after it.
const WEEK: u32 = 7;
const MIN_DAYS_TO_JUDGE: u32 = 10;

/// How long is waited for the last events: lists are polled at least every few hours.
const LAST_STEPS: u32 = 400;

const READS: [&str; 6] = [
    "/v1/inventory/items?per_page=5",
    "/v1/crm/deals?per_page=5",
    "/v1/events",
    "/v1/status",
    "/v1/inventory/salesorders?per_page=5",
    "/v1/audit",
];
const ORDERS: &str = "/v1/inventory/salesorders";
const COUNTED: &str = "/webhooks/default/custom/stock.counted";

/// What the process has of the machine.
struct Sample {
    memory: u64,
    files: u64,
    store: u64,
}

impl Sample {
    fn take(pid: u32, folder: &Path) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let memory = memory.trim().trim_end_matches(" kB").parse().unwrap();
        let files = u64::try_from(fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()).unwrap();
        let of_the_store = |name: &str| name.starts_with("zoho-connector.sqlite3");
        let store = fs::read_dir(folder).unwrap().flatten();
        let store = store.filter(|file| of_the_store(&file.file_name().to_string_lossy()));
        Self { memory, files, store: store.map(|file| file.metadata().map_or(0, |found| found.len())).sum() }
    }
}

/// What happened so far.
#[derive(Default)]
struct Tally {
    calls: u64,
    /// Calls that were told to come again.
    retried: u64,
    /// The ids of the events that were taken with a receipt.
    received: BTreeSet<String>,
    /// Changes of deals, which have no receipt, by subject.
    changed: BTreeMap<String, u32>,
    /// The ids of the events that were acknowledged, and how many of each deal.
    done: BTreeSet<String>,
    deals_done: BTreeMap<String, u32>,
    /// Events of the connector's own.
    notices: Vec<String>,
    /// Claims that were left to end.
    left: u64,
    orders: usize,
    keys: u64,
    counts: u64,
}

/// `serve`, and all who have to do with it.
struct Soak {
    connector: Connector,
    server: Running,
    log: Arc<Mutex<String>>,
    gateway: Gateway,
    agent: Agent,
    custom: String,
    items: Vec<String>,
    deals: Vec<String>,
    clock: StandingClock,
    file: PathBuf,
    tally: Tally,
    _folder: TempDir,
}

/// Has the file show this time, whole at any moment.
fn show(file: &Path, clock: &StandingClock) {
    let new = file.with_extension("new");
    fs::write(&new, clock.now().as_millisecond().to_string()).unwrap();
    fs::rename(&new, file).unwrap();
}

impl Soak {
    async fn start() -> Self {
        let (clock, folder) = (StandingClock::default(), TempDir::new().unwrap());
        let file = folder.path().join("now");
        show(&file, &clock);
        let standing = Some(clock.now());
        let options = Options { standing, extra_items: 60, extra_deals: 60, ..Options::new("") };
        let mut connector = Connector::prepare(options, format!("http://127.0.0.1:{}", free_port())).await;
        connector.clock = Some(file.to_str().unwrap().to_owned());
        let listen = connector.url.trim_start_matches("http://").to_owned();
        let kept = [("ZOHO_CONNECTOR_EVENTS_DAYS", "7"), ("ZOHO_CONNECTOR_AUDIT_DAYS", "30")];
        let mut server = connector.start_command_with(&["serve", "--listen", &listen], &kept);
        let log = server.log();
        server.until("Store in").await;
        connector.connect(&["--access", "write"]).await;
        let agent = connector.agent(&["--can", "inventory:write,crm:read,events"]).await;
        let custom = connector.webhook_secret_of("custom").await;

        let gateway = Gateway::start().await;
        let watched = ["webhooks", "setup", "--crm", "Deals", "--inventory", "none", "--wait", "0"];
        let told = ["agent", "set", "--url", &gateway.url];
        for (args, input) in [(watched.as_slice(), ""), (told.as_slice(), TOKEN)] {
            let ended = connector.run(args, input).await;
            assert_eq!(ended.code, 0, "{args:?}: {} {}", ended.out, ended.err);
        }
        let sandbox = &connector.zoho.sandbox;
        let id = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
        let mut items = Vec::new();
        for item in sandbox.items() {
            let id = id(&item, "item_id");
            // A service has no stock that moves.
            if sandbox.change_item(&id, ItemChange::Stock(1.0)).await.is_some() {
                items.push(id);
            }
        }
        let deals = sandbox.deals().iter().map(|deal| id(deal, "id")).collect();
        sandbox.add_webhook(Webhook {
            url: format!("{}/webhooks/default/inventory/item.updated", connector.url),
            secret: connector.webhook_secret().await,
            entity: Entity::Item,
            body: BodyForm::Json,
            encoding: SignatureEncoding::Hex,
        });
        Self {
            connector,
            server,
            log,
            gateway,
            agent,
            custom,
            items,
            deals,
            clock,
            file,
            tally: Tally::default(),
            _folder: folder,
        }
    }

    /// Lets time pass here, at Zoho and in the file.
    fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.connector.zoho.sandbox.advance(by);
        show(&self.file, &self.clock);
    }

    /// Calls until it is done, as an agent does that is told to come again.
    async fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        for _ in 0..60 {
            self.tally.calls += 1;
            let answer = self.agent.write(method, path, headers, body).await;
            if answer.status < 300 {
                return answer;
            }
            let why = format!("{method} {path}: {} {}", answer.status, answer.body);
            assert_eq!(answer.body["retryable"], true, "{why}");
            self.tally.retried += 1;
            self.advance(Duration::from_secs(answer.body["retry_after"].as_u64().unwrap_or(1)));
            sleep(PACE).await;
        }
        panic!("{method} {path} is never done");
    }

    async fn step(&mut self, number: u32) {
        self.read(number).await;
        match number % 45 {
            at if at.is_multiple_of(5) => self.counted(number).await,
            11 | 26 | 41 => self.item_changes(number).await,
            7 => self.deal_changes(number).await,
            _ => {}
        }
        match number % STEPS_A_DAY {
            at if at % 30 == 11 => self.order(number).await,
            400 => self.reconcile(number).await,
            500 => self.keys().await,
            _ => {}
        }
        self.work(number % 180 == 90).await;
    }

    async fn read(&mut self, number: u32) {
        for at in [2 * number, 2 * number + 1] {
            self.call("GET", READS[usize::try_from(at).unwrap() % READS.len()], &[], &Value::Null).await;
        }
    }

    /// Somebody counts something; now and then it is sent twice.
    async fn counted(&mut self, number: u32) {
        let body = json!({ "counted": number.to_string(), "time": self.clock.now().to_string() }).to_string();
        let signature = format!("sha256={}", sign(&self.custom, body.as_bytes()));
        let times = if number.is_multiple_of(25) { 2 } else { 1 };
        for time in 1..=times {
            let sent =
                self.connector.post(COUNTED, &[("x-signature", signature.as_str())], body.clone()).await;
            assert_eq!(sent.status, 200, "{}", sent.text);
            let receipt: Value = serde_json::from_str(&sent.text).unwrap();
            let is_new = self.tally.received.insert(receipt["event_id"].as_str().unwrap().to_owned());
            assert_eq!(is_new, time == 1, "{receipt}");
        }
    }

    /// A person moves stock, and Zoho reports it.
    async fn item_changes(&mut self, number: u32) {
        let item = &self.items[usize::try_from(number / 15).unwrap() % self.items.len()];
        let sent = self.connector.zoho.sandbox.change_item(item, ItemChange::Stock(1.0)).await.unwrap();
        assert_eq!((sent.len(), sent[0].status), (1, Some(200)), "{sent:?}");
        let receipt: Value = serde_json::from_str(&sent[0].answer).unwrap();
        let is_new = self.tally.received.insert(receipt["event_id"].as_str().unwrap().to_owned());
        assert!(is_new, "{receipt}");
    }

    /// A person moves a deal. Of every fourth one, Zoho says nothing: it has to be found.
    async fn deal_changes(&mut self, number: u32) {
        let turn = usize::try_from(number / 45).unwrap();
        let deal = &self.deals[turn % self.deals.len()];
        let sandbox = &self.connector.zoho.sandbox;
        let is_told = !turn.is_multiple_of(4);
        sandbox.switches(|switches| switches.deliver_notifications = is_told);
        let stage = if (turn / self.deals.len()).is_multiple_of(2) { "Closed Won" } else { "Qualification" };
        assert!(sandbox.change_deal(deal, json!({ "Stage": stage })), "{deal}");
        sandbox.flush().await;
        sandbox.switches(|switches| switches.deliver_notifications = true);
        *self.tally.changed.entry(format!("deal/{deal}")).or_default() += 1;
    }

    /// An order is made; every third one is sent again, as after a lost answer.
    async fn order(&mut self, number: u32) {
        let key = format!("soak-{number}");
        let headers = [("idempotency-key", key.as_str())];
        let body = json!({
            "customer": "Harbor Interiors GmbH",
            "line_items": [{ "sku": "SHELF-OAK-80", "quantity": number % 7 + 1 }],
            "notes": format!("Order {number}"),
        });
        let made = self.call("POST", ORDERS, &headers, &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        self.tally.orders += 1;
        if number % 90 == 11 {
            let again = self.call("POST", ORDERS, &headers, &body).await;
            assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &made.body));
        }
    }

    /// Some items are counted and compared, and nothing is written.
    async fn reconcile(&mut self, number: u32) {
        let counts = json!([
            { "sku": "SHELF-OAK-80", "quantity": 30 }, { "sku": "BRKT-STD", "quantity": number % 50 },
        ]);
        let body = json!({ "name": format!("Count {number}"), "location": "Main", "counts": counts });
        let mut answer = self.call("POST", "/v1/inventory/reconciliations", &[], &body).await;
        for _ in 0..50 {
            let Some(next) = answer.body["next"].as_str().filter(|_| answer.status == 202).map(str::to_owned)
            else {
                break;
            };
            answer = self.call("POST", &next, &[], &Value::Null).await;
        }
        assert_eq!(answer.body["state"], "compared", "{}", answer.body);
        self.tally.counts += 1;
    }

    /// A key is made, used and revoked, and is dead within a minute.
    async fn keys(&mut self) {
        let other = self.connector.agent(&[]).await;
        other.get("/v1/status").await.ok();
        let id = other.key.split('_').nth(1).unwrap();
        let revoked = self.connector.run(&["keys", "revoke", id, "--yes"], "").await;
        assert_eq!(revoked.code, 0, "{}", revoked.err);
        self.advance(Duration::from_secs(61));
        other.get("/v1/status").await.problem("key_invalid");
        self.tally.keys += 1;
    }

    /// The agent claims and acknowledges, or is ended in the middle of it.
    async fn work(&mut self, ends_early: bool) {
        let (limit, seconds) = if ends_early { (1, 60) } else { (20, 3600) };
        let asked = json!({ "limit": limit, "seconds": seconds });
        let claimed = self.call("POST", "/v1/events/claim", &[], &asked).await.body;
        let entries = claimed["data"].as_array().unwrap();
        let ids: Vec<&str> = entries.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
        for id in &ids {
            assert!(!self.tally.done.contains(*id), "{id} was done with, and is claimed again: {claimed}");
        }
        if ends_early {
            self.tally.left += u64::try_from(ids.len()).unwrap();
            return;
        }
        if ids.is_empty() {
            return;
        }
        let ack = json!({ "ids": ids, "outcome": "done", "claim": claimed["claim"] });
        let acked = self.call("POST", "/v1/events/ack", &[], &ack).await.body;
        assert!(acked["data"].as_array().unwrap().iter().all(|one| one["state"] == "done"), "{acked}");
        for entry in entries {
            self.finish(entry);
        }
    }

    fn finish(&mut self, entry: &Value) {
        let (id, kind) = (entry["id"].as_str().unwrap(), entry["type"].as_str().unwrap());
        assert!(self.tally.done.insert(id.to_owned()), "twice: {entry}");
        if kind.starts_with("connector.") {
            self.tally.notices.push(kind.to_owned());
        } else if kind.starts_with("zoho.crm.deal.") {
            let subject = entry["subject"].as_str().unwrap().to_owned();
            let done = self.tally.deals_done.entry(subject).or_default();
            *done += 1;
            let subject = entry["subject"].as_str().unwrap();
            assert!(
                *done <= self.tally.changed.get(subject).copied().unwrap_or_default(),
                "doubled: {entry}"
            );
        } else {
            assert!(self.tally.received.contains(id), "nobody sent this: {entry}");
        }
    }

    /// What happened and was not acknowledged.
    fn missing(&self) -> Vec<String> {
        let Tally { received, done, changed, deals_done, .. } = &self.tally;
        let events = received.difference(done).cloned();
        let deals = changed.iter().filter(|(deal, count)| deals_done.get(*deal) != Some(*count));
        events.chain(deals.map(|(deal, count)| format!("{deal}: {count} changes"))).collect()
    }

    fn sample(&self) -> Sample {
        Sample::take(self.server.pid(), self.connector.folder())
    }

    fn row(&self, day: u32, sample: &Sample) {
        let Tally { calls, received, changed, done, orders, retried, .. } = &self.tally;
        let happened = received.len() + usize::try_from(changed.values().sum::<u32>()).unwrap();
        println!(
            "| {day} | {} | {} | {} | {calls} | {retried} | {happened} | {} | {orders} | {} | {} |",
            sample.memory,
            sample.files,
            sample.store / 1024,
            done.len(),
            self.connector.zoho.sandbox.minted(),
            self.gateway.runs().len(),
        );
    }
}

/// The last tenth against the second: what is not used up grows by no more than a twentieth.
fn is_flat(what: &str, days: u32, values: impl Iterator<Item = u64>) {
    let values: Vec<f64> = values.map(|value| f64::from(u32::try_from(value).unwrap())).collect();
    let part = values.len() / 10;
    let mean = |tenth: usize| {
        let of: Vec<f64> = values.iter().copied().skip(tenth * part).take(part).collect();
        of.iter().sum::<f64>() / f64::from(u32::try_from(of.len().max(1)).unwrap())
    };
    let (second, last) = (mean(1), mean(9));
    println!(
        "{what}: {second:.1} in the second tenth, {last:.1} in the last: {:+.1} %",
        (last / second - 1.0) * 100.0
    );
    if days >= MIN_DAYS_TO_JUDGE {
        assert!(last <= second * 1.05, "{what} grows");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes a quarter of an hour"]
async fn a_month_of_serve_loses_nothing_doubles_nothing_and_grows_by_nothing() {
    let days: u32 = std::env::var("SOAK_DAYS").map_or(30, |text| text.parse().expect("a number"));
    let mut soak = Soak::start().await;
    let orders = soak.connector.zoho.sandbox.salesorders().len();
    println!(
        "| day | RSS KiB | files | store KiB | calls | told to come again | events | acknowledged | orders | tokens | turns |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let (begun, mut samples) = (Instant::now(), Vec::new());
    let before = if days >= MIN_DAYS_TO_JUDGE { WEEK } else { 0 };
    for number in 0..(before + days) * STEPS_A_DAY {
        soak.advance(STEP);
        let moved = Instant::now();
        soak.step(number).await;
        if number >= before * STEPS_A_DAY && number.is_multiple_of(SAMPLED) {
            samples.push(soak.sample());
        }
        if number % STEPS_A_DAY == STEPS_A_DAY - 1 {
            soak.row(number / STEPS_A_DAY + 1, &soak.sample());
        }
        sleep_until((begun + PACE * (number + 1)).max(moved + STANDS).into()).await;
    }
    for _ in 0..LAST_STEPS {
        if soak.missing().is_empty() {
            break;
        }
        soak.advance(STEP);
        soak.work(false).await;
        sleep(PACE).await;
    }
    // What would come twice has the time to.
    for _ in 0..60 {
        soak.advance(STEP);
        soak.work(false).await;
        sleep(PACE).await;
    }
    soak.row(before + days, &soak.sample());

    let Tally { left, keys, counts, notices, orders: made, .. } = &soak.tally;
    println!(
        "{days} days and {before} before them in {:.0?}; {left} claims were left to end, {keys} keys came and went, {counts} times was counted; the connector's own events: {notices:?}",
        begun.elapsed()
    );
    let log = soak.log.lock().unwrap().clone();
    println!("{} lines of errors in the log; the first:", log.lines().count());
    log.lines().take(10).for_each(|line| println!("{line}"));
    assert_eq!(soak.missing(), Vec::<String>::new(), "nothing is lost");
    assert_eq!(soak.connector.zoho.sandbox.salesorders().len() - orders, *made, "each order is there once");
    let tokens = soak.connector.zoho.sandbox.minted();
    let hours = usize::try_from((before + days) * 24).unwrap();
    assert!((hours..hours * 3).contains(&tokens), "a token is renewed in time: {tokens} in {hours} hours");
    let runs = soak.gateway.runs();
    let keys: BTreeSet<&str> = runs.iter().map(|run| run.key.as_str()).collect();
    assert!(!runs.is_empty() && keys.len() == runs.len(), "each message begins one turn");
    is_flat("RSS KiB", days, samples.iter().map(|sample| sample.memory));
    is_flat("files", days, samples.iter().map(|sample| sample.files));

    let Soak { server, log, .. } = soak;
    assert_eq!(server.terminate().await, 0);
    let log = log.lock().unwrap().clone();
    assert!(!log.contains("panicked"), "{log}");
}
