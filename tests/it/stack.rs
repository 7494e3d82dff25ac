//! The operator's commands on a deployed stack.

use std::sync::Arc;

use sandbox::{BodyForm, Entity, ItemChange, SignatureEncoding, Webhook};
use serde_json::json;
use shared::base::clock::{Clock, SystemClock};
use shared::base::id::ConnectionName;
use shared::base::settings::STACK;
use shared::core::events::subscription::Subscription;
use shared::core::events::{Events, subscription};
use tests::aws::Trouble;
use tests::browser::Browser;
use tests::changes;
use tests::deployed::Deployed;
use tests::gateway::{Gateway, Mood, REASON, TOKEN};
use tests::lambda::Cloud;
use tests::process::{self, run};

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_work_on_a_stack_with_the_operators_credentials() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    let Deployed { connector, .. } = &deployed;
    let set = connector.run(&["client", "set", "--id", "1000.STACK", "--data-centre", "eu"], "secret").await;
    assert!(set.out.contains(&format!("{}/oauth/callback", connector.url)), "{}", set.out);
    assert!(connector.link(&[]).await.contains("/oauth/start?link="));
    let key = connector.run(&["keys", "create", "--not-yet-connected"], "").await;
    assert!(key.out.contains("zck_"), "{} {}", key.out, key.err);
    assert!(connector.run(&["keys", "list"], "").await.out.contains("inventory:read,crm:read,events"));
    for _ in 0..2 {
        let rotated = connector.run(&["webhooks", "rotate", "--not-yet-connected"], "").await;
        assert_eq!(rotated.code, 0, "{rotated:?}");
    }

    // What is remembered of a stack leads there without a flag, and without AWS's own variable for the region.
    let home = tempfile::TempDir::new().unwrap();
    let mut remembered = connector.variables_at(&home);
    remembered.retain(|(name, _)| *name != "AWS_REGION");
    let stack = connector.stack().unwrap();
    let place = ["--stack", stack, "--region", "eu-central-1", "--public-url", &connector.url];
    let add = run(&[&["installations", "add", "aws"], &place[..]].concat(), &remembered, "").await;
    assert_eq!(add.code, 0, "{}", add.err);
    let listed = run(&["keys", "list"], &remembered, "").await;
    assert!(listed.out.contains("inventory:read,crm:read,events"), "{} {}", listed.out, listed.err);
    let link = run(&["connect", "--no-wait"], &remembered, "").await;
    assert!(link.out.contains(&format!("{}/oauth/start?link=", connector.url)), "{} {}", link.out, link.err);

    let variables = connector.variables();
    let public = ["--public-url", "https://x.example"];
    let unknown =
        run(&[&["keys", "list", "--stack", "no-such-stack"], &public[..]].concat(), &variables, "").await;
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("no-such-stack-api-proxy"), "{}", unknown.err);
    let proxy = process::function("api-proxy");
    deployed.cloud.function("homeless-api-proxy", &proxy, &[(STACK, "homeless")]);
    let homeless = run(&["keys", "list", "--stack", "homeless"], &variables, "").await;
    assert_eq!(homeless.code, 1);
    assert!(homeless.err.contains("--public-url") && homeless.err.contains("ApiUrl"), "{}", homeless.err);
    let both = run(&["keys", "list", "--stack", "x", "--data", "y"], &variables, "").await;
    assert_eq!(both.code, 2);
}

