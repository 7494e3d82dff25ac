//! Connecting without a browser that reaches us, and the commands about connections: as typed, on one machine and on AWS.

use std::time::Duration;

use sandbox::{Fault, FaultKind, Options};
use serde_json::{Value, json};
use tests::browser::Browser;
use tests::clock::until;
use tests::connector::{CLIENT_ID, CLIENT_SECRET, Connector};
use tests::deployed::Deployed;
use tests::lambda::Cloud;
use tests::process::{Ended, Running};

const SCOPES: &str = "ZohoInventory.items.READ,ZohoInventory.settings.READ";

/// Consents at Zoho, and returns the address at which the browser ends.
async fn consent(command: &mut Running) -> String {
    let lines = command.until("http").await;
    let zoho = lines.last().unwrap().trim();
    let browser = Browser::default();
    browser.get(zoho).await;
    browser.post(zoho, &[("decision", "accept")]).await.location.expect("Zoho leads back")
}

async fn paste(connector: &Connector, args: &[&str], edit: impl Fn(String) -> String) -> Ended {
    let mut command = connector.start_command(&[&["connect", "--paste"], args].concat());
    let address = consent(&mut command).await;
    command.type_line(&edit(address)).await;
    command.end().await
}

#[tokio::test]
async fn a_pasted_address_connects() {
    let connector = Connector::prepare(Options::new(""), "http://localhost:1".to_owned()).await;
    let ended = paste(&connector, &[], |address| format!("  {address} ")).await;
    assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    assert!(ended.out.contains("✓ Connected") && ended.out.contains("Nordlicht Moebel"), "{}", ended.out);
    let listed = connector.run(&["connections"], "").await;
    assert!(listed.out.contains("default  healthy  eu  inventory+crm"), "{}", listed.out);
    assert!(listed.out.contains("owner@example.com"), "{}", listed.out);
    assert!(!connector.secret_strayed());
}

#[tokio::test]
async fn a_pasted_address_is_checked_like_a_callback() {
    let connector = Connector::prepare(Options::new(""), "http://localhost:1".to_owned()).await;
    let replaced = |name: &'static str, value: &'static str| {
        move |address: String| {
            let mut url = url::Url::parse(&address).unwrap();
            let pairs: Vec<(String, String)> =
                url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
            url.query_pairs_mut().clear().extend_pairs(pairs).append_pair(name, value);
            url.into()
        }
    };
    let hostile = "https://accounts.zoho.eu.evil.example";
    type Edit = Box<dyn Fn(String) -> String>;
    let edits: [(Edit, &str); 6] = [
        (Box::new(replaced("state", "0")), "another consent"),
        (Box::new(|_| "http://localhost:1/oauth/callback?code=1".to_owned()), "another consent"),
        (Box::new(|_| "yes".to_owned()), "not the address"),
        (Box::new(replaced("accounts-server", hostile)), "none of Zoho's"),
        (Box::new(replaced("location", "moon")), "none of Zoho's"),
        (Box::new(replaced("error", "access_denied")), "declined"),
    ];
    for (edit, expected) in edits {
        let before = connector.token_calls();
        let ended = paste(&connector, &[], edit).await;
        assert_eq!(ended.code, 1, "{}", ended.out);
        assert!(ended.err.contains(expected), "{expected}: {}", ended.err);
        assert_eq!(connector.token_calls(), before, "nothing is sent");
    }
}

#[tokio::test]
async fn among_several_organisations_one_is_chosen_at_the_terminal() {
    let options = Options { organizations: 3, ..Options::new("") };
    let connector = Connector::prepare(options, "http://localhost:1".to_owned()).await;
    let mut command = connector.start_command(&["connect", "--paste"]);
    let address = consent(&mut command).await;
    for line in [address.as_str(), "7", "2"] {
        command.type_line(line).await;
    }
    let ended = command.end().await;
    assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    assert!(ended.out.contains("none of the numbers") && ended.out.contains("20098765433"), "{}", ended.out);
}

