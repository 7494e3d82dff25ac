//! The client, connections and keys.

use shared::base::clock::{Clock, SignedDuration, SystemClock, earlier};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::access::key::{Keys, NewKey};
use shared::core::access::permission::Permission;
use shared::core::connection::{PauseCause, State};
use shared::core::grant::client;
use shared::core::grant::client::Client;
use shared::zoho::data_centre::DataCentre;
use tests::connector::{CLIENT_ID, CLIENT_SECRET, Connector};

use super::{Found, doctor, edit, in_minutes, put_back, stores};

#[tokio::test]
async fn a_client_that_zoho_does_not_take_is_told_from_another() {
    let (connector, _) = Connector::connected().await;
    let stores = stores(&connector);
    let set = async |id: &str, home: DataCentre, secret: &str| {
        let secret = Secret::new(secret).into();
        let client = Client { id: id.to_owned(), home, secret, secrets: Vec::new() };
        client::set(&*stores.secrets, client).await.unwrap();
        doctor(&connector).await
    };
    let again = "client set --id";
    set(CLIENT_ID, DataCentre::Us, "wrong").await.only("Client", "the secret is wrong", again);
    set(CLIENT_ID, DataCentre::Us, &format!("\u{feff}{CLIENT_SECRET}")).await.only("Client", "U+FEFF", again);
    let kept = "`zoho-connector client set --id ID --data-centre us --data ";
    set("1000.NOBODY", DataCentre::Us, CLIENT_SECRET).await.only("Client", "mistyped", kept);
    connector.zoho.sandbox.register_client(sandbox::Client {
        id: "1000.ATHOME".to_owned(),
        secret: "secret-at-home".to_owned(),
        home: "in".to_owned(),
        multi_dc: false,
        ..sandbox::Client::default()
    });
    let elsewhere = set("1000.ATHOME", DataCentre::Us, "secret-at-home").await;
    elsewhere.only("Client", "us does not know the client id, but in does", "--data-centre in");
    set(CLIENT_ID, DataCentre::Us, CLIENT_SECRET).await.is_well();
}

/// The states that token-refresh writes down.
#[tokio::test]
async fn what_a_connection_suffers_from_is_told_with_the_way_out() {
    let (connector, _) = Connector::connected().await;
    let stores = stores(&connector);
    let (now, until) = (SystemClock.now(), in_minutes(10));
    let check = "Connection default";
    // What is for people tells nothing of the mend.
    let paused =
        |cause| State::CoolingDown { until, times: 1, cause, reason: "Zoho gave no token".to_owned() };
    let said = "Zoho gave no token. The next try is at";
    let wrong = State::Misconfigured { reason: "the client secret is wrong".to_owned(), clients: None };
    let set = format!("`zoho-connector client set --id {CLIENT_ID} --data-centre us --data ");
    for (state, cause, mend) in [
        (
            State::ReconnectRequired { since: now },
            "has not accepted the grant",
            "/oauth/start?connection=default",
        ),
        (paused(PauseCause::NoAnswer), said, "reach Zoho over HTTPS"),
        (paused(PauseCause::NoToken), said, "a proxy answers in Zoho's place"),
        (paused(PauseCause::Throttled), said, "let no other program renew tokens"),
        (paused(PauseCause::GeneralError), said, "look at the client in Zoho's API console"),
        (paused(PauseCause::OtherRefusal), said, "look at the client in Zoho's API console, and let"),
        (paused(PauseCause::Unknown), said, "look here again"),
        (State::Exhausted { until }, "must wait until", "it goes on by itself"),
        (wrong, "the client secret is wrong", set.as_str()),
        (State::Disconnecting, "ending this connection", "disconnect --connection default"),
    ] {
        let before = edit(&stores, |row| row.state = state).await;
        doctor(&connector).await.names(check, cause, mend);
        put_back(&stores, &before).await;
    }
    let before = edit(&stores, |row| row.clock_ahead = Some(-600)).await;
    doctor(&connector).await.only(check, "600 s behind Zoho's", "timedatectl");
    put_back(&stores, &before).await;

    let before = edit(&stores, |row| row.organization = None).await;
    doctor(&connector).await.names("Organisation default", "no organisation", "--organization ID");
    put_back(&stores, &before).await;

    let before = edit(&stores, |row| row.token_expires = Some(in_minutes(5))).await;
    doctor(&connector).await.only("Token default", "the schedule is off", "zoho-connector serve");
    put_back(&stores, &before).await;

    // For good: this clock cannot be set back.
    connector.zoho.sandbox.advance(std::time::Duration::from_secs(600));
    doctor(&connector).await.only("Clock", "s behind Zoho's", "set the machine's clock right");
}