/// The whole way on AWS's stores: consent, items, a schedule, a webhook, a dead token, all by the real binaries.
#[tokio::test(flavor = "multi_thread")]
async fn the_functions_work_on_the_stores_of_aws() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    let Deployed { cloud, connector, .. } = &deployed;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    agent.get("/v1/inventory/items?sku=SHELF-OAK-80").await.ok();
    agent.get("/v1/crm/deals").await.ok();
    assert_eq!(agent.get("/v1/status").await.ok()["connections"][0]["state"], "healthy");

    let schedule = include_str!("../../events/token-refresh-schedule.json");
    let ticked = cloud.invoke("token-refresh", &serde_json::from_str(schedule).unwrap()).await.unwrap();
    assert_eq!(ticked, json!({"reply": "ticked", "renewed": 0, "failed": 0}));

    // A dead token: api-proxy asks token-refresh by invocation.
    let calls = connector.token_calls();
    connector.zoho.sandbox.expire_access_tokens();
    agent.get("/v1/inventory/items").await.ok();
    assert_eq!(connector.token_calls() - calls, 1);

    let ended = connector.run(&["webhooks", "rotate"], "").await;
    let secret = ended.out.lines().find_map(|line| line.trim().strip_prefix("Secret")).unwrap().trim();
    connector.zoho.sandbox.add_webhook(Webhook {
        url: format!("{}/webhooks/default/inventory/item.updated", connector.url),
        secret: secret.to_owned(),
        entity: Entity::Item,
        body: BodyForm::Json,
        encoding: SignatureEncoding::Hex,
    });
    let sent = connector.zoho.sandbox.change_item("3300000000070001", ItemChange::Stock(-1.0)).await.unwrap();
    assert_eq!(sent[0].status, Some(200), "{}", sent[0].answer);
    let receipt: serde_json::Value = serde_json::from_str(&sent[0].answer).unwrap();
    let event = agent.get(&format!("/v1/events/{}", receipt["event_id"].as_str().unwrap())).await.ok();
    assert_eq!(event["data"]["sku"], "SHELF-OAK-80");

    connector.zoho.sandbox.revoke_user_grants();
    let problem = agent.get("/v1/crm/deals").await.problem("reconnect_required");
    let ending = Browser::default().consent(problem["reconnect_url"].as_str().unwrap()).await;
    assert!(ending.text.contains("<h1>Connected</h1>"), "{}", ending.text);
    agent.get("/v1/crm/deals").await.ok();
}

/// What is new or deleted on AWS is so some seconds later, and others are at the rows: a first consent succeeds, and so does one
/// right after a disconnect.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_begins_and_begins_anew_on_a_bad_day_of_aws() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    deployed.trouble(Trouble {
        conflicts: 3,
        cancels: 2,
        throttles: 25,
        late: 3,
        marked: 3,
        ..Trouble::NONE
    });
    let Deployed { cloud, connector, .. } = &deployed;
    let connect = async || {
        let ending = Browser::default().consent(&connector.link(&[]).await).await;
        let logs = ["token-refresh", "oauth-callback"].map(|function| cloud.log(function));
        assert!(ending.text.contains("<h1>Connected</h1>"), "{logs:?}");
    };
    connect().await;
    let agent = connector.agent(&[]).await;
    agent.get("/v1/crm/deals").await.ok();
    let watch = Subscription {
        crm: vec!["Deals".to_owned()],
        ..Subscription::new(ConnectionName::default(), SystemClock.now())
    };
    let state = deployed.stores().state;
    assert!(subscription::put(&*state, &watch, None).await.unwrap());
    let ended = connector.run(&["disconnect", "--yes"], "").await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(subscription::get(&*state, &watch.connection).await.unwrap().is_none());
    connect().await;
    agent.get("/v1/crm/deals").await.ok();
}

