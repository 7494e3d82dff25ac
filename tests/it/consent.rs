//! Consent: what works, and everything that must not. After each refusal the sandbox says what was sent to it.

use oauth_callback::authorization_request::begin;
use sandbox::Options;
use shared::core::connection::consent::Consents;
use shared::core::services::Services;
use tests::browser::Browser;
use tests::clock::until;
use tests::connector::{CLIENT_SECRET, Connector};
use tests::inside::Inside;

/// A page of refusal after which nothing was sent to Zoho and nothing is connected.
async fn assert_refused(connector: &Connector, url: &str, browser: &Browser, expected: &str) {
    let before = connector.zoho.sandbox.requests().len();
    let page = browser.get(url).await;
    assert_eq!(page.status, 400, "{url}: {}", page.text);
    assert!(page.text.contains(expected), "{url}: {}", page.text);
    assert!(page.headers["content-security-policy"].starts_with("default-src 'none'"));
    assert_eq!(connector.zoho.sandbox.requests().len(), before, "nothing is sent");
    let agent = connector.agent(&[]).await;
    assert_eq!(agent.get("/v1/status").await.ok()["connections"][0]["state"], "not_connected");
}

fn with_param(url: &str, name: &str, value: &str) -> String {
    let mut url = url::Url::parse(url).unwrap();
    let pairs: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
    url.query_pairs_mut().clear().extend_pairs(pairs).append_pair(name, value);
    url.into()
}

#[tokio::test]
async fn every_data_centre_connects() {
    for dc in ["us", "eu", "in", "au", "jp", "ca", "sa", "uk", "ae"] {
        let options = Options { user_data_centre: dc.to_owned(), ..Options::new("") };
        let connector = Connector::with(options).await;
        connector.connect(&[]).await;
        let agent = connector.agent(&[]).await;
        let status = agent.get("/v1/status").await.ok();
        assert_eq!(status["connections"][0]["data_centre"], dc);
        agent.get("/v1/crm/deals?per_page=1").await.ok();
        assert!(!connector.secret_strayed());
    }
}

#[tokio::test]
async fn china_connects_with_a_client_of_its_own() {
    let options = Options { user_data_centre: "cn".to_owned(), ..Options::new("") };
    let connector = Connector::with(options).await;
    connector.zoho.sandbox.register_client(sandbox::Client {
        id: "1000.CHINA".to_owned(),
        secret: "china-secret".to_owned(),
        redirect_uris: vec![format!("{}/oauth/callback", connector.url)],
        home: "cn".to_owned(),
        ..sandbox::Client::default()
    });
    connector.run(&["client", "set", "--id", "1000.CHINA", "--data-centre", "cn"], "china-secret\n").await;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    assert_eq!(agent.get("/v1/status").await.ok()["connections"][0]["data_centre"], "cn");
}

#[tokio::test]
async fn a_forged_or_missing_state_is_refused() {
    let connector = Connector::start().await;
    let browser = Browser::default();
    let callback = browser.accept(&connector.link(&[]).await).await;
    let forged = with_param(&callback, "state", &"0".repeat(64));
    assert_refused(&connector, &forged, &browser, "not known here").await;
    let without = format!("{}/oauth/callback?code=1000.a.b", connector.url);
    assert_refused(&connector, &without, &browser, "not known here").await;
    let doubled = format!("{callback}&state=x");
    assert_refused(&connector, &doubled, &browser, "not complete").await;

    // The true one still works: nothing was used up.
    assert!(browser.finish(&callback).await.text.contains("<h1>Connected</h1>"));
}

#[tokio::test]
async fn another_browser_cannot_finish_a_consent() {
    let connector = Connector::start().await;
    let browser = Browser::default();
    let callback = browser.accept(&connector.link(&[]).await).await;
    assert_refused(&connector, &callback, &Browser::default(), "another browser").await;
    let other = Browser::default();
    other.accept(&connector.link(&[]).await).await;
    assert_refused(&connector, &callback, &other, "another browser").await;
    assert!(browser.finish(&callback).await.text.contains("<h1>Connected</h1>"));
}

