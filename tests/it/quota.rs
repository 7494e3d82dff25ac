//! Zoho's quotas, shared by several processes on one store.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::Router;
use futures::future::join_all;
use sandbox::{Fault, FaultKind, Limit};
use serde_json::Value;
use shared::base::clock::{SignedDuration, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::access::key::{DayLimits, Keys, NewKey};
use shared::core::access::permission::Permission;
use tests::connector::Connector;
use tests::deployed::Deployed;
use tests::inside::Inside;
use tests::lambda::Cloud;
use tokio::time::sleep;

const ITEMS: &str = "/v1/inventory/items?per_page=1";
const DEALS: &str = "/v1/crm/deals?per_page=1";
const MINUTE: Duration = Duration::from_secs(60);

/// The calls to Inventory that Zoho refused for a limit, and those that it answered.
fn at_zoho(sandbox: &sandbox::Sandbox) -> (usize, usize) {
    let requests = sandbox.requests();
    let calls = requests.iter().filter(|request| request.path.contains("/inventory/v1/"));
    let (refused, answered): (Vec<_>, Vec<_>) = calls.partition(|request| request.status == 429);
    (refused.len(), answered.len())
}

async fn key(inside: &Inside) -> Secret {
    let keys = Keys::new(inside.services.stores.state.clone(), inside.services.clock.clone());
    let wanted = NewKey {
        label: "caller".to_owned(),
        permissions: Permission::DEFAULT.to_vec(),
        connections: vec![ConnectionName::default()],
        expires: None,
        confirm: false,
        redact_contacts: false,
        limits: DayLimits::default(),
    };
    keys.create(wanted).await.unwrap().1
}

/// What a crowd has seen.
#[derive(Default)]
struct Seen {
    answered: usize,
    /// How often someone came when told, and of these, in vain.
    returned: usize,
    in_vain: usize,
}

/// Who sleeps on the clock of the test, and until when.
struct Sleepers(Mutex<Vec<Option<Timestamp>>>);

impl Sleepers {
    async fn sleep(&self, number: usize, inside: &Inside, until: Timestamp) {
        self.0.lock().unwrap()[number] = Some(until);
        while inside.services.clock.now() < until {
            sleep(Duration::from_millis(1)).await;
        }
        self.0.lock().unwrap()[number] = None;
    }

    /// Lets time pass whenever all of them sleep.
    async fn watch(&self, inside: &Inside) {
        loop {
            sleep(Duration::from_millis(1)).await;
            let now = inside.services.clock.now();
            let first = self.0.lock().unwrap().iter().copied().min().flatten();
            if let Some(first) = first.filter(|first| *first > now) {
                inside.advance(Duration::try_from(first.duration_since(now)).unwrap());
            }
        }
    }
}

/// One who calls again as soon as it is answered, and comes again when it is told to.
async fn call(
    inside: &Inside,
    (number, sleepers): (usize, &Sleepers),
    (api, key): (Router, Secret),
    until: Timestamp,
) -> Seen {
    let (mut seen, mut told) = (Seen::default(), false);
    while inside.services.clock.now() < until {
        let (status, body) = inside.ask(api.clone(), &key, ITEMS).await;
        seen.returned += usize::from(told);
        if status == 200 {
            seen.answered += 1;
            told = false;
            continue;
        }
        assert_eq!(body["code"], "zoho_rate_limited", "{body}");
        assert!(body["zoho"].is_null(), "ours, not Zoho's: {body}");
        // A machine so slow that calls end late says nothing of the minute.
        let is_late = body["detail"].as_str().unwrap().contains("are under way");
        seen.in_vain += usize::from(told && !is_late);
        told = true;
        let seconds = i64::try_from(body["retry_after"].as_u64().unwrap()).unwrap();
        let wakes = later(inside.services.clock.now(), SignedDuration::from_secs(seconds));
        sleepers.sleep(number, inside, wakes).await;
    }
    // Nobody waits for who is done.
    sleepers.0.lock().unwrap()[number] = Some(Timestamp::MAX);
    seen
}

/// Twenty callers on two processes, for three minutes in which nobody waits.
async fn crowd(fixed_window: bool) -> (Inside, Seen) {
    let inside = Inside::connected().await;
    inside.zoho.sandbox.switches(|switches| switches.per_minute_fixed_window = fixed_window);
    inside.advance(2 * MINUTE);
    inside.get(ITEMS).await;
    inside.advance(2 * MINUTE);
    inside.zoho.sandbox.clear_requests();
    let until = later(inside.services.clock.now(), SignedDuration::from_mins(3));
    let processes = [inside.cold(), inside.cold()];
    let keys = join_all((0..20).map(|_| key(&inside))).await;
    let sleepers = Sleepers(Mutex::new(vec![None; 20]));
    let calls = keys
        .into_iter()
        .enumerate()
        .map(|(number, key)| call(&inside, (number, &sleepers), (processes[number % 2].clone(), key), until));
    let all = tokio::select! {
        all = join_all(calls) => all,
        () = sleepers.watch(&inside) => unreachable!("it goes on"),
    };
    let all = all.into_iter().fold(Seen::default(), |sum, one| Seen {
        answered: sum.answered + one.answered,
        returned: sum.returned + one.returned,
        in_vain: sum.in_vain + one.in_vain,
    });
    (inside, all)
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_callers_on_two_processes_get_what_zoho_allows_and_never_more() {
    for fixed_window in [false, true] {
        let (inside, seen) = crowd(fixed_window).await;
        let (refused, answered) = at_zoho(&inside.zoho.sandbox);
        println!(
            "fixed window {fixed_window}: {} answered of 300 allowed, {refused} refused by Zoho; {} came when told, {} in vain",
            seen.answered, seen.returned, seen.in_vain
        );
        assert_eq!((refused, answered), (0, seen.answered), "Zoho itself refuses nothing");
        assert!(seen.answered >= 270, "{}", seen.answered);
        assert!(seen.returned >= 20);
        assert_eq!(seen.in_vain, 0, "who comes when told is served");
    }
}

/// The same in real time, with two real processes.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes three minutes and a half"]
async fn quota_of_three_real_minutes() {
    let connector = Connector::start().await;
    connector.connect(&[]).await;
    let agents = join_all((0..20).map(|_| connector.agent(&[]))).await;
    let (_server, second) = connector.second_server().await;
    // What token-refresh read while it connected is over.
    connector.zoho.sandbox.advance(MINUTE);
    connector.zoho.sandbox.clear_requests();
    let begun = Instant::now();
    let until = begun + 3 * MINUTE;
    let calls = agents.into_iter().enumerate().map(|(number, agent)| {
        let agent = if number % 2 == 0 { agent } else { agent.at(&second) };
        async move {
            let (mut answered, mut returned, mut in_vain, mut longest) = (0, 0, 0, Duration::ZERO);
            let mut told = false;
            while Instant::now() < until {
                let asked = Instant::now();
                let answer = agent.get(ITEMS).await;
                if told {
                    returned += 1;
                    longest = longest.max(asked.elapsed());
                }
                if answer.status == 200 {
                    (answered, told) = (answered + 1, false);
                    continue;
                }
                in_vain += usize::from(told);
                let problem = answer.problem("zoho_rate_limited");
                told = true;
                sleep(Duration::from_secs(problem["retry_after"].as_u64().unwrap())).await;
            }
            (answered, returned, in_vain, longest)
        }
    });
    let seen = join_all(calls).await;
    let sum = |of: fn(&(usize, usize, usize, Duration)) -> usize| seen.iter().map(of).sum::<usize>();
    let (answered, returned, in_vain) = (sum(|one| one.0), sum(|one| one.1), sum(|one| one.2));
    let longest = seen.iter().map(|one| one.3).max().unwrap();
    let (refused, _) = at_zoho(&connector.zoho.sandbox);
    println!(
        "{answered} answered, {refused} refused by Zoho; {returned} came when told, {in_vain} in vain, longest {longest:?}"
    );
    assert_eq!(refused, 0);
    assert!(answered >= 270, "{answered}");
    assert!(returned >= 20 && in_vain == 0, "{in_vain} of {returned}");
    assert!(longest < Duration::from_secs(3), "{longest:?}");
}

/// As many processes as callers, all of them new, on DynamoDB.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_new_processes_on_aws_share_a_minute() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    let agent = deployed.connect().await;
    let sandbox = &deployed.connector.zoho.sandbox;
    // What token-refresh read while it connected is over.
    sandbox.advance(MINUTE);
    sandbox.clear_requests();
    let begun = Instant::now();
    let mut answered = 0;
    // All hundred come at once; on a slow machine, some are told to come again.
    for round in 0..30 {
        if round >= 6 && answered >= 90 {
            break;
        }
        for answer in join_all((0..20).map(|_| agent.get(ITEMS))).await {
            match answer.status {
                200 => answered += 1,
                _ => assert!(answer.problem("zoho_rate_limited")["zoho"].is_null()),
            }
        }
    }
    let (refused, calls) = at_zoho(sandbox);
    println!("{answered} answered by {} processes", deployed.cloud.figures("api-proxy").len());
    assert_eq!((refused, calls), (0, answered));
    // A machine so slow that this takes longer than a minute has another hundred.
    let minutes = usize::try_from(begun.elapsed().as_secs() / 60).unwrap() + 1;
    assert!((90..=100 * minutes).contains(&answered), "{answered} in {minutes} minutes");
}

#[tokio::test]
async fn what_zoho_says_to_one_process_stops_the_others() {
    for (limit, code, seconds) in
        [(Limit::PerMinute, "zoho_rate_limited", 55..=60), (Limit::PerDay, "zoho_daily_limit", 3590..=3600)]
    {
        let inside = Inside::connected().await;
        inside.zoho.sandbox.switches(|switches| switches.retry_after = None);
        let fault = Fault { path_contains: "/items".to_owned(), times: 1, kind: FaultKind::RateLimit(limit) };
        inside.zoho.sandbox.inject(fault);
        let begun = inside.services.clock.now();
        let (_, problem) = inside.get(ITEMS).await;
        assert_eq!((&problem["code"], problem["zoho"].is_null()), (&code.into(), false), "{problem}");
        let calls = inside.zoho.sandbox.requests().len();
        for api in [inside.cold(), inside.cold()] {
            let (status, problem) = inside.get_from(api, ITEMS).await;
            assert_eq!((status.as_u16(), &problem["code"]), (429, &code.into()), "{problem}");
            let passed = inside.services.clock.now().duration_since(begun).as_secs().unsigned_abs();
            let seconds = seconds.start() - passed.min(*seconds.start())..=*seconds.end();
            assert!(problem["zoho"].is_null() && seconds.contains(&problem["retry_after"].as_u64().unwrap()));
        }
        let (_, problem) = inside.get(ITEMS).await;
        assert_eq!(problem["code"], code, "the one that heard it, too: {problem}");
        assert_eq!(inside.zoho.sandbox.requests().len(), calls, "nobody asks Zoho");
        let (_, status) = inside.get("/v1/status").await;
        let quota = &status["connections"][0]["quota"]["inventory"];
        assert!(quota["left"] == 0 && quota["blocked_until"].is_string(), "{quota}");
        let (status, _) = inside.get(DEALS).await;
        assert_eq!(status, 200, "CRM is another matter");
        inside.advance(Duration::from_secs(*seconds.end() + 1));
        let (status, body) = inside.get_from(inside.cold(), ITEMS).await;
        assert_eq!(status, 200, "{body}");
    }
}

fn fault(times: usize, limit: Limit) -> Fault {
    Fault { path_contains: String::new(), times, kind: FaultKind::RateLimit(limit) }
}

#[tokio::test]
async fn too_many_at_once_is_tried_again() {
    let (connector, agent) = Connector::connected().await;
    connector.zoho.sandbox.inject(fault(3, Limit::Concurrent));
    agent.get(ITEMS).await.ok();
    connector.zoho.sandbox.inject(fault(2, Limit::CrmTooMany));
    agent.get(DEALS).await.ok();
    connector.zoho.sandbox.switches(|switches| switches.retry_after = Some(90));
    connector.zoho.sandbox.inject(fault(1, Limit::CrmTooMany));
    connector.zoho.sandbox.clear_requests();
    let problem = agent.get(DEALS).await.problem("zoho_rate_limited");
    assert_eq!(problem["retry_after"], 90, "longer than a caller waits");
    let asked =
        connector.zoho.sandbox.requests().iter().filter(|request| request.path.contains("/Deals")).count();
    assert_eq!(asked, 1, "nobody waits for another try");
    // Longer than any clock goes.
    connector.zoho.sandbox.switches(|switches| switches.retry_after = Some(u64::MAX));
    for (limit, path) in [(Limit::CrmTooMany, DEALS), (Limit::Concurrent, ITEMS), (Limit::PerMinute, ITEMS)] {
        connector.zoho.sandbox.inject(fault(1, limit));
        assert_eq!(agent.get(path).await.problem("zoho_rate_limited")["retry_after"], 600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_process_makes_more_calls_at_once_than_zoho_takes() {
    let (connector, agent) = Connector::connected().await;
    connector.zoho.sandbox.switches(|switches| switches.concurrent_limit = Some(10));
    let slow = FaultKind::Slow(Duration::from_millis(100));
    connector.zoho.sandbox.inject(Fault { path_contains: "/items".to_owned(), times: 40, kind: slow });
    for answer in join_all((0..40).map(|_| agent.get(ITEMS))).await {
        answer.ok();
    }
    assert_eq!(at_zoho(&connector.zoho.sandbox).0, 0);
}

#[tokio::test]
async fn a_day_of_our_own_count_ends_with_its_limit() {
    let mut inside = Inside::connected().await;
    inside.limit(Some(100), Some(7));
    let api = inside.cold();
    for _ in 0..7 {
        assert_eq!(inside.get_from(api.clone(), ITEMS).await.0, 200);
    }
    let (_, problem) = inside.get_from(api, ITEMS).await;
    assert_eq!(problem["code"], "zoho_daily_limit", "{problem}");
    assert!(problem["retry_after"].as_u64().unwrap() <= 86_400);
}

#[tokio::test]
async fn processes_that_end_take_nothing_of_the_day_with_them() {
    let mut inside = Inside::connected().await;
    inside.limit(Some(100), Some(10));
    for call in 1..=10 {
        let (status, body) = inside.get_from(inside.cold(), ITEMS).await;
        assert_eq!(status, 200, "{call}: {body}");
    }
    let (_, problem) = inside.get_from(inside.cold(), ITEMS).await;
    assert_eq!(problem["code"], "zoho_daily_limit", "{problem}");
}

#[tokio::test]
async fn what_a_probe_is_told_stops_the_others() {
    let inside = Inside::connected().await;
    let fault = |path: &str, kind| Fault { path_contains: path.to_owned(), times: 1, kind };
    let dead = r#"{"code":"INVALID_TOKEN","message":"invalid oauth token"}"#;
    let dead = FaultKind::Body(401, "application/json".to_owned(), dead.to_owned());
    inside.zoho.sandbox.inject(fault("/crm/v8/", dead));
    inside.zoho.sandbox.inject(fault("/organizations", FaultKind::RateLimit(Limit::PerMinute)));
    let (_, problem) = inside.get(DEALS).await;
    assert_eq!(problem["code"], "zoho_rate_limited", "{problem}");
    let calls = inside.zoho.sandbox.requests().len();
    let (_, problem) = inside.get_from(inside.cold(), ITEMS).await;
    assert!(problem["code"] == "zoho_rate_limited" && problem["zoho"].is_null(), "{problem}");
    assert_eq!(inside.zoho.sandbox.requests().len(), calls, "nobody asks Zoho");
}

#[tokio::test]
async fn answers_and_status_tell_what_is_left() {
    let (connector, agent) = Connector::connected().await;
    let answer = agent.get(ITEMS).await;
    let tell = |name: &str| answer.header(name).unwrap_or_else(|| panic!("{name}")).to_owned();
    assert_eq!(tell("zoho-connection"), "default");
    assert_eq!(tell("zoho-organization"), "20098765432");
    assert_eq!(tell("zoho-data-centre"), "eu");
    assert_eq!((tell("x-ratelimit-limit"), tell("x-ratelimit-remaining")), ("100".into(), "95".into()));
    assert!((60..=75).contains(&tell("x-ratelimit-reset").parse::<u64>().unwrap()));

    let missing = agent.get("/v1/inventory/items/3300000000000001").await;
    assert_eq!(missing.header("zoho-organization"), Some("20098765432"), "on problems, too");
    let deals = agent.get(DEALS).await;
    assert_eq!(deals.header("x-ratelimit-limit"), None);
    assert!(deals.header("zoho-organization").is_some_and(|id| id != "20098765432"));
    assert_eq!(agent.get("/v1/events").await.header("zoho-connection"), Some("default"));
    let status = agent.get("/v1/status").await;
    assert_eq!(status.header("zoho-connection"), None, "it is about all of them");
    let quota = status.ok()["connections"][0]["quota"].clone();
    assert_eq!(
        (&quota["inventory"]["used"], &quota["inventory"]["left"]),
        (&5.into(), &95.into()),
        "{quota}"
    );
    assert!(quota["inventory"]["resets_at"].is_string() && quota["crm"].is_null(), "{quota}");

    connector.zoho.sandbox.switches(|switches| switches.crm_credits = 4);
    agent.get(DEALS).await.ok();
    let quota = agent.get("/v1/status").await.ok()["connections"][0]["quota"].clone();
    assert!(quota["crm"]["credits_remaining"].as_u64().is_some_and(|left| left <= 2), "{quota}");
}

/// The store is asked for leave with the first call, and then beside the last call of each lease.
#[tokio::test]
async fn below_half_a_lease_holds_for_several_calls_and_the_next_is_taken_ahead() {
    let inside = Inside::connected().await;
    let row = || async {
        let (_, status) = inside.get("/v1/status").await;
        status["connections"][0]["quota"]["inventory"]["used"].as_u64().unwrap()
    };
    let mut used = BTreeMap::new();
    for call in 1..=25 {
        assert_eq!(inside.get(ITEMS).await.0, 200);
        // No answer waits for a lease.
        inside.services.background.finish().await;
        used.insert(call, row().await);
    }
    // Five, and twenty more each time: no time passes between these calls.
    let so_far = |call| if call < 5 { 5_u64 } else { 25 + if call < 25 { 0 } else { 20 } };
    let expected: Vec<_> = (1..=25).map(|call| (call, so_far(call))).collect();
    assert_eq!(used.into_iter().collect::<Vec<_>>(), expected);
}

/// What the store cannot count goes out uncounted.
#[tokio::test]
async fn a_row_that_cannot_be_read_is_begun_anew() {
    let inside = Inside::connected().await;
    let key = shared::store::Key::new("quota#eu/20098765432", "inventory");
    let broken = shared::store::Put {
        key,
        value: Value::from("nonsense").to_string(),
        condition: shared::store::Condition::Any,
        expires: None,
    };
    inside.services.stores.state.put(broken).await.unwrap();
    let (status, body) = inside.get_from(inside.cold(), ITEMS).await;
    assert_eq!(status, 200, "{body}");
    let (status, body) = inside.get("/v1/status").await;
    assert_eq!((status.as_u16(), &body["connections"][0]["quota"]["inventory"]["used"]), (200, &5.into()));
}
