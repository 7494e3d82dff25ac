//! The operator's commands on a deployed stack.

use sandbox::{BodyForm, Entity, ItemChange, SignatureEncoding, Webhook};
use serde_json::json;
use shared::base::settings::STACK;
use tests::browser::Browser;
use tests::deployed::Deployed;
use tests::lambda::Cloud;
use tests::process::{self, run};

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_work_on_a_stack_with_the_operators_credentials() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    let Deployed { connector, .. } = &deployed;
    let set = connector.run(&["client", "set", "--id", "1000.STACK", "--data-centre", "eu"], "secret").await;
    assert!(set.out.contains(&format!("{}/oauth/callback", connector.url)), "{}", set.out);
    assert!(connector.link(&[]).await.contains("/oauth/start?link="));
    let key = connector.run(&["keys", "create"], "").await;
    assert!(key.out.contains("zck_"), "{} {}", key.out, key.err);
    assert!(connector.run(&["keys", "list"], "").await.out.contains("inventory:read,crm:read,events"));
    assert_eq!(connector.run(&["webhooks", "rotate"], "").await.code, 0);
    assert_eq!(connector.run(&["webhooks", "rotate"], "").await.code, 0);

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

/// Twenty cold processes with a dead token, ten at a time in all: nobody fails, one token is made.
#[tokio::test(flavor = "multi_thread")]
async fn cold_callers_on_aws_mint_one_token() {
    let deployed = Deployed::on_aws(Cloud::with_concurrency(30).await).await;
    let Deployed { connector, .. } = &deployed;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    let calls = connector.token_calls();
    connector.zoho.sandbox.expire_access_tokens();
    let together = (0..20).map(|_| agent.get("/v1/crm/deals?per_page=1"));
    for answer in futures::future::join_all(together).await {
        answer.ok();
    }
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