/// Whoever gets hold of a code puts it into the address at which a consent of their own ends: Zoho gives nothing for it, because it
/// belongs to another challenge.
#[tokio::test]
async fn a_code_of_another_consent_is_worth_nothing() {
    let connector = Connector::start().await;
    connector.zoho.sandbox.switches(|zoho| zoho.pkce_ignored = false);
    let (thief, owner) = (Browser::default(), Browser::default());
    let of_thief = thief.accept(&connector.link(&[]).await).await;
    let of_owner = owner.accept(&connector.link(&[]).await).await;
    let stolen = url::Url::parse(&of_owner).unwrap();
    let stolen = stolen.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let page = thief.finish(&with_param(&of_thief, "code", &stolen)).await;
    assert!(page.text.contains("Zoho no longer accepts this consent"), "{}", page.text);
    assert!(owner.finish(&of_owner).await.text.contains("<h1>Connected</h1>"));
    let requests = connector.zoho.sandbox.requests();
    let asked = requests.iter().find(|request| request.path.contains("/oauth/v2/auth")).unwrap();
    assert!(asked.query.contains("code_challenge_method=S256"), "{}", asked.query);
}

/// Where a data centre refuses a challenge, the operator does without.
#[tokio::test]
async fn a_consent_without_a_challenge_works_as_well() {
    let inside = Inside::start().await;
    inside.zoho.sandbox.switches(|zoho| zoho.pkce_refused = true);
    let Services { stores, clock, centres, settings, .. } = &inside.services;
    let consents = Consents::new(stores.state.clone(), clock.clone());
    let link = consents.make_link(&inside.wish()).await.unwrap().digest();
    let origin = settings.public_url.as_ref().unwrap();
    let [refused, taken] = [true, false].map(|pkce| {
        let link = Some(link.clone());
        begin(&consents, centres, origin, inside.wish(), link, pkce)
    });
    let browser = Browser::default();
    assert_eq!(browser.get(&refused.await.unwrap().unwrap().location).await.status, 400);
    let taken = taken.await.unwrap().unwrap();
    assert!(!taken.location.contains("challenge"), "{}", taken.location);
    let callback = browser.post(&taken.location, &[("decision", "accept")]).await.location.unwrap();
    let cookie = taken.cookie.to_str().unwrap().split(';').next().unwrap();
    let (name, value) = cookie.split_once('=').unwrap();
    browser.hold(name, value);
    assert!(browser.finish(&callback).await.text.contains("<h1>Connected</h1>"));
}

#[tokio::test]
async fn a_hostile_accounts_server_is_refused_and_learns_nothing() {
    let connector = Connector::start().await;
    let browser = Browser::default();
    let callback = browser.accept(&connector.link(&[]).await).await;
    let base = connector.zoho.url.clone();
    for hostile in [
        "https://accounts.zoho.com",
        "https://accounts.zoho.com.evil.example",
        "https://accounts.zoho.eu@evil.example",
        "https://evil.example/accounts.zoho.eu",
        "https://xn--accounts-zoho.example",
        &format!("{base}/eu/accounts/../../evil"),
        &format!("{base}/eu/accounts?x=1"),
        &format!("{base}/eu/accounts#x"),
        &format!("{base}/xx/accounts"),
        &base.replace("http://", "http://user@"),
        &format!("{base}/us/accounts"), // true, but not where `location` says
        "",
    ] {
        let url = with_param(&callback, "accounts-server", hostile);
        assert_refused(&connector, &url, &browser, "does not come from Zoho").await;
    }
    let url = with_param(&callback, "location", "mars");
    assert_refused(&connector, &url, &browser, "does not come from Zoho").await;
    let sent = connector.zoho.sandbox.requests();
    assert!(sent.iter().all(|request| !request.body.contains(CLIENT_SECRET)), "no secret left");
    assert!(browser.finish(&callback).await.text.contains("<h1>Connected</h1>"));
}

