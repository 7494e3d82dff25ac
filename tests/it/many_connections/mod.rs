//! Hundreds of connections, on simulated time and with AWS's limits: that every token is renewed in time, what a sweep takes, and how
//! long an event of a million a day is on its way. `MANY_CONNECTIONS=2000` is a crowd; with `--nocapture` the figures are shown.

#![expect(clippy::print_stdout, reason = "the figures are for reading")]

mod aws;
mod zoho;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_delivery::{EventDelivery, Trigger};
use futures::future::join;
use serde::Serialize;
use serde_json::json;
use shared::base::background::Background;
use shared::base::clock::{SharedClock, SignedDuration, Timestamp, TokioClock, later};
use shared::base::id::ConnectionName;
use shared::base::settings::Settings;
use shared::core::connection;
use shared::core::connection::organization::Organization;
use shared::core::connection::token_refresh::Reply;
use shared::core::events::subscription::{Channel, Subscription};
use shared::core::events::{Delivery, Events};
use shared::core::grant::Grant;
use shared::core::grant::client::Client;
use shared::core::services::Services;
use shared::store::secret_record::text;
use shared::store::{Condition, Key, Put, Write};
use shared::zoho::data_centre::{DataCentre, DataCentres};
use shared::zoho::http::Http;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::scope::{Access, Product, ScopeSet};
use shared::zoho::secrets::{ClientSecret, RefreshToken};
use tests::connector::CLIENT_ID;
use tests::dice::Dice;
use tests::planted;
use token_refresh::{Local, Task, TokenRefresh};
use tokio::time::{Instant, sleep};

use aws::{Aws, Meter};
use zoho::{Line, ManyOrganizations};

fn many() -> usize {
    std::env::var("MANY_CONNECTIONS").map_or(400, |text| text.parse().expect("a number"))
}

/// Functions, and what they stand on.
struct World {
    aws: Arc<Aws>,
    zoho: Arc<ManyOrganizations>,
    services: Services,
    names: Vec<ConnectionName>,
}

impl World {
    /// So many connections, each of an organisation of its own, that watch deals and items. No token is there yet.
    fn new(connections: usize) -> Self {
        let start: Timestamp = "2026-11-30T10:00:00Z".parse().unwrap();
        let clock: SharedClock = Arc::new(TokioClock::starting_at(start));
        let (aws, zoho) = (Aws::new(clock.clone()), Arc::<ManyOrganizations>::default());
        let services = Services {
            settings: Arc::new(Settings::read(|_| None).unwrap()),
            clock,
            stores: aws.stores(),
            token_refresh: None,
            http: Http::over(Line(zoho.clone())),
            centres: DataCentres::new(None),
            background: Background::default(),
            operator: None,
        };
        let names = planted::names(connections);
        let world = Self { aws, zoho, services, names };
        world.plant_client();
        world.names.iter().enumerate().for_each(|(number, name)| world.plant(number, name));
        world
    }

    fn now(&self) -> Timestamp {
        self.services.clock.now()
    }

    fn plant_secret(&self, name: &str, value: &impl Serialize) {
        let value = text(value).unwrap();
        let version = self.aws.kept().stage(name, value.expose().to_owned(), self.now());
        assert!(self.aws.kept().promote(name, version, None));
    }

    fn plant_client(&self) {
        let client = Client {
            id: CLIENT_ID.to_owned(),
            home: DataCentre::Eu,
            secret: ClientSecret::new("secret"),
            secrets: Vec::new(),
        };
        self.plant_secret("client", &[client]);
    }

