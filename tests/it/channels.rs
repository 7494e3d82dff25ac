//! CRM's channels on simulated time: made, renewed before their end, lost and made anew; and a day of one with every kind of
//! outage, after which no change was missed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use event_delivery::EventDelivery;
use sandbox::{Fault, FaultKind, Options};
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::connection::orders::Order;
use shared::core::connection::token_refresh::Reply;
use shared::core::events::subscription;
use shared::core::events::subscription::{Channel, Subscription};
use shared::core::events::webhook_secrets::set_channel;
use shared::core::events::{Event, Events};
use tests::inside::Inside;
use tests::simulation::random::Random;

const ID: &str = "1790000000000000001";

/// The functions, Zoho, and the address at which CRM is told to post.
struct Scene {
    inside: Inside,
    open: Arc<AtomicBool>,
    url: String,
}

impl Scene {
    async fn start(options: Options) -> Self {
        let inside = Inside::with(options).await;
        inside.connect().await;
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/webhooks/default/crm", listener.local_addr().unwrap());
        let open = Arc::new(AtomicBool::new(true));
        let is_open = open.clone();
        let door = from_fn(move |request, next: Next| {
            let is_open = is_open.clone();
            async move {
                match is_open.load(Ordering::SeqCst) {
                    true => next.run(request).await,
                    false => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                }
            }
        });
        let router = webhook_intake::router(&inside.services_of("webhook-intake")).layer(door);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inside, open, url }
    }

    /// As the operator sets it up.
    async fn set(&self, modules: &[&str]) -> Reply {
        let (name, stores) = (ConnectionName::default(), &self.inside.services.stores);
        let stored = subscription::get(&*stores.state, &name).await.unwrap();
        let channel = stored.as_ref().and_then(|stored| stored.watch.channel.clone());
        if channel.is_none() {
            set_channel(&*stores.secrets, &name, ID, Secret::new("t0ken-of-the-channel")).await.unwrap();
        }
        let watch = Subscription {
            crm: modules.iter().map(|module| (*module).to_owned()).collect(),
            channel: Some(channel.unwrap_or_else(|| Channel::new(ID.to_owned(), self.url.clone()))),
            ..Subscription::new(name.clone(), self.now())
        };
        assert!(subscription::put(&*stores.state, &watch, stored.as_ref()).await.unwrap());
        self.inside.order(&Order::Watch { connection: name }).await
    }

    fn now(&self) -> Timestamp {
        self.inside.services.clock.now()
    }

    async fn channel(&self) -> Channel {
        let found =
            subscription::get(&*self.inside.services.stores.state, &ConnectionName::default()).await.unwrap();
        found.unwrap().watch.channel.unwrap()
    }

    /// Lets time pass, then both schedules come.
    async fn after(&self, minutes: u64) {
        self.inside.zoho.sandbox.flush().await;
        self.inside.advance(Duration::from_secs(60 * minutes));
        self.inside.tick().await;
        self.sweep().await;
    }

    async fn sweep(&self) {
        let function = EventDelivery::new(
            &self.inside.services_of("event-delivery"),
            Arc::new(self.inside.token_refresh.clone()),
        );
        let swept = function.sweep(&BTreeSet::new()).await.unwrap();
        assert_eq!(swept.failed, 0, "{swept:?}");
    }

    /// All that is stored, in the order of arrival.
    async fn events(&self) -> Vec<Event> {
        let events =
            Events::new(self.inside.services.stores.events.clone(), self.inside.services.clock.clone());
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = events.list(&ConnectionName::default(), after, 200).await.unwrap();
            all.extend(page);
            match next {
                Some(next) => after = Some(next),
                None => return all,
            }
        }
    }

    async fn of_kind(&self, kind: &str) -> Vec<Event> {
        self.events().await.into_iter().filter(|event| event.kind == kind).collect()
    }

    fn calls(&self, method: &str) -> usize {
        let requests = self.inside.zoho.sandbox.requests();
        let is_one = |path: &str| path.ends_with("/actions/watch");
        requests.iter().filter(|request| request.method == method && is_one(&request.path)).count()
    }
}

fn minutes(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_mins()
}