#[tokio::test]
async fn a_consent_counts_once() {
    let connector = Connector::start().await;
    let browser = Browser::default();
    let link = connector.link(&[]).await;
    let (first, second) = (browser.accept(&link).await, browser.accept(&link).await);
    assert!(browser.finish(&first).await.text.contains("<h1>Connected</h1>"));
    let calls = connector.token_calls();
    let again = browser.finish(&first).await;
    assert!(again.text.contains("<h1>Connected</h1>"), "loaded again, it shows how it ended: {}", again.text);
    let elsewhere = Browser::default().finish(&first).await;
    assert_eq!(elsewhere.status, 400);
    assert!(elsewhere.text.contains("used already"), "{}", elsewhere.text);
    let other = browser.finish(&second).await;
    assert_eq!(other.status, 400);
    assert!(other.text.contains("once"), "{}", other.text);
    assert_eq!(connector.token_calls(), calls, "no code was sent again");
    let page = browser.get(&link).await;
    assert_eq!(page.status, 410);
    assert!(page.text.contains("expired"), "{}", page.text);
}

#[tokio::test]
async fn declining_says_so_and_changes_nothing() {
    let connector = Connector::start().await;
    let browser = Browser::default();
    let zoho = browser.get(&connector.link(&[]).await).await.location.unwrap();
    let back = browser.post(&zoho, &[("decision", "reject")]).await.location.unwrap();
    let page = browser.finish(&back).await;
    for said in ["You declined", "zoho-connector connect --connection default"] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    assert_eq!(connector.token_calls(), 0);
}

#[tokio::test]
async fn the_ending_is_shown_to_its_browser_only() {
    let connector = Connector::start().await;
    let browser = Browser::default();
    browser.consent(&connector.link(&[]).await).await;
    let address = format!("{}/oauth/callback", connector.url);
    assert!(browser.get(&address).await.text.contains("<h1>Connected</h1>"));
    assert_eq!(Browser::default().get(&address).await.status, 404);
}

#[tokio::test]
async fn a_grant_without_refresh_token_is_refused_with_the_reason_and_given_back() {
    let connector = Connector::start().await;
    connector.zoho.sandbox.switches(|switches| switches.drop_refresh_token = true);
    let page = Browser::default().consent(&connector.link(&[]).await).await;
    assert!(page.text.contains("no refresh token"), "{}", page.text);
    assert!(connector.zoho.sandbox.requests().iter().any(|request| request.path.ends_with("/token/revoke")));
    let agent = connector.agent(&[]).await;
    agent.get("/v1/crm/deals").await.problem("product_not_connected");
}

#[tokio::test]
async fn mistakes_in_the_setup_are_named_on_the_page() {
    let connector = Connector::start().await;
    connector.run(&["client", "set", "--id", tests::connector::CLIENT_ID], "wrong").await;
    let page = Browser::default().consent(&connector.link(&[]).await).await;
    assert!(
        page.text.contains("client secret is wrong") && page.text.contains("client set"),
        "{}",
        page.text
    );

    let connector = Connector::with(Options { organizations: 2, ..Options::new("") }).await;
    connector.connect(&["--organization", "20098765432"]).await;
    let page = Browser::default().consent(&connector.link(&["--organization", "1"]).await).await;
    assert!(page.text.contains("not in the Inventory organisation 1"), "{}", page.text);
    let agent = connector.agent(&[]).await;
    agent.get("/v1/inventory/items").await.ok();
}

#[tokio::test]
async fn connecting_again_replaces_the_grant_and_revokes_the_old_one() {
    let (connector, agent) = Connector::connected().await;
    agent.get("/v1/crm/deals").await.ok();
    connector.connect(&["--products", "crm"]).await;
    let status = agent.get("/v1/status").await.ok();
    assert_eq!(status["connections"][0]["products"], serde_json::json!(["crm"]));
    let revoked =
        connector.zoho.sandbox.requests().iter().filter(|r| r.path.ends_with("/token/revoke")).count();
    assert_eq!(revoked, 1);
    agent.get("/v1/crm/deals").await.ok();
}

