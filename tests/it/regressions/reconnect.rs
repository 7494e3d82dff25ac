//! Seen: whoever knew the address reconnected a dead connection as another user of the same organisation, with that user's rights and
//! without a word; such consents could be begun without end; a link lived on for ten minutes in what had begun with it; a new
//! link for a connection that was there could turn it into one of any organisation, and one with `--organization` its CRM into that
//! of any company; the choice of an organisation believed any page that brought the cookie; a stranger with made-up codes used up
//! all calls for tokens, so that also the operator's link was refused; and an address was given at which a connection without a
//! known user could not be reconnected.

use std::time::Duration;

use sandbox::{Fault, FaultKind, Options};
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::browser::Browser;
use tests::connector::Connector;
use tests::inside::Inside;

const MINUTE: Duration = Duration::from_secs(60);

/// The next consent is somebody else's.
fn another_user(connector: &Connector) {
    let user = json!({ "code": 0, "user": { "email_ids": [{ "is_selected": true, "email": "other@example.com" }] } });
    let kind = FaultKind::Body(200, "application/json".to_owned(), user.to_string());
    connector.zoho.sandbox.inject(Fault { path_contains: "/users/me".to_owned(), times: 1, kind });
}

async fn dead() -> (Connector, Agent, String) {
    let (connector, agent) = Connector::connected().await;
    connector.zoho.sandbox.revoke_user_grants();
    let problem = agent.get("/v1/inventory/items").await.problem("reconnect_required");
    let address = problem["reconnect_url"].as_str().unwrap().to_owned();
    (connector, agent, address)
}

#[tokio::test]
async fn only_the_same_user_reconnects_and_another_one_is_announced() {
    let (connector, agent, address) = dead().await;
    another_user(&connector);
    let page = Browser::default().consent(&address).await;
    assert!(
        page.text.contains("Not connected") && page.text.contains("Another user of Zoho"),
        "{}",
        page.text
    );
    agent.get("/v1/inventory/items").await.problem("reconnect_required");
    let page = Browser::default().consent(&address).await;
    assert!(page.text.contains("<h1>Connected</h1>"), "{}", page.text);
    // By the operator's link, another user may; everybody hears of it.
    another_user(&connector);
    connector.connect(&[]).await;
    let listed = connector.run(&["events", "list"], "").await.out;
    assert!(listed.contains("connector.user_changed"), "{listed}");
}

#[tokio::test]
async fn so_many_consents_may_wait_for_one_dead_connection() {
    let (_connector, _agent, address) = dead().await;
    let mut statuses = Vec::new();
    for _ in 0..22 {
        statuses.push(Browser::default().get(&address).await.status);
    }
    assert_eq!((&statuses[..20], &statuses[20..]), ([302; 20].as_slice(), [429; 2].as_slice()));
}

#[tokio::test]
async fn a_stranger_cannot_keep_the_operators_link_from_working() {
    let (connector, _agent, address) = dead().await;
    for attempt in 0..8 {
        let browser = Browser::default();
        let zoho = url::Url::parse(&browser.get(&address).await.location.unwrap()).unwrap();
        let state = zoho.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let back = format!("{}/oauth/callback?state={state}&code=1000.made.up", connector.url);
        let page = browser.finish(&back).await;
        let many = page.text.contains("too many tokens");
        // The connection itself has had two of the five.
        assert_eq!(many, attempt >= 3, "{attempt}: {}", page.text);
        assert!(!many || page.text.contains("A link of the operator"), "{}", page.text);
    }
    let page = Browser::default().consent(&connector.link(&[]).await).await;
    assert!(page.text.contains("<h1>Connected</h1>"), "{}", page.text);
}

#[tokio::test]
async fn where_the_user_is_not_known_only_the_operator_connects_again() {
    let connector = Connector::start().await;
    connector.connect(&["--scopes", "ZohoCRM.modules.READ,ZohoCRM.org.READ"]).await;
    let agent = connector.agent(&[]).await;
    connector.zoho.sandbox.revoke_user_grants();
    let problem = agent.get("/v1/crm/deals").await.problem("reconnect_required");
    assert_eq!(problem["reconnect_url"], Value::Null, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("only the operator"), "{problem}");
    let status = agent.get("/v1/status").await.ok();
    assert_eq!(status["connections"][0]["reconnect_url"], Value::Null, "{status}");
    let address = format!("{}/oauth/start?connection=default", connector.url);
    let page = Browser::default().get(&address).await;
    assert_eq!(page.status, 403);
    assert!(page.text.contains("Only the operator can connect this again"), "{}", page.text);
    connector.connect(&["--scopes", "ZohoCRM.modules.READ,ZohoCRM.org.READ"]).await;
    agent.get("/v1/crm/deals").await.ok();
}

