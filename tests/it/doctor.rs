//! `zoho-connector doctor` on installations that are broken in one place: it names the cause and the mend.

mod fronts;

use std::fs;

use sandbox::Options;
use serde_json::{Value, json};
use shared::base::clock::{Clock, SignedDuration, SystemClock, Timestamp, earlier, later};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::access::key::{Keys, NewKey};
use shared::core::access::permission::Permission;
use shared::core::connection::{self, Connection, PauseCause, State};
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::{Closed, End, EndState, Entry};
use shared::core::events::subscription;
use shared::core::events::subscription::{Channel, Refusal, Subscription};
use shared::core::grant::client;
use shared::core::grant::client::Client;
use shared::store::sqlite::Sqlite;
use shared::store::{Condition, Key, Put, Stores};
use shared::zoho::data_centre::DataCentre;
use tests::connector::{CLIENT_ID, CLIENT_SECRET, Connector, free_port};
use tests::deployed::Deployed;
use tests::gateway::{Gateway, TOKEN};
use tests::lambda::Cloud;
use tests::process;
use tests::process::Ended;

use crate::machine::RECIPIENT;

/// What the doctor found.
struct Found(Vec<Value>);

impl Found {
    fn read(ended: &Ended) -> Self {
        let found: Vec<Value> =
            serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{} {}", ended.out, ended.err));
        let wrong = found.iter().any(|one| one["ok"] == false);
        assert_eq!(ended.code, i32::from(wrong), "{} {}", ended.out, ended.err);
        for one in &found {
            let has_mend = one["mend"].as_str().is_some_and(|mend| !mend.is_empty());
            assert_eq!(has_mend, one["ok"] == false, "what is wrong has a mend: {one}");
        }
        Self(found)
    }

    fn wrong(&self) -> Vec<&Value> {
        self.0.iter().filter(|one| one["ok"] == false).collect()
    }

    /// This check is wrong, and no other: with this cause and this mend.
    fn only(&self, check: &str, cause: &str, mend: &str) {
        let wrong = self.wrong();
        assert!(wrong.iter().all(|one| one["check"] == check), "only {check}: {wrong:#?}");
        self.names(check, cause, mend);
    }

    /// This check is wrong, with this cause and this mend; others may be as well.
    fn names(&self, check: &str, cause: &str, mend: &str) {
        let wrong = self.wrong();
        let is_it = |one: &&Value| -> bool {
            let has = |field: &str, part: &str| one[field].as_str().is_some_and(|text| text.contains(part));
            one["check"] == check && has("found", cause) && has("mend", mend)
        };
        assert!(wrong.iter().any(is_it), "{check}, {cause}, {mend}: {wrong:#?}");
    }

    fn is_well(&self) {
        assert!(self.wrong().is_empty(), "{:#?}", self.wrong());
    }
}

async fn doctor(connector: &Connector) -> Found {
    Found::read(&connector.run(&["doctor", "--json"], "").await)
}

/// On the connector's folder, with another address or other variables.
async fn doctor_with(connector: &Connector, url: &str, more: &[(&str, &str)]) -> Found {
    let folder = connector.folder().to_str().unwrap();
    let variables = [connector.variables(), more.to_vec()].concat();
    let args = ["doctor", "--json", "--data", folder, "--public-url", url];
    Found::read(&process::run(&args, &variables, "").await)
}

fn stores(connector: &Connector) -> Stores {
    Sqlite::open(connector.folder(), std::sync::Arc::new(SystemClock)).unwrap().into()
}

/// Changes the row of the connection.
async fn edit(stores: &Stores, change: impl FnOnce(&mut Connection)) -> Connection {
    let name = ConnectionName::default();
    let before = connection::get(&*stores.state, &name).await.unwrap().unwrap();
    let mut row = before.clone();
    change(&mut row);
    stores.state.put(row.row().unwrap()).await.unwrap();
    before
}

async fn put_back(stores: &Stores, row: &Connection) {
    stores.state.put(row.row().unwrap()).await.unwrap();
}