#[tokio::test]
async fn a_self_client_connects_in_its_own_data_centre() {
    let connector = Connector::prepare(Options::new(""), "http://localhost:1".to_owned()).await;
    let elsewhere = connector.run(&["connect", "--self-client", "1000.a.b", "--dc", "eu"], "").await;
    assert!(elsewhere.code == 1 && elsewhere.err.contains("--data-centre eu"), "{}", elsewhere.err);
    assert_eq!(connector.token_calls(), 0);

    connector.zoho.sandbox.register_client(sandbox::Client {
        id: "1000.SELF".to_owned(),
        secret: "self-secret".to_owned(),
        home: "eu".to_owned(),
        ..sandbox::Client::default()
    });
    connector.run(&["client", "set", "--id", "1000.SELF", "--data-centre", "eu"], "self-secret").await;
    let code = connector.zoho.sandbox.self_client_code("1000.SELF", SCOPES);
    let args = ["connect", "--self-client", "--dc", "eu", "--scopes", SCOPES];
    let ended = connector.run(&args, &code).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("✓ Connected"), "{}", ended.out);
    let args = ["connect", "--self-client", &code, "--dc", "eu", "--scopes", SCOPES];
    let again = connector.run(&args, "").await;
    assert!(again.code == 1 && again.err.contains("takes each one once"), "{}", again.err);
    assert_eq!(connector.run(&["refresh"], "").await.code, 0, "the connection lives on");
}

/// The same commands on one machine and on AWS.
async fn live_and_end(connector: &Connector) {
    assert!(connector.run(&["connections"], "").await.out.contains("Nothing is connected"));
    let unknown = connector.run(&["refresh"], "").await;
    assert!(unknown.code == 1 && unknown.err.contains("no connection default"), "{}", unknown.err);
    connector.connect(&[]).await;

    let calls = connector.token_calls();
    let ended = connector.run(&["refresh"], "").await;
    assert!(ended.code == 0 && ended.out.contains("good until"), "{} {}", ended.out, ended.err);
    assert_eq!(connector.token_calls() - calls, 1, "a new token although the old one lives");
    let listed = connector.run(&["connections", "--json"], "").await.out;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["state"]["is"], "healthy");
    let text = listed.to_string();
    assert!(!text.replace(CLIENT_ID, "").contains("1000."), "no token is shown: {text}");

    connector.run(&["client", "set", "--id", CLIENT_ID], "wrong").await;
    let ended = connector.run(&["refresh"], "").await;
    assert!(ended.code == 1 && ended.err.contains("client secret is wrong"), "{}", ended.err);
    let set = format!("Correct it with `zoho-connector client set --id {CLIENT_ID} --data-centre us ");
    assert!(ended.err.contains(&set), "{}", ended.err);
    let listed = connector.run(&["connections"], "").await.out;
    assert!(listed.contains("misconfigured") && listed.contains("client set"), "{listed}");
    let calls = connector.token_calls();
    connector.run(&["refresh"], "").await;
    assert_eq!(connector.token_calls(), calls, "no call before the client changes");
    connector.run(&["client", "set", "--id", CLIENT_ID], CLIENT_SECRET).await;
    assert_eq!(connector.run(&["refresh"], "").await.code, 0);

    connector.zoho.sandbox.revoke_user_grants();
    let ended = connector.run(&["refresh"], "").await;
    assert!(ended.code == 1 && ended.err.contains("connect --connection default"), "{}", ended.err);
    let listed = connector.run(&["connections"], "").await.out;
    assert!(
        listed.contains("reconnect_required") && listed.contains("/oauth/start?connection=default"),
        "{listed}"
    );
    let ended = connector.run(&["disconnect", "--yes"], "").await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(connector.run(&["connections"], "").await.out.contains("Nothing is connected"));
    connector.connect(&[]).await;
}