#[tokio::test]
async fn connecting_again_keeps_what_the_connection_may_do() {
    let connector = Connector::start().await;
    connector.connect(&["--access", "write"]).await;
    let before = connector.run(&["connections", "--json"], "").await.out;
    connector.connect(&[]).await;
    let scopes = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()[0]["scopes"].clone();
    assert!(scopes(&before).to_string().contains("deals.CREATE"), "{before}");
    assert_eq!(scopes(&connector.run(&["connections", "--json"], "").await.out), scopes(&before));
    let narrower = connector.run(&["connect", "--no-wait", "--access", "read"], "").await;
    assert!(
        narrower.out.contains("can no longer do") && narrower.out.contains("deals.CREATE"),
        "{}",
        narrower.out
    );
}

#[tokio::test]
async fn a_worse_consent_does_not_replace_a_working_connection() {
    let (connector, agent) = Connector::connected().await;
    connector.zoho.sandbox.switches(|switches| switches.drop_refresh_token = true);
    let page = Browser::default().consent(&connector.link(&[]).await).await;
    assert!(page.text.contains("<h1>Not connected</h1>"), "{}", page.text);
    agent.get("/v1/crm/deals").await.ok();
    agent.get("/v1/inventory/items").await.ok();
}

/// Three scopes, as people take them today, make a working connection that says honestly what it can do.
#[tokio::test]
async fn exact_scopes_make_an_honest_connection() {
    let connector = Connector::start().await;
    let three = "ZohoCRM.modules.deals.READ,ZohoCRM.modules.contacts.READ,ZohoCRM.modules.notes.READ";
    connector.connect(&["--scopes", three]).await;
    let agent = connector.agent(&[]).await;
    let status = agent.get("/v1/status").await.ok();
    assert_eq!(
        status["connections"][0]["allows"],
        serde_json::json!([
            "GET /v1/crm/deals",
            "GET /v1/crm/deals/{id}",
            "GET /v1/crm/deals/{id}/brief",
            "GET /v1/crm/deals/{id}/notes",
            "GET /v1/crm/contacts",
            "GET /v1/crm/contacts/{id}",
            "GET /v1/events",
            "GET /v1/events/{id}",
            "POST /v1/events/claim",
            "POST /v1/events/ack",
            "GET /v1/audit"
        ])
    );
    agent.get("/v1/crm/deals").await.ok();
    agent.get("/v1/inventory/items").await.problem("product_not_connected");
}

/// The scopes travel through the user's browser, where anybody can edit them.
#[tokio::test]
async fn edited_scopes_do_not_bring_a_dead_connection_into_other_hands() {
    let edits = [
        ("ZohoSearch.securesearch.READ", "which was asked for"),
        ("ZohoCRM.modules.ALL,ZohoCRM.org.READ", "gave no access to inventory"),
        ("ZohoInventory.FullAccess.all,ZohoCRM.modules.ALL,ZohoCRM.org.READ", "more access"),
        (
            "ZohoInventory.items.READ,ZohoInventory.settings.READ,ZohoCRM.modules.deals.READ",
            "cannot tell whose",
        ),
    ];
    // A few consents each: a stranger has no more in ten minutes.
    for edits in edits.chunks(2) {
        let (connector, agent) = Connector::connected().await;
        // What Zoho does not name, nobody can compare.
        connector.zoho.sandbox.switches(|switches| switches.scope_left_out = false);
        connector.zoho.sandbox.revoke_user_grants();
        agent.get("/v1/crm/deals").await.problem("reconnect_required");
        let reconnect = format!("{}/oauth/start?connection=default", connector.url);
        for (edited, expected) in edits {
            let browser = Browser::default();
            let zoho = with_param(&browser.get(&reconnect).await.location.unwrap(), "scope", edited);
            let back = browser.post(&zoho, &[("decision", "accept")]).await.location.unwrap();
            let page = browser.finish(&back).await;
            assert!(
                page.text.contains("<h1>Not connected</h1>") && page.text.contains(expected),
                "{}",
                page.text
            );
            agent.get("/v1/crm/deals").await.problem("reconnect_required");
        }
        let ending = Browser::default().consent(&reconnect).await;
        assert!(ending.text.contains("<h1>Connected</h1>"), "{}", ending.text);
    }
}