#[tokio::test]
async fn keys_that_do_not_fit_are_told() {
    let connector = Connector::start().await;
    doctor(&connector).await.names("Connections", "nothing is connected", "zoho-connector connect");
    connector.connect(&["--access", "write"]).await;
    doctor(&connector).await.only("Keys", "there is none", "keys create --connections default");
    let reader = connector.agent(&[]).await;
    let create = "`zoho-connector keys create --can inventory:write,crm:write,events --connections default ";
    doctor(&connector).await.only("Writes default", "key_not_allowed", create);
    // One key mends both products: two commands would make two.
    let said = connector.run(&["doctor"], "").await.out;
    assert_eq!((said.matches("✗ Writes default").count(), said.matches(create).count()), (2, 1), "{said}");
    // Of CRM, such a consent writes nothing: a key that may would be told next.
    connector.connect(&["--access", "stock"]).await;
    let create = "`zoho-connector keys create --can inventory:stock,crm:read,events --connections default ";
    doctor(&connector).await.only("Writes default", "writes to inventory", create);
    connector.connect(&["--access", "write"]).await;
    let _writer = connector.agent(&["--can", "inventory:write,crm:write,events", "--label", "writer"]).await;
    doctor(&connector).await.is_well();

    connector.connect(&["--access", "read"]).await;
    let found = doctor(&connector).await;
    found.only(
        "Key writer",
        "ZohoInventory.salesorders.CREATE",
        "connect --connection default --access write",
    );
    connector.connect(&["--access", "write"]).await;

    let stores = stores(&connector);
    let keys = Keys::new(stores.state.clone(), std::sync::Arc::new(SystemClock));
    let wanted = NewKey {
        expires: Some(earlier(SystemClock.now(), SignedDuration::from_mins(1))),
        ..NewKey::new("old", vec![Permission::Events], vec![ConnectionName::default()])
    };
    // What a command leaves that was killed ends by itself, and is nobody's to mend.
    let killed = NewKey { label: "command line, for an hour".to_owned(), ..wanted.clone() };
    keys.create(killed).await.unwrap();
    let (old, _) = keys.create(wanted.clone()).await.unwrap();
    let found = doctor(&connector).await;
    found.only("Key old", "has ended at", &format!("keys revoke {}", old.id));
    found.only("Key old", "has ended at", "keys create --connections default");
    keys.revoke(&old.id).await.unwrap();
    let lost = NewKey { connections: vec!["gone".parse().unwrap()], expires: None, ..wanted };
    keys.create(lost).await.unwrap();
    doctor(&connector).await.only(
        "Key old",
        "is for gone, which is not connected",
        "connect --connection gone",
    );
    reader.get("/v1/status").await.ok();
}

/// Without the name, the mend of one connection would change another.
#[tokio::test]
async fn commands_are_about_the_connection_that_is_there() {
    let connector = Connector::start().await;
    connector.connect(&["--connection", "shop"]).await;
    let is_told = |found: &Found, check: &str, command: &str| {
        found.0.iter().any(|one| one["check"] == check && one.to_string().contains(command))
    };
    let found = doctor(&connector).await;
    found.only("Keys", "there is none", "keys create --connections shop");
    assert!(is_told(&found, "Webhooks", "webhooks setup --connection shop"), "{:#?}", found.0);
    let shown = connector.run(&["webhooks", "show"], "").await.out;
    assert!(shown.contains("`zoho-connector webhooks setup --connection shop "), "{shown}");

    connector.connect(&["--connection", "branch"]).await;
    let found = doctor(&connector).await;
    found.only("Keys", "there is none", "keys create --connections NAME");
    found.only("Keys", "there is none", "(NAME: branch, shop)");
    assert!(is_told(&found, "Webhooks", "webhooks setup --connection NAME"), "{:#?}", found.0);
}