fn in_minutes(minutes: i64) -> Timestamp {
    later(SystemClock.now(), SignedDuration::from_mins(minutes))
}

#[tokio::test]
async fn a_good_installation_is_well_and_shows_the_first_deals_and_items() {
    let (connector, _) = Connector::connected().await;
    let ended = connector.run(&["doctor"], "").await;
    assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    for expected in ["All is well", "✓ Items default", "SKU: SHELF-OAK-80", "✓ Deals default", "Stage: "]
    {
        assert!(ended.out.contains(expected), "{expected}: {}", ended.out);
    }
    doctor(&connector).await.is_well();
    assert!(!connector.secret_strayed());
    let keys = connector.run(&["keys", "list"], "").await.out;
    assert!(!keys.contains("doctor"), "its own keys are gone: {keys}");
    assert!(!connector.run(&["events", "list"], "").await.out.contains("zoho.inventory"));
}

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

#[tokio::test]
async fn a_channel_that_is_gone_and_webhooks_that_do_not_come_are_told() {
    let (connector, _) = Connector::connected().await;
    let (stores, name) = (stores(&connector), ConnectionName::default());
    let (past, future) = (earlier(SystemClock.now(), SignedDuration::from_mins(1)), in_minutes(600));
    let channel = Channel {
        confirmed: Some(past),
        expires: Some(future),
        ..Channel::new("1".to_owned(), format!("{}/webhooks/default/crm", connector.url))
    };
    let watch = async |channel: Channel| {
        let before = subscription::get(&*stores.state, &name).await.unwrap();
        let watch = Subscription {
            crm: vec!["Deals".to_owned()],
            channel: Some(channel),
            ..Subscription::new(name.clone(), past)
        };
        assert!(subscription::put(&*stores.state, &watch, before.as_ref()).await.unwrap());
        doctor(&connector).await
    };
    watch(channel.clone()).await.is_well();
    let mend = "webhooks setup --connection default";
    let (check, reason) = ("Channel default", "Deals may not be watched".to_owned());
    let ended = Channel { expires: Some(past), ..channel.clone() };
    watch(ended).await.only(check, "it ended at", mend);
    let lost = Channel { lost: Some(past), ..channel.clone() };
    watch(lost).await.only(check, "has lost it", mend);
    let refused = Channel { refused: Some(Refusal { at: past, reason }), ..channel.clone() };
    watch(refused).await.only(check, "Deals may not be watched", mend);
    let notify_url = "https://old.example.com/webhooks/default/crm".to_owned();
    let elsewhere = Channel { notify_url, ..channel.clone() };
    watch(elsewhere).await.only(check, "at https://old.example.com/", mend);
    watch(channel).await.is_well();

    connector.webhook_secret().await;
    let ended = connector.run(&["doctor"], "").await;
    assert!(ended.out.contains("a signed webhook comes back"), "{} {}", ended.out, ended.err);
    let events = connector.run(&["events", "list"], "").await.out;
    assert!(!events.contains("zoho.inventory"), "and leaves no event: {events}");
    let front =
        fronts::odd(&connector.url, |path| path.starts_with("/webhooks/").then_some((404, "not found")));
    let found = doctor_with(&connector, &front.await, &[]).await;
    found.names("Webhook default", "was answered 404", "pass /webhooks/ on");
    let front = fronts::odd(&connector.url, |path| path.starts_with("/webhooks/").then_some((401, "{}")));
    let found = doctor_with(&connector, &front.await, &[]).await;
    found.names("Webhook default", "was answered 401", "webhooks rotate --connection default");
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

#[tokio::test]
async fn a_hook_that_tells_nobody_is_told() {
    let (connector, _) = Connector::connected().await;
    let stores = stores(&connector);
    let mut gateway = Gateway::start().await;
    let set = async |url: &str, token: &str, paused: bool| {
        let hook =
            Hook { paused, set: "1".to_owned(), ..Hook::new(url.parse().unwrap(), Secret::new(token)) };
        hook.store(&*stores.secrets).await.unwrap();
        (doctor(&connector).await, hook)
    };
    let url = gateway.url.clone();
    let check = "Agent's hook";
    let (found, hook) = set(&url, TOKEN, false).await;
    found.is_well();
    set(&url, "wrong", false).await.0.only(check, "the token is wrong", "agent set --url");
    let elsewhere = url.replace("/hooks/agent", "/other/agent");
    set(&elsewhere, TOKEN, false).await.0.only(check, "hooks.path", "agent test");
    set(&url, TOKEN, true).await.0.only("Agent is told", "paused", "agent resume");
    assert!(gateway.runs().is_empty(), "no turn is spent");

    set(&url, TOKEN, false).await.0.is_well();
    let standing = json!({ "turns": [], "refused": [hook.digest(), 401] });
    let row = Put::record(Key::new("agent", "hook"), &standing, Condition::Any).unwrap();
    stores.events.put(row).await.unwrap();
    let found = doctor(&connector).await;
    found.only("Agent is told", "answered 401", "agent resume");
    assert!(
        !format!("{:?}", found.wrong()).contains("events replay"),
        "nothing is dead: {:#?}",
        found.wrong()
    );
    let (id, at) = ("1a22a22a8b9113213ac0553656fbb89".to_owned(), SystemClock.now());
    let entry = Entry::new(id.clone(), "zoho.inventory.item.updated", None, at, json!({}));
    let end = End { state: EndState::Dead, outcome: "refused".to_owned(), note: None, at };
    let dead = Key::new("life#default", &id);
    let row = Put::record(dead.clone(), &Closed { entry, end }, Condition::Any).unwrap();
    stores.events.put(row).await.unwrap();
    let found = doctor(&connector).await;
    found.only("Agent is told", "answered 401", "`zoho-connector events replay --dead --connection default");
    stores.events.delete(dead, Condition::Any).await.unwrap();
    stores.events.delete(Key::new("agent", "hook"), Condition::Any).await.unwrap();
    gateway.stop().await;
    doctor(&connector).await.only(check, "does not answer", "agent test");
}

#[tokio::test]
async fn an_address_that_does_not_lead_here_is_told() {
    let (connector, _) = Connector::connected().await;
    let (other, _) = Connector::connected().await;
    let found = doctor_with(&connector, &other.url, &[]).await;
    found.only("This installation", "has another store", "--public-url");
    // Where something else answers, or nobody does, the server's own address is the cause.
    let known = format!("of this store takes {} for its address", connector.url);
    found.only("This installation", &known, "--public-url");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let found = doctor_with(&connector, &nobody, &[]).await;
    found.only("Public address", "nothing answers", "end it, and start it with `zoho-connector serve --data");
    let listen = nobody.trim_start_matches("http://");
    found.only("Public address", &known, &format!("--public-url {nobody} --listen {listen}`"));
    let found = doctor_with(&connector, &connector.zoho.url, &[]).await;
    found.only("Public address", "it is no Zoho Connector", "lead the address to the connector");
    let old = fronts::odd(&connector.url, |path| {
        (path == "/health").then_some((200, r#"{"status":"ok","version":"0.0.9"}"#))
    });
    let front = old.await;
    let found = doctor_with(&connector, &front, &[]).await;
    found.names("Version", "is 0.0.9, this command is", "install the same version");
    let known = format!("the server takes {} for its address", connector.url);
    // The address leads to where the server listens: that is where it goes on.
    let listen = connector.url.trim_start_matches("http://");
    found.names("Server's address", &known, "end it, and start it with `zoho-connector serve --data");
    found.names("Server's address", &known, &format!(" --public-url {front} --listen {listen}`"));
    let stripped = fronts::odd(&connector.url, |path| {
        path.starts_with("/v1/").then_some((401, r#"{"code":"key_missing","detail":"no header"}"#))
    });
    let found = doctor_with(&connector, &stripped.await, &[]).await;
    found.only("This installation", "key_missing", "Authorization included");
    let ahead = fronts::odd(&connector.url, |path| {
        path.starts_with("/v1/").then_some((401, r#"{"code":"key_expired","detail":"ended"}"#))
    });
    let found = doctor_with(&connector, &ahead.await, &[]).await;
    found.only("This installation", "clock is minutes ahead", "set the clocks of both machines right");
    let found = doctor_with(&connector, &fronts::with_an_ended_certificate().await, &[]).await;
    found.only("Certificate", "it has ended", "renew it");
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_is_not_safe_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let (mut connector, _) = Connector::connected().await;
    let folder = connector.folder().to_owned();
    let rights = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    rights(0o755);
    doctor(&connector).await.only("Rights of the folder", "mode 755", "chmod 700");
    rights(0o700);

    let home = tempfile::tempdir().unwrap();
    let variables = [("HOME", home.path().to_str().unwrap())];
    doctor_with(&connector, &connector.url, &variables).await.is_well();
    fs::create_dir(home.path().join(".openclaw")).unwrap();
    let found = doctor_with(&connector, &connector.url, &variables).await;
    found.only("User of the agent", "can read Zoho's secrets", "useradd --system");

    let full = connector.run(&["doctor", "--json", "--least-free", "999999999999"], "").await;
    Found::read(&full).only("Disk", "MB are free", "free space");

    let (second, _) = connector.second_server().await;
    doctor(&connector).await.only("Servers", "2 run on this folder", "end all but one");
    second.kill().await;
    doctor(&connector).await.is_well();
    connector.kill().await;
    let found = doctor(&connector).await;
    let listen = connector.url.trim_start_matches("http://");
    for (check, cause) in [("Servers", "no `serve` runs"), ("Public address", "nothing answers")] {
        found.names(check, cause, "start it with `zoho-connector serve --data");
        found.names(check, cause, &format!("--public-url {} --listen {listen}`", connector.url));
    }
    let (elsewhere, _) = connector.second_server().await;
    let found = doctor(&connector).await;
    found.only(
        "Public address",
        "the server of this store is one at 127.0.0.1:",
        "end it, and start it with",
    );
    found.only("Public address", "nothing answers", &format!("--listen {listen}`"));
    elsewhere.kill().await;

    fs::write(folder.join("zoho-connector.sqlite3"), "no database ".repeat(1000)).unwrap();
    for name in ["zoho-connector.sqlite3-wal", "zoho-connector.sqlite3-shm"] {
        let _perhaps_gone = fs::remove_file(folder.join(name));
    }
    doctor(&connector).await.names("Store", "is no database", "put a backup in the place");
    fs::remove_file(folder.join("zoho-connector.sqlite3")).unwrap();
    doctor(&connector).await.only("Store", "no store in", "zoho-connector setup");
}

/// `serve` would be refused there: it is no mend.
#[tokio::test]
async fn a_store_that_was_moved_away_is_to_be_served_nowhere() {
    let (mut connector, _) = Connector::connected().await;
    connector.kill().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("move.age").to_str().unwrap().to_owned();
    let sealed = connector.run(&["move", "export", &file, "--recipient", RECIPIENT, "--yes"], "").await;
    assert_eq!(sealed.code, 0, "{sealed:?}");
    doctor(&connector).await.only("Store", "its store is sealed", "run the doctor where it went");
    // Another port would not help.
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let serve = connector.run(&["serve", "--listen", &port], "").await;
    assert!(serve.code == 1 && serve.err.contains("its store is sealed"), "{serve:?}");
    assert!(!serve.err.contains("cannot listen"), "{serve:?}");
}

/// The tag by which the doctor knows a function's version.
#[test]
fn the_template_says_the_version() {
    let template = include_str!("../../template.yaml");
    let tag = format!("version: '{}'", env!("CARGO_PKG_VERSION"));
    assert!(template.contains(&tag), "template.yaml must tag the functions with {tag}");
}

/// The functions, their version and their rights, and a schedule that does not run.
#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_is_broken_is_told() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    deployed.connect().await;
    let (connector, stack, stores) = (&deployed.connector, &deployed.names().stack, deployed.stores());
    doctor(connector).await.is_well();

    let before = edit(&stores, |row| row.token_expires = Some(in_minutes(5))).await;
    let found = doctor(connector).await;
    found.only("Token default", "the schedule is off", &format!("{stack}-token-refresh on in EventBridge"));
    put_back(&stores, &before).await;

    let function = format!("{stack}-webhook-intake");
    deployed.cloud.set_version(&function, "0.0.9");
    let check = format!("Function {function}");
    doctor(connector).await.only(&check, "of version 0.0.9", "sam deploy");
    deployed.cloud.remove(&function);
    doctor(connector).await.only(&check, "cannot be read", "`sam deploy` makes it again");
}

/// The template has another address than before, and the commands of some machine still have the old one.
#[tokio::test(flavor = "multi_thread")]
async fn another_address_of_a_stack_is_told_with_what_has_the_old_one() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    deployed.connect().await;
    let old = deployed.connector.url.clone();
    let deployed = deployed.at_another_address().await;
    let (connector, stack) = (&deployed.connector, deployed.names().stack.as_str());
    let new = connector.url.as_str();
    let home = tempfile::tempdir().unwrap();
    let variables = connector.variables_at(&home);
    let on_stack = async |args: &[&str], url: &str| {
        process::run(&[args, &["--stack", stack, "--public-url", url]].concat(), &variables, "").await
    };

    let found = Found::read(&on_stack(&["doctor", "--json"], &old).await);
    let takes = format!("the stack takes {new} for its address");
    found.names("Stack's address", &takes, &format!("--public-url {new}"));
    let refused = on_stack(&["setup", "--no-hook"], &old).await;
    assert!(refused.code == 1 && refused.err.contains(&format!("--public-url {new}")), "{refused:?}");
    let remembered = process::run(&["installations", "list", "--json"], &variables, "").await;
    assert_eq!(remembered.out.trim(), "[]", "what was refused is not remembered");

    // Nothing of it is remembered on this machine: the store knows what the operator was told.
    doctor(connector).await.only(
        "Address at Zoho",
        &old,
        &format!("enter {new}/oauth/callback in place of {old}/"),
    );
    let setup = on_stack(&["setup", "--no-hook"], new).await;
    assert_eq!(setup.code, 0, "{setup:?}");
    let told = format!("The address was {old}, and is {new} from now on");
    assert!(setup.out.contains(&told), "{}", setup.out);
    let redirect_uri = format!("{new}/oauth/callback");
    assert!(setup.out.lines().any(|line| line.trim() == redirect_uri), "to be copied: {}", setup.out);
    doctor(connector).await.is_well();
    let again = on_stack(&["setup", "--no-hook"], new).await;
    assert!(again.code == 0 && !again.out.contains("The address was"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_lacks_a_right_and_a_table_that_is_gone_are_told() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    deployed.connect().await;
    let connector = &deployed.connector;
    deployed.take_away("token-refresh", "dynamodb:Query");
    doctor(connector).await.only("Renewal", "not authorized to perform: dynamodb:Query", "sam deploy");
    deployed.take_away("api-proxy", "dynamodb:GetItem");
    let found = doctor(connector).await;
    found.names("This installation", "does not reach its own store", "-api-proxy names the right");

    let client = aws_sdk_dynamodb::Client::new(&tests::aws::Aws::get().config());
    client.delete_table().table_name(&deployed.names().events).send().await.unwrap();
    doctor(connector).await.only("Store", "ResourceNotFound", "point-in-time recovery");

    let nowhere = Connector::unset(Options::new(""), "http://127.0.0.1:1".to_owned()).await;
    let nowhere = nowhere.on_stack("no-such-stack", deployed.cloud.url());
    doctor(&nowhere).await.only(
        "Store",
        "no-such-stack-api-proxy cannot be read",
        "--stack, --region, --profile",
    );
}