here_and_on_aws! {
    async fn a_channel_is_made_renewed_changed_and_ended() {
        let scene = Scene::start(Options::new("")).await;
        scene
            .inside
            .zoho
            .sandbox
            .switches(|switches| switches.crm_longest_channel = Duration::from_secs(7 * 86_400));
        let begun = scene.now();
        let Reply::Watching { expires: Some(expires) } = scene.set(&["Deals"]).await else { panic!() };
        assert_eq!(minutes(begun, expires), 6 * 24 * 60 - 1, "what was asked for was granted, to the second");
        assert_eq!(scene.inside.zoho.sandbox.channels(), [ID]);

        // Nothing is due for an hour; then it is renewed as a whole, and goes on from then.
        for _ in 0..11 {
            scene.after(5).await;
        }
        assert_eq!((scene.calls("POST"), scene.calls("PUT")), (1, 0));
        for _ in 0..13 {
            scene.after(5).await;
        }
        assert_eq!((scene.calls("POST"), scene.calls("PUT")), (1, 2));
        assert!(minutes(begun, scene.channel().await.expires.unwrap()) > 6 * 24 * 60 + 100);

        // A grant of an hour is renewed at its half.
        scene.inside.zoho.sandbox.switches(|switches| switches.crm_longest_channel = Duration::from_secs(60));
        for _ in 0..24 {
            scene.after(5).await;
            let channel = scene.channel().await;
            assert!(channel.is_live(scene.now()), "{channel:?}");
        }
        assert!((4..=6).contains(&scene.calls("PUT")), "{}", scene.calls("PUT"));
        assert!(scene.of_kind("connector.channel_lost").await.is_empty());

        // What is wanted can change, and the channel with it; and nothing can be wanted.
        let Reply::Watching { expires: Some(_) } = scene.set(&["Contacts"]).await else { panic!() };
        assert!(scene.inside.zoho.sandbox.change_deal("6100000000451001", json!({ "Next_Step": "x" })));
        scene.inside.zoho.sandbox.flush().await;
        assert!(scene.inside.zoho.sandbox.delivered().is_empty(), "of deals nothing more is told");
        assert_eq!(scene.set(&[]).await, Reply::Watching { expires: None });
        assert!(scene.inside.zoho.sandbox.channels().is_empty());
    }
}

#[tokio::test]
async fn a_lost_channel_is_made_anew_and_what_it_did_not_tell_is_found() {
    for status in [202, 400] {
        let scene = Scene::start(Options::new("")).await;
        let sandbox = &scene.inside.zoho.sandbox;
        sandbox.switches(|switches| switches.crm_not_subscribed_status = status);
        scene.set(&["Deals"]).await;
        scene.after(5).await;
        sandbox.lose_channels();
        assert!(sandbox.change_deal("6100000000451001", json!({ "Next_Step": "lost" })));
        assert!(sandbox.delete_deal("6100000000451002"));
        for _ in 0..13 {
            scene.after(5).await;
        }
        assert_eq!(sandbox.channels(), [ID]);
        let told = scene.of_kind("connector.channel_lost").await;
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(
            (told.subject.as_deref(), &told.data["restored"]),
            (Some(&*format!("channel/{ID}")), &json!(true))
        );
        assert!(told.data["notice"].as_str().unwrap().contains("made anew"), "{told:?}");
        let channel = scene.channel().await;
        assert!(channel.restored.is_some() && channel.lost.is_none(), "{channel:?}");
        for (kind, subject) in [("updated", "deal/6100000000451001"), ("deleted", "deal/6100000000451002")] {
            let found = scene.of_kind(&format!("zoho.crm.deal.{kind}")).await;
            let [found] = found.as_slice() else { panic!("{kind}: {found:?}") };
            assert_eq!((found.subject.as_deref(), &found.data["found_by"]), (Some(subject), &json!("sweep")));
        }
    }
}

#[tokio::test]
async fn a_channel_that_ends_while_zoho_is_away_is_told_of_once() {
    let scene = Scene::start(Options::new("")).await;
    let sandbox = &scene.inside.zoho.sandbox;
    sandbox.switches(|switches| switches.crm_longest_channel = Duration::from_secs(60));
    scene.set(&["Deals"]).await;
    let kind = FaultKind::Status(503);
    sandbox.inject(Fault { path_contains: "/crm/".to_owned(), times: 100_000, kind });
    for _ in 0..36 {
        scene.after(5).await;
    }
    let told = scene.of_kind("connector.channel_lost").await;
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(told.data["restored"], false);
    assert!(scene.channel().await.lost.is_some());
    sandbox.clear_faults();
    scene.after(5).await;
    assert_eq!(sandbox.channels(), [ID]);
    assert_eq!(scene.of_kind("connector.channel_lost").await.len(), 1);
    assert!(scene.channel().await.is_live(scene.now()));
}