    fn plant(&self, number: usize, name: &ConnectionName) {
        let organization = |id: usize| {
            Some(Organization { id: id.to_string(), name: name.to_string(), ..Organization::default() })
        };
        let grant = Grant {
            refresh_token: RefreshToken::new(format!("1000.{number:032x}")),
            generation: 1,
            client_id: CLIENT_ID.to_owned(),
            home: DataCentre::Eu,
            data_centre: DataCentre::Eu,
            scopes: ScopeSet::of(&Product::ALL, Access::Write),
            organization: organization(20_000_000_000 + number),
            crm_organization: organization(60_000_000_000 + number),
            user: None,
            connected_at: self.now(),
            chosen: None,
        };
        self.plant_secret(&Grant::secret_name(name), &grant);
        let mut channel = Channel::new(number.to_string(), "https://example.com/hook".to_owned());
        channel.confirmed = Some(self.now());
        channel.expires = Some(later(self.now(), SignedDuration::from_hours(7 * 24)));
        let watch = Subscription {
            crm: vec!["Deals".to_owned()],
            inventory: RecordKind::of_word("item").into_iter().collect(),
            channel: Some(channel),
            inventory_tells: true,
            ..Subscription::new(name.clone(), self.now())
        };
        let watch = Put::record(Key::new("watch", name.as_str()), &watch, Condition::Absent).unwrap();
        let rows = [grant.connection(name.clone()).row().unwrap(), watch].map(Write::Put);
        for row in rows {
            assert!(self.aws.kept().transact("state", &[row], self.now()).is_done());
        }
    }

    /// A scheduled run of token-refresh, in a process of its own; what it took.
    async fn tick(&self) -> (Reply, Duration) {
        let begun = Instant::now();
        let reply = TokenRefresh::new(&self.services).perform(Task::Tick).await.unwrap();
        (reply, begun.elapsed())
    }

    fn delivery(&self) -> EventDelivery {
        EventDelivery::new(&self.services, Arc::new(Local::new(&self.services)))
    }

    /// Of all tokens, which ends first, and when.
    async fn first_end(&self) -> Option<Timestamp> {
        let all = connection::list(&*self.services.stores.state).await.unwrap();
        assert_eq!(all.len(), self.names.len(), "all of them are listed");
        // None comes before any time.
        all.into_iter().map(|found| found.token_expires).min().unwrap()
    }
}

fn told(what: &str, took: Duration, meter: &Meter) {
    let Meter { read_units, write_units, throttled, calls, .. } = meter;
    println!(
        "{what}: {:.1} s, {read_units} read units, {write_units} write units, {throttled} throttled, {calls:?}",
        took.as_secs_f64()
    );
}

/// All of them are connected in one moment, which is the worst that can be.
#[tokio::test(start_paused = true)]
async fn all_tokens_are_renewed_in_time() {
    let world = World::new(many());
    let start = Instant::now();
    for tick in 0..=18 {
        sleep(Duration::from_secs(tick * 300) - start.elapsed()).await;
        if tick > 1 {
            let first = world.first_end().await;
            assert!(first > Some(world.now()), "tick {tick}: a token ended at {first:?}");
        }
        world.aws.take_meter();
        let (reply, took) = world.tick().await;
        let Reply::Ticked { renewed, failed } = reply else { panic!("{reply:?}") };
        told(&format!("tick {tick}: {renewed} renewed"), took, &world.aws.take_meter());
        assert_eq!(failed, 0, "tick {tick}");
        assert!(took < Duration::from_secs(60), "tick {tick}: {took:?}, and the function ends after 60 s");
    }
}

/// An hour of sweeps in which nothing happens.
#[tokio::test(start_paused = true)]
async fn a_sweep_looks_after_all_connections() {
    let world = World::new(many());
    while world.first_end().await.is_none() {
        world.tick().await;
    }
    let delivery = world.delivery();
    let begun = Instant::now();
    let mut polls = Vec::new();
    for minute in 0..=65_u64 {
        sleep((Duration::from_secs(minute * 60)).saturating_sub(begun.elapsed())).await;
        if minute % 5 == 0 {
            world.tick().await;
        }
        world.aws.take_meter();
        let calls = world.zoho.calls.load(Ordering::Relaxed);
        let swept_at = Instant::now();
        let swept = delivery.sweep(&BTreeSet::new()).await.unwrap();
        let took = swept_at.elapsed();
        assert_eq!(swept.failed, 0, "minute {minute}: {swept:?}");
        assert!(took < Duration::from_secs(45), "minute {minute}: {took:?}");
        let calls = world.zoho.calls.load(Ordering::Relaxed) - calls;
        polls.push(calls);
        if minute % 8 == 0 {
            told(&format!("minute {minute}: {calls} calls to Zoho"), took, &world.aws.take_meter());
        }
    }
    let all: u64 = polls.iter().sum();
    // Deals take two calls: changed, and deleted.
    let lists = u64::try_from(3 * many()).unwrap();
    assert!(all >= lists, "in an hour each list is polled once: {all} of {lists}");
}