#[tokio::test]
async fn what_begins_with_a_link_ends_with_it() {
    let inside = Inside::start().await;
    let browser = Browser::default();
    let link = inside.link(inside.wish()).await;
    inside.advance(9 * MINUTE);
    let zoho = browser.get(&link).await.location.unwrap();
    inside.advance(2 * MINUTE);
    assert_eq!(browser.get(&link).await.status, 410, "the link is over");
    let back = browser.post(&zoho, &[("decision", "accept")]).await.location.unwrap();
    let page = browser.finish(&back).await;
    assert!(page.text.contains("not known here"), "{}", page.text);
}

#[tokio::test]
async fn a_link_for_a_connection_that_is_there_is_for_its_organisation() {
    let connector = Connector::with(Options { organizations: 2, ..Options::new("") }).await;
    connector.connect(&["--organization", "20098765432"]).await;
    let page = Browser::default().consent(&connector.link(&[]).await).await;
    assert!(page.text.contains("<h1>Connected</h1>"), "there is nothing to choose: {}", page.text);
    let page = Browser::default().consent(&connector.link(&["--other-organization"]).await).await;
    assert!(!page.text.contains("<h1>Connected</h1>"), "now there is: {}", page.text);
}

#[tokio::test]
async fn who_lets_another_organisation_in_is_told_that_webhooks_of_the_one_before_are_still_taken() {
    let (connector, _) = Connector::connected().await;
    let told = "Warning: webhooks of the organisation that default is of now are still taken afterwards";
    let other = ["connect", "--no-wait", "--other-organization"];
    let silent = connector.run(&other, "").await;
    assert!(silent.code == 0 && !silent.err.contains(told), "it has none: {silent:?}");
    connector.webhook_secret().await;
    let warned = connector.run(&other, "").await;
    assert!(warned.code == 0 && warned.err.contains(told), "{warned:?}");
    assert!(warned.err.contains("`zoho-connector disconnect"), "{warned:?}");
    let same = connector.run(&["connect", "--no-wait"], "").await;
    assert!(same.code == 0 && !same.err.contains(told), "{same:?}");
}

/// The next consent is one for the CRM of another company.
fn another_company(connector: &Connector) {
    let company = json!({ "org": [{ "id": "9", "zgid": "1", "company_name": "Other" }] });
    let kind = FaultKind::Body(200, "application/json".to_owned(), company.to_string());
    connector.zoho.sandbox.inject(Fault { path_contains: "/crm/v8/org".to_owned(), times: 1, kind });
}

#[tokio::test]
async fn who_names_inventorys_organisation_keeps_that_of_crm() {
    let connector = Connector::start().await;
    connector.connect(&[]).await;
    let named = ["--organization", "20098765432"];
    another_company(&connector);
    let page = Browser::default().consent(&connector.link(&named).await).await;
    assert!(page.text.contains("not the company"), "{}", page.text);
    connector.connect(&named).await;
    another_company(&connector);
    connector.connect(&[&named[..], &["--other-organization"]].concat()).await;
}

#[tokio::test]
async fn an_organisation_is_chosen_on_our_own_page_only() {
    let connector = Connector::with(Options { organizations: 2, ..Options::new("") }).await;
    let browser = Browser::default();
    browser.consent(&connector.link(&[]).await).await;
    let address = format!("{}/oauth/organization", connector.url);
    let form = [("organization", "20098765432")];
    let ours = connector.url.clone();
    for headers in [
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site"), ("origin", "null")],
        vec![("sec-fetch-site", "cross-site"), ("origin", ours.as_str())],
    ] {
        let seen = browser.post_with(&address, &headers, &form).await;
        assert!(seen.location.is_none(), "{headers:?}: {}", seen.text);
    }
    let headers = [("origin", ours.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(browser.post_with(&address, &headers, &form).await.status, 303);
    let status = connector.agent(&[]).await.get("/v1/status").await.ok();
    assert_eq!(status["connections"][0]["organization"]["id"], Value::from("20098765432"));
}
