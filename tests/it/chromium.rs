//! The pages as a person sees them, in a real Chromium without a window: the consent from link to end, and every page on
//! a phone and on a desk, light and dark, with and without JavaScript. `tests/pages/person.mjs` does what is planned here.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sandbox::{Fault, FaultKind, Options};
use serde_json::{Value, json};
use tests::connector::{CLIENT_ID, Connector, free_port};
use tests::node::modules;
use tests::process::Running;

use crate::console::{eventful, link};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pages");
const TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/pages");

/// `$CHROMIUM`, or Chromium under one of its names.
fn chromium() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let candidates: Vec<_> = match env::var_os("CHROMIUM") {
        Some(named) => vec![PathBuf::from(named)],
        None => env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).collect(),
    };
    candidates.into_iter().find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("no Chromium: install chromium or google-chrome, or give the program's path in $CHROMIUM")
    })
}

/// Known to the browser as localhost, while Zoho is 127.0.0.1: two sites, as in real life, so that cookies must survive
/// the way back from another one.
async fn connector(organizations: usize) -> Connector {
    let options = Options { organizations, ..Options::new("") };
    let mut connector = Connector::prepare(options, format!("http://localhost:{}", free_port())).await;
    connector.boot().await;
    connector
}

/// A user in twenty organisations, with names that nobody expected.
fn twenty() -> Fault {
    let unbroken = "Donaudampfschifffahrtsgesellschaft".repeat(4);
    let organizations: Vec<Value> = (0..20)
        .map(|number| {
            let name = match number {
                3 => format!("<b>Ü & Co</b> {}", "Möbel und Wohnbedarf im Norden, ".repeat(4)),
                7 => unbroken.clone(),
                11 => "北欧家具".to_owned(),
                _ => format!("Nordlicht Filiale {number}"),
            };
            let name: String = name.chars().take(120).collect();
            json!({ "organization_id": (20_098_765_432_u64 + number).to_string(), "name": name })
        })
        .collect();
    let body = json!({ "code": 0, "message": "success", "organizations": organizations });
    Fault {
        path_contains: "/organizations".to_owned(),
        times: usize::MAX,
        kind: FaultKind::Body(200, "application/json".to_owned(), body.to_string()),
    }
}

/// One visit: what is opened, which buttons are pressed, and what is read at the end.
struct Visit<'a> {
    name: &'a str,
    press: &'a [&'a str],
    title: &'a str,
    says: &'a [&'a str],
}

impl Visit<'_> {
    /// With a link for each of the two times that it is made.
    async fn consent(&self, connector: &Connector) -> Value {
        let mut visit = self.at(&[connector.link(&[]).await, connector.link(&[]).await]);
        visit["clean"] = true.into();
        visit
    }

    fn at(&self, open: &[String; 2]) -> Value {
        json!({
            "name": self.name, "open": open, "press": self.press, "title": self.title, "says": self.says,
            "clean": false, "carried": false, "more": [],
        })
    }

    fn same(&self, open: String) -> Value {
        self.at(&[open.clone(), open])
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn a_person_reads_and_uses_every_page() {
    let chromium = chromium();
    let modules = modules("pages");
    let (one, two, many) = (connector(1).await, connector(2).await, connector(2).await);
    many.zoho.sandbox.inject(twenty());
    let refused = connector(1).await;
    refused.run(&["client", "set", "--id", CLIENT_ID], "wrong").await;
    let broken = connector(1).await;
    let mut demo = Running::start(&["demo", "--port", "0"], &[]);
    let lines = demo.until("Ctrl-C ends it").await;
    let demo_url = lines.iter().find_map(|line| line.trim().strip_prefix("export ZOHO_CONNECTOR_URL="));
    let demo_url = demo_url.unwrap().to_owned();

    let (happened, _) = eventful().await;
    let (mut first, mut second) =
        (happened.start_command(&["console"]), happened.start_command(&["console"]));
    let consoles = [link(&mut first).await, link(&mut second).await];
    let [(first_link, first_url), (second_link, second_url)] = &consoles;

    let accept: &[&str] = &["Accept"];
    let visit = |name, press, title, says| Visit { name, press, title, says };
    let other =
        visit("other-browser", accept, "This consent belongs to another browser", &["Open the link again"]);
    let mut other = other.at(&[one.link(&[]).await, one.link(&[]).await]);
    other["carried"] = true.into();
    let expired = format!("{}/oauth/start?link={}", one.url, "0".repeat(64));
    let nothing = format!("{}/oauth/callback", one.url);
    let failing = broken.link(&[]).await;
    spoil(&broken);
    let further =
        |name: &str, title: &str, says: &[&str]| json!({ "name": name, "title": title, "says": says });
    let mut console = visit("console", &[], "Overview", &["Nordlicht Moebel", "healthy"])
        .at(&[first_link.clone(), second_link.clone()]);
    console["more"] = json!([
        further("console-calls", "Calls", &["By route", "sku_not_found"]),
        further("console-events", "Events", &["Replay", "<i>noted"]),
        further("console-writes", "Writes", &["Qualification", "Closed Won", "<b>Shelves"]),
        further("console-reconciliations", "Reconciliations", &["<b>November"]),
    ]);
    let visits = [
        visit("connected", accept, "Connected", &["Nordlicht Moebel"]).consent(&one).await,
        visit("choice", accept, "Which organisation?", &["Nordlicht Moebel", "Nordlicht Outlet"])
            .consent(&two)
            .await,
        visit("chosen", &["Accept", "Nordlicht Outlet"], "Connected", &["20098765433"]).consent(&two).await,
        visit("choice-of-twenty", accept, "Which organisation?", &["<b>Ü & Co</b>"]).consent(&many).await,
        visit("long-name", &["Accept", "Ü & Co"], "Connected", &["<b>Ü & Co</b>"]).consent(&many).await,
        visit("declined", &["Reject"], "Not connected", &["You declined"]).consent(&one).await,
        visit("wrong-secret", accept, "Not connected", &["client secret is wrong"]).consent(&refused).await,
        other,
        visit("expired", &[], "This link has expired", &["new link"]).same(expired),
        visit("nothing", &[], "Nothing to show here", &[]).same(nothing),
        visit("our-fault", &[], "The connector failed", &["new link"]).same(failing),
        visit("demo", &["Sell one"], "Demo: connected to a stand-in Zoho", &["zoho.inventory.item.updated"])
            .same(demo_url.clone()),
        console,
    ];
    let connectors = [&one, &two, &many, &refused, &broken];
    let origins: Vec<_> = connectors
        .iter()
        .flat_map(|one| [&one.url, &one.zoho.url])
        .chain([&demo_url, first_url, second_url])
        .collect();
    let plan = json!({
        "chromium": chromium, "modules": modules.join("package.json"), "shots": TARGET, "origins": origins,
        "visits": visits,
    });
    let person = Command::new("node")
        .args([&format!("{SOURCES}/person.mjs"), &plan.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .expect("no node: install Node.js 20 or newer");
    let said = String::from_utf8_lossy(&person.stdout);
    assert!(person.status.success(), "{said}");
    println!("{said}\nScreenshots are in target/pages");
}

/// Takes its tables away, as a disk that fails would.
fn spoil(connector: &Connector) {
    let file = connector.folder().join("zoho-connector.sqlite3");
    let database = rusqlite::Connection::open(file).unwrap();
    database.execute_batch("ALTER TABLE row RENAME TO lost").unwrap();
}