#[tokio::test]
async fn what_crm_refuses_is_said_and_asked_again_every_hour_only() {
    let scene = Scene::start(Options::new("")).await;
    let reply = scene.set(&["Nothing_Of_That_Name"]).await;
    let Reply::NotWatching { reason } = reply else { panic!("{reply:?}") };
    assert!(reason.starts_with("CRM says "), "{reason}");
    let refused = scene.calls("POST");
    for _ in 0..11 {
        scene.after(5).await;
    }
    assert_eq!(scene.calls("POST"), refused);
    scene.after(10).await;
    assert_eq!(scene.calls("POST"), refused + 1);
    // Once it is mended it works at once.
    let Reply::Watching { expires: Some(_) } = scene.set(&["Deals"]).await else { panic!() };
}

/// What is not wanted any more ends, also where nobody can tell Zoho so: by itself.
#[tokio::test]
async fn a_channel_of_a_dead_connection_is_over_once_it_has_ended_by_itself() {
    let scene = Scene::start(Options::new("")).await;
    scene.inside.zoho.sandbox.switches(|switches| switches.crm_longest_channel = Duration::from_secs(60));
    scene.set(&["Deals"]).await;
    scene.inside.zoho.sandbox.revoke_user_grants();
    scene.inside.advance(Duration::from_secs(70 * 60));
    scene.inside.tick().await;
    assert_eq!(scene.set(&[]).await, Reply::Watching { expires: None });
    let stored =
        subscription::get(&*scene.inside.services.stores.state, &ConnectionName::default()).await.unwrap();
    assert!(stored.unwrap().watch.channel.is_none());
}

/// A change that Zoho made, and when by its own `Modified_Time`.
type Changes = BTreeMap<String, Vec<(Timestamp, bool)>>;

/// What happens in CRM within five minutes.
async fn live(scene: &Scene, random: &Random, changes: &mut Changes) {
    let sandbox = &scene.inside.zoho.sandbox;
    let second = |scene: &Scene| Timestamp::from_second(scene.now().as_second()).unwrap();
    for _ in 0..random.between(0, 5) {
        let deals = sandbox.deals();
        let any = || {
            deals[usize::try_from(random.number()).unwrap_or_default() % deals.len()]["id"].as_str().unwrap()
        };
        let before = second(scene);
        let (ids, gone): (Vec<String>, bool) = match random.between(0, 40) {
            0..=4 => (
                sandbox
                    .insert_record("Deals", json!({ "Deal_Name": "New", "Stage": "Qualification" }))
                    .into_iter()
                    .collect(),
                false,
            ),
            5..=9 => {
                let id = any().to_owned();
                assert!(sandbox.delete_deal(&id));
                (vec![id], true)
            }
            10 => {
                // More than a page, within one second.
                let ids: Vec<&str> = deals.iter().filter_map(|deal| deal["id"].as_str()).take(250).collect();
                sandbox.update_records("Deals", &ids, &json!({ "Next_Step": random.number().to_string() }));
                (ids.into_iter().map(str::to_owned).collect(), false)
            }
            _ => {
                let id = any().to_owned();
                assert!(sandbox.change_deal(&id, json!({ "Next_Step": random.number().to_string() })));
                (vec![id], false)
            }
        };
        for id in ids {
            changes.entry(id).or_default().push((before, gone));
        }
        // A delivery takes no simulated time: one that took longer than events need to settle would be behind the queue.
        sandbox.flush().await;
        scene.inside.advance(random.seconds(0, 40));
    }
}