#[tokio::test]
async fn narrower_scopes_are_told_on_the_page() {
    let connector = Connector::start().await;
    for (left_out, heading, expected) in [
        (true, "<h1>Not connected</h1>", "did not grant the access to Zoho CRM that was asked for"),
        (false, "<h1>Connected</h1>", "ZohoCRM.org.READ"),
    ] {
        connector.zoho.sandbox.switches(|switches| switches.scope_left_out = left_out);
        let browser = Browser::default();
        let zoho = browser.get(&connector.link(&["--products", "crm"]).await).await.location.unwrap();
        let narrower = with_param(&zoho, "scope", "ZohoCRM.modules.deals.READ");
        let back = browser.post(&narrower, &[("decision", "accept")]).await.location.unwrap();
        let page = browser.finish(&back).await;
        assert!(page.text.contains(heading) && page.text.contains(expected), "{}", page.text);
    }
}

#[tokio::test]
async fn the_operator_hears_how_a_consent_ended() {
    let connector = Connector::start().await;
    for (decision, code, expected, next) in [
        ("accept", 0, "✓ Connected", "Then: zoho-connector keys create --connections shop "),
        ("reject", 1, "You declined", "zoho-connector connect --connection shop"),
    ] {
        let data = connector.folder().to_str().unwrap();
        let args = ["connect", "--connection", "shop", "--data", data, "--public-url", &connector.url];
        let mut waiting = tests::process::Running::start(&args, &[]);
        let lines = waiting.until("Waiting").await;
        let link = lines.iter().find(|line| line.contains("/oauth/start?link=")).unwrap().trim().to_owned();
        let browser = Browser::default();
        let zoho = browser.get(&link).await.location.unwrap();
        let back = browser.post(&zoho, &[("decision", decision)]).await.location.unwrap();
        browser.finish(&back).await;
        let ended = waiting.end().await;
        assert_eq!(ended.code, code, "{ended:?}");
        let told = format!("{}{}", ended.out, ended.err);
        assert!(told.contains(expected) && told.contains(next), "{ended:?}");
    }
}

/// A code that Zoho has taken is not lost to Ctrl-C.
#[tokio::test]
async fn an_exchange_under_way_outlives_the_end_of_the_server() {
    let mut connector = Connector::start().await;
    let browser = Browser::default();
    let callback = browser.accept(&connector.link(&[]).await).await;
    let gate = sandbox::Gate::default();
    connector.zoho.sandbox.inject(sandbox::Fault {
        path_contains: "/oauth/v2/token".to_owned(),
        times: 1,
        kind: sandbox::FaultKind::Held(gate.clone()),
    });
    let waiting = tokio::spawn(async move { browser.try_get(&callback).await });
    gate.reached_by(1).await;
    let address = connector.url.trim_start_matches("http://").to_owned();
    let ends = async {
        until("closed", async || tokio::net::TcpStream::connect(&address).await.is_err()).await;
        gate.open();
    };
    let (code, ()) = tokio::join!(connector.interrupt(), ends);
    assert_eq!(code, 0);
    drop(waiting.await);
    connector.boot().await;
    let agent = connector.agent(&[]).await;
    agent.get("/v1/crm/deals").await.ok();
}