/// A million events in a day come to one shard of the stream, which has one batch at a time.
#[tokio::test(start_paused = true)]
async fn an_event_of_a_million_a_day_is_soon_in_the_queue() {
    const EVENTS: usize = 3500;
    let gap = Duration::from_secs(24 * 3600) / 1_000_000;
    let world = World::new(many());
    while world.first_end().await.is_none() {
        world.tick().await;
    }
    world.aws.take_meter();
    let intake = Events::new(world.services.stores.events.clone(), world.services.clock.clone());
    let came = Mutex::new(BTreeMap::<String, (ConnectionName, Timestamp)>::new());
    let fresh = Mutex::new(Vec::<(ConnectionName, Timestamp)>::new());
    let arrive = async {
        let mut dice = Dice(1);
        for number in 0..EVENTS {
            sleep(gap).await;
            let name = world.names[dice.below(many())].clone();
            let delivery = event(number, &name, world.now());
            let (at, receipt) = (world.now(), intake.store(delivery).await.unwrap());
            came.lock().unwrap().insert(receipt.event_id, (name.clone(), at));
            fresh.lock().unwrap().push((name, at));
        }
    };
    // The batches of a stream, as the template asks for them.
    let deliver = async {
        let delivery = world.delivery();
        let mut served = 0;
        while served < EVENTS {
            let begun = Instant::now();
            while fresh.lock().unwrap().is_empty() {
                sleep(Duration::from_millis(100)).await;
            }
            while fresh.lock().unwrap().len() < 1000 && begun.elapsed() < Duration::from_secs(15) {
                sleep(Duration::from_millis(100)).await;
            }
            let batch: Vec<_> = {
                let mut fresh = fresh.lock().unwrap();
                let count = fresh.len().min(1000);
                fresh.drain(..count).collect()
            };
            served += batch.len();
            let newest = batch.iter().map(|(_, at)| *at).max();
            let connections = batch.into_iter().map(|(name, _)| name).collect();
            let swept = delivery.handle(Trigger { connections, newest }).await.unwrap();
            assert_eq!(swept.failed, 0, "{swept:?}");
        }
    };
    let schedule = async {
        loop {
            sleep(Duration::from_secs(60)).await;
            world.delivery().sweep(&BTreeSet::new()).await.unwrap();
        }
    };
    let begun = Instant::now();
    tokio::select! {
        _ = join(arrive, deliver) => {}
        () = schedule => unreachable!("it goes on"),
    }
    let meter = world.aws.take_meter();
    told("a million a day", begun.elapsed(), &meter);
    let each =
        |units: u64| f64::from(u32::try_from(units).unwrap()) / f64::from(u32::try_from(EVENTS).unwrap());
    // With the sweeps of that time, which cost the same without events.
    println!("units an event: {:.2} read, {:.2} written", each(meter.read_units), each(meter.write_units));
    let mut delays: Vec<i64> = came
        .lock()
        .unwrap()
        .iter()
        .map(|(id, (name, at))| {
            let queued = meter.queued.get(id).unwrap_or_else(|| panic!("{id} of {name} is not queued"));
            queued.duration_since(*at).as_secs()
        })
        .collect();
    delays.sort_unstable();
    let part = |of: usize| delays[(delays.len() - 1) * of / 100];
    println!("seconds from arrival to the queue: p50 {}, p99 {}, most {}", part(50), part(99), part(100));
    assert!(part(100) <= 60, "{}", part(100));
}

/// CRM tells of a deal, or Inventory of an item.
fn event(number: usize, connection: &ConnectionName, now: Timestamp) -> Delivery {
    let (source, kind, subject, data) = if number.is_multiple_of(2) {
        let data = json!({ "module": "Deals", "ids": [number.to_string()], "operation": "update" });
        ("crm", "zoho.crm.deal.updated", None, data)
    } else {
        ("inventory", "zoho.inventory.item.updated", Some(format!("item/{number}")), json!({}))
    };
    Delivery {
        connection: connection.clone(),
        source,
        digest: format!("{number:064x}"),
        kind: kind.to_owned(),
        subject,
        time: Some(later(now, SignedDuration::from_millis(-1500)).to_string()),
        data,
        body: json!({ "number": number }).to_string(),
    }
}