/// Something goes wrong, or is right again.
fn trouble(scene: &Scene, random: &Random) {
    let sandbox = &scene.inside.zoho.sandbox;
    match random.between(0, 59) {
        0 => scene.open.store(false, Ordering::SeqCst),
        1..=3 => scene.open.store(true, Ordering::SeqCst),
        4 => sandbox.switches(|switches| switches.deliver_notifications = false),
        5..=7 => sandbox.switches(|switches| switches.deliver_notifications = true),
        8 | 9 => sandbox.lose_channels(),
        10 => {
            let kind = random.pick(&[0, 1, 2]);
            let kind = [FaultKind::Status(503), FaultKind::ResetAfter, FaultKind::Html200]
                .into_iter()
                .nth(kind)
                .unwrap();
            sandbox.inject(Fault { path_contains: "/crm/".to_owned(), times: 200, kind });
        }
        11..=13 => sandbox.clear_faults(),
        14 => sandbox.expire_access_tokens(),
        15 => sandbox.switches(|switches| switches.crm_longest_channel = Duration::from_secs(60)),
        16 => sandbox.switches(|switches| switches.crm_longest_channel = Duration::from_secs(7 * 24 * 3600)),
        _ => {}
    }
}

/// Ids of deals and the times of the notifications that were taken.
fn told(scene: &Scene) -> Vec<(String, Timestamp, bool)> {
    let mut told = Vec::new();
    for delivered in scene.inside.zoho.sandbox.delivered() {
        if delivered.status == Some(200) {
            let body: Value = serde_json::from_str(&delivered.body).unwrap();
            let at = Timestamp::from_millisecond(body["server_time"].as_i64().unwrap()).unwrap();
            let ids = body["ids"].as_array().unwrap().iter();
            told.extend(ids.map(|id| (id.as_str().unwrap().to_owned(), at, body["operation"] == "delete")));
        }
    }
    told
}

async fn a_day(seed: u64) -> String {
    let random = Random::new(seed);
    let scene = Scene::start(Options { extra_deals: 300, ..Options::new("") }).await;
    let sandbox = &scene.inside.zoho.sandbox;
    scene.set(&["Deals"]).await;
    let mut changes = Changes::new();
    for _ in 0..24 * 12 {
        trouble(&scene, &random);
        live(&scene, &random, &mut changes).await;
        scene.after(5).await;
    }
    // All is well again, and the schedules come for as long as a sweep may wait.
    scene.open.store(true, Ordering::SeqCst);
    sandbox.clear_faults();
    sandbox.switches(|switches| switches.deliver_notifications = true);
    for _ in 0..14 {
        scene.after(5).await;
    }

    let (events, told) = (scene.events().await, told(&scene));
    let mut known = BTreeMap::<String, Vec<(Timestamp, bool)>>::new();
    let mut found = BTreeSet::new();
    let mut losses = 0;
    for event in &events {
        losses += usize::from(event.kind == "connector.channel_lost");
        let (at, gone) = (event.time.parse::<Timestamp>().unwrap(), event.kind.ends_with(".deleted"));
        for id in event.data["ids"].as_array().into_iter().flatten() {
            let id = id.as_str().unwrap().to_owned();
            if event.data["found_by"] == "sweep" {
                assert!(found.insert((id.clone(), at, gone)), "{id} was found twice at {at}");
                // What was told later may well have been of another change.
                let was_told = told.iter().any(|(other, when, was)| {
                    *other == id && (at..event.receivedtime).contains(when) && (*was || !gone)
                });
                assert!(!was_told, "seed {seed}: {id} at {at} had been told, but was found as {}", event.id);
            }
            known.entry(id).or_default().push((at, gone));
        }
    }
    let mut count = 0;
    for (id, changes) in &changes {
        let known = known.get(id).map_or(&[][..], Vec::as_slice);
        for (at, gone) in changes {
            count += 1;
            let is_known = known.iter().any(|(when, was)| when >= at && (*was || !gone));
            assert!(is_known, "seed {seed}: {id} changed at {at} (gone: {gone}), known: {known:?}");
        }
    }
    assert!(count > 300 && !found.is_empty() && losses > 0, "too quiet a day");
    format!(
        "seed {seed}: {count} changes of {} deals, {} told, {} found, {losses} channels lost",
        changes.len(),
        told.len(),
        found.len()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_with_outages_misses_no_change() {
    let days = std::env::var("CHANNEL_DAYS").map_or(1, |text| text.parse().expect("a number"));
    for seed in 0..days {
        println!("{}", a_day(seed).await);
    }
}