#[tokio::test]
async fn a_connection_lives_and_ends_by_the_operators_commands() {
    live_and_end(&Connector::start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lives_and_ends_by_the_operators_commands_on_aws() {
    live_and_end(&Deployed::on_aws(Cloud::start().await).await.connector).await;
}

#[tokio::test]
async fn a_disconnect_is_confirmed_at_either_of_zohos_addresses() {
    for newer in [false, true] {
        let (connector, agent) = Connector::connected().await;
        connector.zoho.sandbox.switches(|switches| switches.revoke_newer_path = newer);
        let ended = connector.run(&["disconnect", "--yes"], "").await;
        assert!(ended.out.contains("disconnected, here and at Zoho"), "{newer}: {}", ended.out);
        agent.get("/v1/crm/deals").await.problem("product_not_connected");
    }
}

#[tokio::test]
async fn the_troubles_of_a_connection_are_events() {
    let (connector, agent) = Connector::connected().await;
    connector.zoho.sandbox.revoke_user_grants();
    connector.run(&["refresh"], "").await;
    connector.connect(&[]).await;
    let listed = async || agent.get("/v1/events").await.ok()["data"].as_array().unwrap().len() == 2;
    until("listed", listed).await;
    let events = agent.get("/v1/events").await.ok();
    let kinds: Vec<_> = events["data"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["connector.reconnect_required", "connector.recovered"]);
    assert!(events["data"][0]["data"]["notice"].as_str().unwrap().contains("reconnect link"), "{events}");
}

#[tokio::test]
async fn the_twenty_first_connection_of_one_user_is_refused_before_it_does_harm() {
    let connector = Connector::start().await;
    for number in 1..=20 {
        if number % 8 == 0 {
            // Zoho gives ten codes in ten minutes.
            connector.zoho.sandbox.advance(Duration::from_secs(600));
        }
        let name = format!("c{number}");
        let page = Browser::default().consent(&connector.link(&["--connection", &name]).await).await;
        assert!(page.text.contains("<h1>Connected</h1>"), "{}", page.text);
        assert_eq!(page.text.contains(&format!("has {number} connections")), number >= 15, "{}", page.text);
    }
    let refused = connector.run(&["connect", "--no-wait", "--connection", "c21"], "").await;
    assert!(
        refused.code == 1 && refused.err.contains("c1,") && refused.err.contains("--another-user"),
        "{}",
        refused.err
    );
    let agent = connector.agent(&["--connections", "c1"]).await;
    agent.get("/v1/inventory/items").await.ok();

    let page =
        Browser::default().consent(&connector.link(&["--connection", "c21", "--another-user"]).await).await;
    assert!(page.text.contains("ended the oldest, c1."), "{}", page.text);
}

/// Names at Zoho are people's words: an organisation must not command the operator's terminal.
#[tokio::test]
async fn what_people_wrote_commands_no_terminal() {
    let connector = Connector::start().await;
    let name = "Harbor\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}GmbH";
    let organizations = json!({ "code": 0, "organizations": [{ "organization_id": "10234695", "name": name, "is_default_org": true }] });
    let kind = FaultKind::Body(200, "application/json".to_owned(), organizations.to_string());
    connector.zoho.sandbox.inject(Fault { path_contains: "/v1/organizations".to_owned(), times: 1, kind });
    connector.connect(&[]).await;
    let shown = connector.run(&["connections"], "").await.out;
    assert!(shown.contains("Harbor\\u001b]0;owned\\u0007\\u009b2J\\u202eGmbH"), "{shown:?}");
    let harmful = |one: char| one.is_control() && one != '\n' || one == '\u{202e}';
    assert!(!shown.contains(harmful), "{shown:?}");
    let json = connector.run(&["connections", "--json"], "").await.out;
    let read: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read[0]["organization"]["name"], name, "JSON stays what it is");
}

#[tokio::test]
async fn a_live_callback_event_ends_a_consent() {
    let deployed = Deployed::on(Cloud::start().await).await;
    let connector = &deployed.connector;
    let file = connector.folder().join("callback.json");
    std::fs::write(&file, "of an hour ago").unwrap();
    let sample = ["sample", "callback", "--out", file.to_str().unwrap()];
    let kept = connector.run(&sample, "").await;
    assert!(kept.code == 2 && kept.err.contains("--force") && kept.out.is_empty(), "{kept:?}");
    let mut command = connector.start_command(&[&sample[..], &["--force"]].concat());
    let address = consent(&mut command).await;
    command.type_line(&address).await;
    let ended = command.end().await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777,
        0o600
    );
    let event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let answer = deployed.cloud.invoke("oauth-callback", &event).await.unwrap();
    assert_eq!(
        (&answer["statusCode"], &answer["headers"]["location"]),
        (&303.into(), &"/oauth/callback".into())
    );
    assert!(connector.run(&["connections"], "").await.out.contains("healthy"));
}
