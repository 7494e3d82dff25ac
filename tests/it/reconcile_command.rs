//! `zoho-connector reconcile` and `mappings`, as typed: the binary against `serve` and the stand-in Zoho.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::{Json, Router};
use sandbox::{Fault, FaultKind};
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::clock::until;
use tests::connector::Connector;
use tests::process::{self, Ended};
use tokio::net::TcpListener;

const OAK: &str = "3300000000070001";

async fn keeper() -> (Connector, Agent) {
    Connector::start_without_limit().await.with_agent("stock", "inventory:stock").await
}

/// A file beside the store.
fn file(connector: &Connector, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = connector.folder().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What is on hand at a location.
async fn on_hand(agent: &Agent, location: &str) -> f64 {
    let item = agent.get(&format!("/v1/inventory/items/{OAK}")).await.ok();
    let places = item["stock"]["locations"].as_array().unwrap();
    places.iter().find(|place| place["name"] == location).unwrap()["on_hand"].as_f64().unwrap()
}

/// How many adjustments were sent to Zoho.
fn adjustments(connector: &Connector) -> usize {
    let requests = connector.zoho.sandbox.requests();
    requests
        .iter()
        .filter(|request| request.method == "POST" && request.path.ends_with("/inventoryadjustments"))
        .count()
}

/// The id that a run says.
fn id(ended: &str) -> String {
    let line = ended.lines().find_map(|line| line.strip_prefix("Reconciliation "));
    line.expect(ended).split(':').next().unwrap().to_owned()
}

/// The form of a key, which no connector has made.
fn some_key() -> String {
    format!("zck_0123456789ab_{}", "ab".repeat(32))
}

/// No key but the agent's is left.
async fn no_key_is_left(connector: &Connector) {
    let listed = connector.run(&["keys", "list"], "").await.out;
    assert_eq!(listed.lines().count(), 2, "a head and a key: {listed}");
}

const COUNTS: &str = "sku,location,quantity\nSHELF-OAK-80,Main,26\nSHELF-OAK-80,Outlet,12\nBRKT-STD,Main,4\n";

#[tokio::test]
async fn counts_are_compared_shown_and_adjusted_once() {
    let (connector, agent) = keeper().await;
    let counts = file(&connector, "counts.csv", format!("{COUNTS}NO-SUCH,Main,1\n"));
    let seen = connector.run(&["reconcile", text(&counts)], "").await;
    assert_eq!(seen.code, 3, "{} {}", seen.out, seen.err);
    for part in [
        "4 counts: 1 matched, 2 drifted, 1 unknown",
        "SHELF-OAK-80",
        "Oak Shelf 80 cm",
        "Main",
        "-4",
        "+7",
        "NO-SUCH",
        "Not compared",
    ] {
        assert!(seen.out.contains(part), "{part}: {}", seen.out);
    }
    for of in ["shortage", "Oak Shelf 80 cm"] {
        let line = seen.out.lines().find(|line| line.contains(of)).unwrap();
        assert!(line.contains(" EUR"), "a value without its currency: {line}");
    }
    let id = id(&seen.out);
    assert!(seen.err.contains(&format!("--resume {id} --apply")), "{}", seen.err);
    assert!(adjustments(&connector) == 0 && on_hand(&agent, "Main").await == 30.0);
    no_key_is_left(&connector).await;

    let report = connector.folder().join("report.html");
    let args = ["reconcile", "--resume", &id, "--apply", "--yes", "--report", text(&report)];
    let done = connector.run(&args, "").await;
    assert_eq!(done.code, 3, "one is unknown: {} {}", done.out, done.err);
    assert!(
        done.out.contains("✓ 2 adjusted") && done.err.contains("Not compared: 1 row."),
        "{} {}",
        done.out,
        done.err
    );
    assert!((on_hand(&agent, "Main").await, on_hand(&agent, "Outlet").await) == (26.0, 12.0));
    let page = std::fs::read_to_string(&report).unwrap();
    assert!(page.starts_with("<!") && page.contains("SHELF-OAK-80") && page.contains("counts.csv"), "{page}");
    let sent = adjustments(&connector);
    let kept = connector.run(&args, "").await;
    assert!(kept.code == 2 && kept.err.contains("report.html is there already"), "{kept:?}");
    let again = connector.run(&[&args[..], &["--force"]].concat(), "").await;
    assert_eq!((again.code, adjustments(&connector)), (3, sent), "{} {}", again.out, again.err);
    assert!(on_hand(&agent, "Main").await == 26.0);

    let counts = file(&connector, "counts.csv", COUNTS);
    let equal = connector.run(&["reconcile", text(&counts), "--apply", "--yes", "--json"], "").await;
    assert_eq!(equal.code, 0, "{} {}", equal.out, equal.err);
    let document: Value = serde_json::from_str(&equal.out).unwrap();
    assert_eq!((&document["summary"]["matched"], &document["data"]), (&json!(3), &json!([])));
    no_key_is_left(&connector).await;
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named_before_anything_else() {
    let folder = tempfile::TempDir::new().unwrap();
    let counts = folder.path().join("counts.csv");
    let args = ["reconcile", text(&counts), "--apply"];
    let missing = process::run(&args, &[], "").await;
    assert!(missing.code == 1 && missing.err.contains("counts.csv cannot be read"), "{missing:?}");
    assert!(!missing.err.contains("--yes"), "{missing:?}");
    std::fs::write(&counts, COUNTS).unwrap();
    let unasked = process::run(&args, &[], "").await;
    assert!(unasked.code == 2 && unasked.err.contains("add --yes"), "{unasked:?}");
}

#[tokio::test]
async fn all_of_a_count_is_adjusted_in_one_go_and_only_chosen_lines_where_they_are_named() {
    let (connector, agent) = keeper().await;
    let counts = file(&connector, "counts.csv", COUNTS.replace(",12", ",10"));
    let (table, data) = (connector.folder().join("report.csv"), connector.folder().join("report.json"));
    let args = [
        "reconcile",
        text(&counts),
        "--apply",
        "--yes",
        "--rows",
        "3",
        "--reason",
        "Autumn count",
        "--report",
        text(&table),
    ];
    let some = connector.run(&args, "").await;
    assert_eq!(some.code, 3, "two are left: {} {}", some.out, some.err);
    assert!((on_hand(&agent, "Main").await, on_hand(&agent, "Outlet").await) == (30.0, 10.0));
    let lines = std::fs::read_to_string(&table).unwrap();
    assert!(lines.lines().count() == 4 && lines.contains("BRKT-STD"), "{lines}");
    let list = agent.get("/v1/inventory/adjustments").await.ok();
    assert_eq!(list["data"][0]["reason"], "Autumn count", "{list}");
    let args = ["reconcile", text(&counts), "--apply", "--yes", "--report", text(&data)];
    let rest = connector.run(&args, "").await;
    assert_eq!(rest.code, 0, "{} {}", rest.out, rest.err);
    let document: Value = serde_json::from_str(&std::fs::read_to_string(&data).unwrap()).unwrap();
    assert_eq!(
        (document["data"].as_array().unwrap().len(), &document["summary"]["applied"]["adjusted"]),
        (3, &json!(2))
    );
    assert!(on_hand(&agent, "Main").await == 26.0);
}

#[tokio::test]
async fn a_file_that_cannot_be_taken_is_told_by_its_lines_and_nothing_is_kept() {
    let (connector, agent) = keeper().await;
    for (content, expected) in [
        ("\u{feff}sku;quantity\r\nSHELF-OAK-80;1,5\r\n", "line 2: \"1,5\""),
        ("sku,quantity\nSHELF-OAK-80,ten\nBRKT-STD,-1\n", "line 3: -1"),
        ("sku,quantity,color\nSHELF-OAK-80,1,red\n", "color"),
        ("sku,location\nSHELF-OAK-80,Main\n", "`quantity`"),
        ("sku,quantity,location\nSHELF-OAK-80,1,Mars\n", "Mars"),
        ("sku,quantity\nSHELF-OAK-80,1\nSHELF-OAK-80,2\n", "line 3"),
        ("sku,quantity\n", "no counts"),
        ("", "empty"),
    ] {
        let counts = file(&connector, "counts.csv", content);
        let refused = connector.run(&["reconcile", text(&counts), "--apply", "--yes"], "").await;
        assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{content:?}: {}", refused.err);
        assert!(refused.err.contains(expected), "{content:?}: {}", refused.err);
    }
    // Lines of a later part have the numbers of the file.
    let many = (2..=5601).fold("sku,quantity\n".to_owned(), |all, line| {
        all + &format!("S-{line},{}\n", if line == 5600 { "x" } else { "1" })
    });
    let counts = file(&connector, "counts.csv", many);
    let refused = connector.run(&["reconcile", text(&counts)], "").await;
    assert!(refused.code == 1 && refused.err.contains("line 5600: \"x\""), "{}", refused.err);

    let huge = "sku,quantity\n".to_owned() + &"A,1\n".repeat(200_000);
    let counts = file(&connector, "counts.csv", huge);
    let refused = connector.run(&["reconcile", text(&counts)], "").await;
    assert!(
        refused.code == 1 && refused.err.contains("200000 counts") && refused.err.contains("at most 50000"),
        "{}",
        refused.err
    );
    assert_eq!(adjustments(&connector), 0);
    let kept = agent.get("/v1/inventory/reconciliations").await.ok();
    assert_eq!(kept["data"].as_array().unwrap().len(), 1, "only the one whose first part was good: {kept}");
    no_key_is_left(&connector).await;
}

#[tokio::test]
async fn nothing_is_written_without_a_yes() {
    let (connector, _agent) = keeper().await;
    let counts = file(&connector, "counts.csv", COUNTS);
    let before = connector.zoho.sandbox.requests().len();
    for (args, expected) in [
        (&["--apply"][..], "--yes"),
        (&["--rows", "3"], "--apply"),
        (&["--apply", "--yes", "--rows", "9-7"], "9-7"),
        (&["--report", "report.pdf"], ".html"),
        (&["--report", "no-such-folder/report.html"], "no-such-folder"),
        (&["--report", text(&counts)], "choose another"),
        (&["--counted-at", "2026-11-30"], "like 2026-11-30T18:00:00Z"),
        (&["--resume", "../keys"], "id of a reconciliation"),
        (&["--url", "ftp://example.com"], "https"),
        (&["--url", "http://connector.example.com"], "https"),
    ] {
        let ended = connector.run(&[&["reconcile", text(&counts)], args].concat(), "y\n").await;
        assert_eq!(ended.code, 2, "{args:?}: {}", ended.err);
        assert!(ended.err.contains(expected), "{args:?}: {}", ended.err);
    }
    #[cfg(unix)]
    {
        let nowhere = counts.with_file_name("nowhere.csv");
        std::os::unix::fs::symlink("no-such-folder/report.csv", &nowhere).unwrap();
        let args = ["reconcile", text(&counts), "--apply", "--yes", "--report", text(&nowhere)];
        let ended = connector.run(&args, "").await;
        assert!(ended.code == 2 && ended.err.contains("nowhere.csv cannot be written ("), "{ended:?}");
    }
    assert_eq!(connector.zoho.sandbox.requests().len(), before);
}

/// Runs the command line on a terminal, types this at the question, and ends with what was shown and the exit code.
const ON_A_TERMINAL: &str = r#"
import os, pty, sys
answer, command = sys.argv[1].encode().decode("unicode_escape"), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown, asked = b"", False
while True:
    try:
        some = os.read(terminal, 4096)
    except OSError:
        break
    if not some:
        break
    shown += some
    if b"[y/N]" in shown and not asked:
        asked = True
        os.write(terminal, answer.encode())
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[tokio::test]
async fn on_a_terminal_it_shows_a_bar_and_asks() {
    let (connector, agent) = keeper().await;
    let counts = file(&connector, "counts.csv", COUNTS);
    for (answer, code, expected, left) in [
        ("n\\n", 3, "Nothing was written.", 30.0),
        ("\\x04", 3, "Nothing was written.", 30.0),
        ("\\x03", 130, "Interrupted.", 30.0),
        ("y\\n", 0, "2 adjusted", 26.0),
    ] {
        let mut python = tokio::process::Command::new("python3");
        python.args(["-c", ON_A_TERMINAL, answer]).arg(&*process::BINARY);
        python.args(["reconcile", text(&counts), "--apply", "--data", text(connector.folder())]);
        python.args(["--public-url", &connector.url]).env_clear().env("TERM", "xterm").kill_on_drop(true);
        python.env("PATH", std::env::var_os("PATH").unwrap()).envs(connector.variables());
        let ended = python.output().await.unwrap();
        let shown = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert_eq!(
            ended.status.code(),
            Some(code),
            "{answer}: {shown} {}",
            String::from_utf8_lossy(&ended.stderr)
        );
        assert!(
            shown.contains("Adjust 2 rows in Zoho? [y/N]") && shown.contains(expected),
            "{answer}: {shown}"
        );
        assert!(shown.contains('█') || shown.contains('░'), "{shown}");
        // Who does not agree has nothing to mend.
        assert!(!shown.contains("stands beside"), "{answer}: {shown}");
        assert_eq!(shown.contains("this adjusts it"), code == 3, "{answer}: {shown}");
        assert!(on_hand(&agent, "Main").await == left, "{answer}");
        no_key_is_left(&connector).await;
    }
}

/// Presses Ctrl-C, and waits for the end.
async fn interrupt(running: process::Running) -> Ended {
    let pid = running.pid().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    running.end().await
}

fn slow(connector: &Connector, method: &str, path: &str) {
    let kind = FaultKind::Slow(Duration::from_secs(2));
    connector.zoho.sandbox.inject_on(method, Fault { path_contains: path.to_owned(), times: 1, kind });
}

#[tokio::test]
async fn after_ctrl_c_it_goes_on_and_does_nothing_twice() {
    let (connector, agent) = keeper().await;
    let counts = file(&connector, "counts.csv", COUNTS);
    slow(&connector, "GET", "/items");
    let mut running = connector.start_command(&["reconcile", text(&counts), "--apply", "--yes"]);
    let lines = running.until("Reconciliation").await;
    let id = id(&lines.join("\n"));
    let ended = interrupt(running).await;
    assert_eq!(ended.code, 130, "{}", ended.err);
    assert!(
        ended.err.contains("Interrupted.") && ended.err.contains(&format!("--resume {id}")),
        "{}",
        ended.err
    );
    no_key_is_left(&connector).await;

    // Whether all counts were sent by then, the file tells.
    let compared = connector.run(&["reconcile", text(&counts), "--resume", &id], "").await;
    assert_eq!(compared.code, 3, "{} {}", compared.out, compared.err);
    slow(&connector, "POST", "/inventoryadjustments");
    let running = connector.start_command(&["reconcile", "--resume", &id, "--apply", "--yes"]);
    until("sent", async || adjustments(&connector) > 0).await;
    // As a power cut.
    running.kill().await;
    let done = connector.run(&["reconcile", "--resume", &id, "--apply", "--yes"], "").await;
    assert_eq!(done.code, 0, "{} {}", done.out, done.err);
    assert_eq!(adjustments(&connector), 1, "each once");
    assert!((on_hand(&agent, "Main").await, on_hand(&agent, "Outlet").await) == (26.0, 12.0));
}

#[tokio::test]
async fn a_key_that_is_given_is_used_and_none_is_made() {
    let (connector, agent) = keeper().await;
    let counts = file(&connector, "counts.csv", COUNTS);
    let key = file(&connector, "key", format!("{}\n", agent.key));
    let url = [("ZOHO_CONNECTOR_URL", connector.url.as_str())];
    let by_file = process::run(&["reconcile", text(&counts), "--key-file", text(&key)], &url, "").await;
    assert_eq!(by_file.code, 3, "{}", by_file.err);
    let variables = [url[0], ("ZOHO_CONNECTOR_KEY", agent.key.as_str())];
    let by_variable = process::run(&["reconcile", text(&counts)], &variables, "").await;
    assert_eq!(by_variable.code, 3, "{}", by_variable.err);

    let reader = connector.agent(&["--can", "inventory:read"]).await;
    let variables = [url[0], ("ZOHO_CONNECTOR_KEY", reader.key.as_str())];
    let refused = process::run(&["reconcile", text(&counts)], &variables, "").await;
    assert!(refused.code == 1 && refused.err.contains("inventory:stock"), "{}", refused.err);
    // What is no key is told with where it stands, and not sent.
    let variables = [url[0], ("ZOHO_CONNECTOR_KEY", "zck_typo")];
    let refused = process::run(&["reconcile", text(&counts)], &variables, "").await;
    for said in ["the variable ZOHO_CONNECTOR_KEY holds", "8 characters long", "keys create"] {
        assert!(refused.code == 1 && refused.err.contains(said), "{said}: {}", refused.err);
    }
    assert!(!refused.err.contains("zck_typo") && !refused.err.contains("Authorization"), "{}", refused.err);
    let typo = file(&connector, "typo", "hunter2\n");
    let refused = process::run(&["reconcile", text(&counts), "--key-file", text(&typo)], &url, "").await;
    assert!(refused.code == 1 && refused.err.contains(text(&typo)), "{}", refused.err);
    assert!(!refused.err.contains("hunter2"), "{}", refused.err);
    let unknown = some_key();
    let variables = [url[0], ("ZOHO_CONNECTOR_KEY", unknown.as_str())];
    let refused = process::run(&["reconcile", text(&counts)], &variables, "").await;
    for said in ["key_invalid", "The key is from the variable ZOHO_CONNECTOR_KEY."] {
        assert!(refused.code == 1 && refused.err.contains(said), "{said}: {}", refused.err);
    }
    let nobody = [("ZOHO_CONNECTOR_URL", "http://127.0.0.1:9"), ("ZOHO_CONNECTOR_KEY", agent.key.as_str())];
    let silent = process::run(&["reconcile", text(&counts)], &nobody, "").await;
    assert!(silent.code == 1 && silent.err.contains("is the connector running"), "{}", silent.err);
    let listed = connector.run(&["keys", "list"], "").await.out;
    assert_eq!(listed.lines().count(), 3, "a head and two keys: {listed}");
}

#[tokio::test]
async fn no_key_is_made_for_a_connection_that_is_not_there() {
    let (connector, _) = keeper().await;
    let counts = file(&connector, "counts.csv", COUNTS);
    let listed = async || connector.run(&["keys", "list", "--json"], "").await.out;
    let before = listed().await;
    for args in
        [&["reconcile", text(&counts)][..], &["mappings", "resolve"], &["mappings", "import", text(&counts)]]
    {
        let refused = connector.run(&[args, &["--connection", "shop"]].concat(), "").await;
        assert!(refused.code == 1 && refused.out.is_empty(), "{args:?}: {} {}", refused.out, refused.err);
        assert!(refused.err.contains("there is no connection shop: connected is default"), "{}", refused.err);
        assert!(!refused.err.contains("--products"), "{args:?}: {}", refused.err);
    }
    assert_eq!(listed().await, before);
}

#[tokio::test]
async fn no_key_is_made_for_another_address() {
    let (connector, _) = keeper().await;
    let counts = file(&connector, "counts.csv", COUNTS);
    let (url, asked) = scripted(Vec::new()).await;
    let before = connector.run(&["keys", "list", "--json"], "").await.out;
    let refused = connector.run(&["reconcile", text(&counts), "--url", &url], "").await;
    assert_eq!(refused.code, 2, "{} {}", refused.out, refused.err);
    assert!(
        refused.err.contains("ZOHO_CONNECTOR_KEY") && refused.err.contains("--key-file"),
        "{}",
        refused.err
    );
    assert!(asked.lock().unwrap().is_empty(), "nothing is sent there");
    assert_eq!(connector.run(&["keys", "list", "--json"], "").await.out, before);
    let ours = connector.run(&["reconcile", text(&counts), "--url", &connector.url], "").await;
    assert_eq!(ours.code, 3, "{} {}", ours.out, ours.err);
}

/// An API that gives these answers, one after the other, and what it was asked. Each `Idempotency-Key` is told by its number.
async fn scripted(answers: Vec<(u16, Value)>) -> (String, Arc<Mutex<Vec<String>>>) {
    let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (seen, keys) = (asked.clone(), Arc::new(Mutex::new(Vec::new())));
    let app = Router::new().fallback(move |request: Request| async move {
        let mut line = format!("{} {}", request.method(), request.uri());
        if let Some(key) = request.headers().get("idempotency-key") {
            let mut keys = keys.lock().unwrap();
            if !keys.contains(key) {
                keys.push(key.clone());
            }
            let number = keys.iter().position(|known| known == key).unwrap() + 1;
            line += &format!(" key {number}");
        }
        seen.lock().unwrap().push(line);
        let (status, body) = answers.lock().unwrap().pop_front().expect("no more was expected");
        (StatusCode::from_u16(status).unwrap(), Json(body))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, asked)
}

#[tokio::test]
async fn it_waits_where_it_is_told_to_and_asks_what_it_is_asked() {
    let id = "0190c5f0a0b0c0d0e0f001122334455";
    let path = format!("/v1/inventory/reconciliations/{id}");
    let head = |state: &str, next: &str, more: Value| {
        let sums = json!({ "rows": 1, "matched": 1 });
        let mut head = json!({ "id": id, "state": state, "done": 0, "total": 1, "calls": 1, "summary": sums, "next": next });
        head.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        head
    };
    let problem = |code: &str, after: Option<u64>| {
        json!({
            "title": format!("It is {code}"), "code": code, "detail": "120 calls", "hint": "Agree.", "retryable": after.is_some(), "retry_after": after,
        })
    };
    let begin = || vec![(202, head("uploading", &format!("{path}/counts"), json!({})))];
    let compare = format!("{path}/compare");
    // The answer to the first call is lost on its way: the same call makes no second reconciliation.
    let mut answers = vec![(503, json!({ "message": "Service Unavailable" }))];
    answers.extend(begin());
    answers.extend([
        (428, problem("calls_unconfirmed", None)),
        (202, head("resolving", &compare, json!({}))),
        (429, problem("zoho_rate_limited", Some(2))),
        (409, problem("idempotency_in_progress", Some(1))),
        (202, head("comparing", &compare, json!({ "retry_after": 1 }))),
        (503, json!({ "message": "Service Unavailable" })),
        (200, head("compared", "", json!({}))),
        (200, head("compared", "", json!({ "data": [] }))),
    ]);
    let (url, asked) = scripted(answers).await;
    let folder = tempfile::TempDir::new().unwrap();
    let counts = folder.path().join("counts.csv");
    std::fs::write(&counts, "sku,quantity\nA,1\n").unwrap();
    let key = some_key();
    let variables = [("ZOHO_CONNECTOR_URL", url.as_str()), ("ZOHO_CONNECTOR_KEY", key.as_str())];
    let args = [
        "reconcile",
        text(&counts),
        "--yes",
        "--name",
        "Autumn & more",
        "--counted-at",
        "2026-11-29T10:00:00Z",
    ];
    let ended = process::run(&args, &variables, "").await;
    assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    assert!(ended.err.contains("It is zoho_rate_limited: going on in 2 s"), "{}", ended.err);
    assert!(ended.err.contains("Comparing: 0 of 1"), "{}", ended.err);
    let compare = format!("POST {compare}");
    let create = "POST /v1/inventory/reconciliations?name=Autumn+%26+more&counted_at=2026-11-29T10%3A00%3A00Z&more=true key 1";
    let expected = [
        create,
        create,
        &format!("POST {path}/counts"),
        &format!("POST {path}/counts?calls=ok"),
        &compare,
        &compare,
        &compare,
        &compare,
        &compare,
        &format!("GET {path}?show=drifted&per_page=200"),
    ];
    assert_eq!(*asked.lock().unwrap(), expected);

    // Who is not there to agree is told how to; a used-up day is not waited for.
    for (answer, expected) in [
        (problem("calls_unconfirmed", None), "add --yes"),
        (problem("zoho_daily_limit", Some(40_000)), "120 calls"),
    ] {
        let mut answers = begin();
        answers.push((428, answer));
        let (url, _) = scripted(answers).await;
        let key = some_key();
        let variables = [("ZOHO_CONNECTOR_URL", url.as_str()), ("ZOHO_CONNECTOR_KEY", key.as_str())];
        let ended = process::run(&["reconcile", text(&counts)], &variables, "").await;
        assert_eq!(ended.code, 1, "{}", ended.out);
        assert!(
            ended.err.contains(expected) && ended.err.contains(&format!("--resume {id}")),
            "{}",
            ended.err
        );
    }
}

#[tokio::test]
async fn what_waits_for_approval_or_is_uncertain_is_not_to_be_counted_again_yet() {
    let id = "0190c5f0a0b0c0d0e0f001122334455";
    let path = format!("/v1/inventory/reconciliations/{id}");
    for (applied, code, expected, unexpected) in [
        (
            json!({ "adjusted": 1, "pending": 2 }),
            3,
            &["Waiting for approval in Zoho: 2 rows.", "do not count it again before"][..],
            &["rifted"][..],
        ),
        (
            json!({ "pending": 2 }),
            3,
            &["Drifted: 1 row.", "Waiting for approval in Zoho: 2 rows."],
            &["3 rows"],
        ),
        (
            json!({ "adjusted": 1, "pending": 1, "uncertain": 1 }),
            4,
            &[
                "Uncertain whether adjusted: 1 row. Look at them in Zoho.",
                "only after it found nothing",
                "Waiting for approval in Zoho: 1 row.",
            ],
            &["rifted"],
        ),
        (json!({ "adjusted": 3 }), 0, &[], &["rifted", "aiting"]),
    ] {
        let sums = json!({ "rows": 3, "drifted": 3, "applied": applied });
        let head = json!({ "id": id, "state": "applied", "summary": sums, "next": null, "data": [] });
        let (url, asked) = scripted(vec![(200, head.clone()), (200, head)]).await;
        let key = some_key();
        let variables = [("ZOHO_CONNECTOR_URL", url.as_str()), ("ZOHO_CONNECTOR_KEY", key.as_str())];
        let ended = process::run(&["reconcile", "--resume", id], &variables, "").await;
        assert_eq!(ended.code, code, "{applied}: {} {}", ended.out, ended.err);
        for part in expected {
            assert!(ended.err.contains(part), "{applied}: {part}: {}", ended.err);
        }
        for part in unexpected {
            assert!(!ended.err.contains(part), "{applied}: {part}: {}", ended.err);
        }
        let calls = [format!("GET {path}?per_page=1"), format!("GET {path}?show=drifted&per_page=200")];
        assert_eq!(*asked.lock().unwrap(), calls);
    }
}

/// On a disk that filled meanwhile, or over a file that came there: what was adjusted is told, and the exit code says it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_report_that_cannot_be_written_takes_nothing_from_what_was_adjusted() {
    let id = "0190c5f0a0b0c0d0e0f001122334455";
    let folder = tempfile::TempDir::new().unwrap();
    let full = folder.path().join("full.csv");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    for (applied, code, verdict) in [
        (
            json!({ "adjusted": 2, "uncertain": 1 }),
            4,
            "Uncertain whether adjusted: 1 row. Look at them in Zoho.",
        ),
        (json!({ "adjusted": 2, "pending": 1 }), 3, "Waiting for approval in Zoho: 1 row."),
        (json!({ "adjusted": 3 }), 1, "All counts are as Zoho says, or were adjusted.\n"),
    ] {
        let sums = json!({ "rows": 3, "drifted": 3, "applied": applied });
        let head = json!({ "id": id, "state": "applied", "summary": sums, "next": null, "data": [] });
        let (url, asked) = scripted(vec![(200, head.clone()), (200, head), (200, json!("line,sku"))]).await;
        let key = some_key();
        let variables = [("ZOHO_CONNECTOR_URL", url.as_str()), ("ZOHO_CONNECTOR_KEY", key.as_str())];
        let args = ["reconcile", "--resume", id, "--report", text(&full)];
        let ended = process::run(&args, &variables, "").await;
        assert_eq!(ended.code, code, "{applied}: {} {}", ended.out, ended.err);
        let unwritten = format!("{} could not be written: No space left on device", full.display());
        let later =
            format!("`zoho-connector reconcile --resume {id} --report FILE` writes it once that is mended");
        let places = [verdict, &unwritten, &later].map(|part| ended.err.find(part));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{applied}: {}", ended.err);
        assert!(!ended.err.contains("--force"), "there is no report to write over: {}", ended.err);
        assert_eq!(asked.lock().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn mappings_are_imported_exported_and_held_against_zoho() {
    let (connector, agent) = keeper().await;
    let table = "\u{feff}product_id;sku;item_id\r\nSHOP-1;SHELF-OAK-80;\r\nSHOP-2;;3300000000070002\r\n";
    let first = file(&connector, "mappings.csv", table);
    let imported = connector.run(&["mappings", "import", text(&first)], "").await;
    assert!(
        imported.code == 0 && imported.out.contains("✓ 2 imported, 0 were there"),
        "{} {}",
        imported.out,
        imported.err
    );
    let resolved = connector.run(&["mappings", "resolve"], "").await;
    assert!(
        resolved.code == 0 && resolved.out.contains("All 2 mappings lead to one item each."),
        "{} {}",
        resolved.out,
        resolved.err
    );
    let shown = connector.run(&["mappings", "export"], "").await;
    assert!(
        shown.out.starts_with("product_id,sku,item_id,name\nSHOP-1,SHELF-OAK-80,3300000000070001,"),
        "{}",
        shown.out
    );

    let places = json!({ "locations": [{ "name": "shop", "location_id": "3300000000038080" }] });
    let places = file(&connector, "places.json", places.to_string());
    assert_eq!(connector.run(&["mappings", "import", text(&places)], "").await.code, 0);
    for name in ["all.csv", "all.json"] {
        let path = connector.folder().join(name);
        let export = ["mappings", "export", text(&path)];
        let exported = connector.run(&export, "").await;
        assert_eq!(exported.code, 0, "{}", exported.err);
        std::fs::write(&path, "somebody's own").unwrap();
        let refused = connector.run(&export, "").await;
        assert!(refused.code == 2 && refused.err.contains("write over it with --force"), "{refused:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's own");
        let forced = connector.run(&[&export[..], &["--force"]].concat(), "").await;
        assert_eq!(forced.code, 0, "{}", forced.err);
        let again = connector.run(&["mappings", "import", text(&path)], "").await;
        assert!(
            again.code == 0 && again.out.contains("2 were there already"),
            "{name}: {} {}",
            again.out,
            again.err
        );
    }
    let all: Value =
        serde_json::from_slice(&std::fs::read(connector.folder().join("all.json")).unwrap()).unwrap();
    assert_eq!(
        (&all["locations"][0]["name"], &all["mappings"][1]["product_id"]),
        (&json!("shop"), &json!("SHOP-2"))
    );

    // What other systems call item and place can be counted.
    let counts = file(&connector, "counts.csv", "product_id,location,quantity\nSHOP-1,shop,30\n");
    let counted = connector.run(&["reconcile", text(&counts)], "").await;
    assert_eq!(counted.code, 0, "{} {}", counted.out, counted.err);

    let bad = file(&connector, "bad.csv", "product_id,sku\nSHOP-3,A\n,B\nSHOP-3,C\n");
    let refused = connector.run(&["mappings", "import", text(&bad)], "").await;
    assert!(
        refused.code == 1 && refused.err.contains("line 3") && refused.err.contains("line 4"),
        "{}",
        refused.err
    );
    agent.get("/v1/inventory/mappings?product_id=SHOP-3").await.problem("product_unmapped");
    let odd = file(&connector, "odd.csv", "product_id,sku\nSHOP-4,NO-SUCH\nSHOP-5,DUP-1\n");
    assert_eq!(connector.run(&["mappings", "import", text(&odd)], "").await.code, 0);
    let resolved = connector.run(&["mappings", "resolve"], "").await;
    assert_eq!(resolved.code, 3, "{}", resolved.out);
    assert!(resolved.out.contains("SHOP-4") && resolved.out.contains("sku_ambiguous"), "{}", resolved.out);
    assert!(resolved.err.contains("Mappings that do not fit: 2."), "{}", resolved.err);
    no_key_is_left(&connector).await;
}