#[tokio::test]
async fn a_new_consent_counts_at_once_for_a_running_server() {
    let connector = Connector::start().await;
    connector.connect(&["--products", "crm"]).await;
    let agent = connector.agent(&[]).await;
    agent.get("/v1/crm/deals").await.ok();
    agent.get("/v1/inventory/items").await.problem("product_not_connected");
    connector.connect(&["--products", "inventory,crm"]).await;
    agent.get("/v1/inventory/items").await.ok();
}

fn answer(connector: &Connector, path: &str, times: usize, body: &str) {
    connector.zoho.sandbox.inject(sandbox::Fault {
        path_contains: path.to_owned(),
        times,
        kind: sandbox::FaultKind::Body(200, "application/json".to_owned(), body.to_owned()),
    });
}

#[tokio::test]
async fn what_the_accounts_server_refuses_is_told_with_what_to_check() {
    let home = Options { user_data_centre: "us".to_owned(), ..Options::new("") };
    let connector = Connector::with(home).await;
    for (body, expected, never) in [
        (r#"{"error":"general_error"}"#, "names no cause", "in some minutes"),
        (r#"{"error":"invalid_client"}"#, "mistyped", "Multi-DC"),
        ("{}", "neither a token nor a reason", "&quot;&quot;"),
    ] {
        answer(&connector, "/oauth/v2/token", 1, body);
        let page = Browser::default().consent(&connector.link(&[]).await).await;
        assert!(page.text.contains("<h1>Not connected</h1>"), "{}", page.text);
        assert!(page.text.contains(expected) && !page.text.contains(never), "{}", page.text);
    }
}

/// Organisations without Inventory are not among those to choose from.
#[tokio::test]
async fn an_organisation_that_is_off_or_has_only_books_is_not_offered() {
    let connector = Connector::start().await;
    let list = r#"{"code":0,"organizations":[
        {"organization_id":"1","name":"Closed","is_org_active":false,"AppList":["inventory"]},
        {"organization_id":"2","name":"Books only","is_org_active":true,"org_joined_app_list":["books"],"AppList":["books"]},
        {"organization_id":"20098765432","name":"Nordlicht Moebel","is_org_active":true,"AppList":["books","inventory"],
         "currency_code":"EUR","price_precision":2}]}"#;
    answer(&connector, "/organizations", 1, list);
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    let status = agent.get("/v1/status").await.ok();
    let organization = &status["connections"][0]["organization"];
    assert_eq!(organization["id"], "20098765432");
    assert_eq!(
        (&organization["currency_code"], organization["price_precision"].as_u64()),
        (&"EUR".into(), Some(2))
    );
    answer(
        &connector,
        "/organizations",
        1,
        &list.replace("20098765432", "3").replace("[\"books\",\"inventory\"]", "[\"books\"]"),
    );
    let page = Browser::default().consent(&connector.link(&["--other-organization"]).await).await;
    assert!(page.text.contains("no active organisation in Zoho Inventory"), "{}", page.text);
}

/// Other programs have used up Inventory's minute: that is waited for, so that the code is not spent for nothing.
#[tokio::test]
async fn a_full_minute_of_inventory_is_waited_for() {
    let connector = Connector::start().await;
    let limit = |times| sandbox::Fault {
        path_contains: "/inventory/v1/organizations".to_owned(),
        times,
        kind: sandbox::FaultKind::RateLimit(sandbox::Limit::PerMinute),
    };
    connector.zoho.sandbox.inject(limit(1));
    connector.connect(&[]).await;
    connector.zoho.sandbox.switches(|switches| switches.retry_after = Some(60));
    connector.zoho.sandbox.inject(limit(1));
    let page = Browser::default().consent(&connector.link(&[]).await).await;
    assert!(
        page.text.contains("used up by the programs") && page.text.contains("in a minute"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("Correct this in Zoho"), "{}", page.text);
    let agent = connector.agent(&[]).await;
    assert_eq!(
        agent.get("/v1/status").await.ok()["connections"][0]["state"],
        "healthy",
        "the connection before it stays"
    );
}