/// A delivery on AWS's stores, by the real binaries: told to a hook, claimed, acknowledged; and the operator's commands for it.
#[tokio::test(flavor = "multi_thread")]
async fn events_are_delivered_on_the_stores_of_aws() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    let Deployed { cloud, connector, .. } = &deployed;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    let gateway = Gateway::start().await;
    let set = connector.run(&["agent", "set", "--url", &gateway.url], TOKEN).await;
    assert_eq!(set.code, 0, "{}", set.err);
    let stores = deployed.stores();
    let events = Events::new(stores.events, Arc::new(SystemClock));
    let id = events.store(changes::of_deal("6100000000451001", 0)).await.unwrap().event_id;

    // As the stream tells of it: the function waits until the event is settled.
    let mut record: serde_json::Value =
        serde_json::from_str(include_str!("../../events/event-delivery-stream.json")).unwrap();
    record["Records"][0]["dynamodb"]["Keys"]["sk"]["S"] = id.clone().into();
    // It looks the deal up, and asks token-refresh for a token that is good for it.
    connector.zoho.sandbox.expire_access_tokens();
    let calls = connector.token_calls();
    let swept = cloud.invoke("event-delivery", &record).await.unwrap();
    assert_eq!(connector.token_calls() - calls, 1);
    assert_eq!(
        (&swept["queued"], &swept["told"], &swept["failed"]),
        (&json!(1), &json!(1), &json!(0)),
        "{swept}"
    );
    let key = gateway.runs()[0].key.clone();
    let post = async |path: &str, body| agent.write("POST", path, &[], &body).await;
    let claimed = post("/v1/events/claim", json!({ "delivery": key })).await.ok();
    assert_eq!(claimed["data"][0]["id"], id.as_str());
    post("/v1/events/claim", json!({ "delivery": key })).await.problem("events_claimed");
    post("/v1/events/ack", json!({ "ids": [id], "outcome": "done" })).await.ok();
    let life = agent.get(&format!("/v1/events/{id}")).await.ok()["life"].clone();
    assert_eq!((&life["state"], &life["run"]), (&json!("done"), &json!("run-1")), "{life}");

    let shown = connector.run(&["agent", "show"], "").await;
    assert!(shown.out.contains(&gateway.url) && shown.out.contains("in use"), "{} {}", shown.out, shown.err);
    assert!(!shown.out.contains(TOKEN));
    assert_eq!(connector.run(&["agent", "pause"], "").await.code, 0);
    let replayed = connector.run(&["events", "replay", &id], "").await;
    assert!(replayed.out.contains("1 event can"), "{} {}", replayed.out, replayed.err);
    let schedule = include_str!("../../events/event-delivery-schedule.json");
    let schedule = serde_json::from_str(schedule).unwrap();
    assert_eq!(cloud.invoke("event-delivery", &schedule).await.unwrap()["told"], 0, "paused");
    assert_eq!(connector.run(&["agent", "resume"], "").await.code, 0);
    assert_eq!(cloud.invoke("event-delivery", &schedule).await.unwrap()["told"], 1);
    assert_eq!(gateway.runs().len(), 2);

    // Why the gateway refuses is kept for the operator, and is in no log.
    let key = gateway.runs()[1].key.clone();
    post("/v1/events/claim", json!({ "delivery": key })).await.ok();
    post("/v1/events/ack", json!({ "ids": [id], "outcome": "failed" })).await.ok();
    gateway.set(Mood::Says(400, None));
    let replayed = connector.run(&["events", "replay", &id], "").await;
    assert!(replayed.out.contains("1 event can"), "{} {}", replayed.out, replayed.err);
    cloud.invoke("event-delivery", &schedule).await.unwrap();
    let life = agent.get(&format!("/v1/events/{id}")).await.ok()["life"].clone();
    assert_eq!(life["last_answer"], format!("400: {REASON}"), "{life}");
    let log = cloud.log("event-delivery");
    assert!(log.contains(r#""status":400"#) && !log.contains(REASON), "{log}");

    let refused =
        connector.run(&["agent", "set", "--url", "http://gateway.example.com/hooks/agent"], TOKEN).await;
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("https://"), "{}", refused.err);
}

/// Twenty cold processes with a dead token, ten at a time in all: nobody fails, one token is made.
#[tokio::test(flavor = "multi_thread")]
async fn cold_callers_on_aws_mint_one_token() {
    let deployed = Deployed::on_aws(Cloud::with_concurrency(30).await).await;
    let Deployed { connector, .. } = &deployed;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    let calls = connector.token_calls();
    connector.zoho.sandbox.expire_access_tokens();
    futures::future::join_all((0..20).map(|_| agent.served("/v1/crm/deals?per_page=1"))).await;
    assert_eq!(connector.token_calls() - calls, 1);
}

/// What API Gateway's decoding turns into syntax leads nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_decoding_bends_is_no_route() {
    let (deployed, agent) = Deployed::connected(Cloud::start().await).await;
    let calls = deployed.connector.zoho.sandbox.requests().len();
    for path in [
        "/v1/inventory/items%23x?sku=SHELF-OAK-80",
        "/v1/inventory%5Citems",
        "/v1/inventory/it%09ems",
        "/v1/inventory/items/%00",
        "/v1/inventory/items/%252e%252e",
    ] {
        agent.get(path).await.problem("route_not_found");
    }
    assert_eq!(deployed.connector.zoho.sandbox.requests().len(), calls);
}
