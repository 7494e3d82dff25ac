//! One machine: its unit, its end, copies of its store, its move to another place, and what is forgotten of a person.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use sandbox::{Fault, FaultKind, Gate};
use serde_json::{Value, json};
use shared::base::clock::{Clock, SystemClock};
use shared::base::id::ConnectionName;
use shared::core::copied::restored;
use shared::core::events::{Delivery, Events};
use shared::core::forget::{FORGOTTEN, Person, forget};
use shared::store::sqlite::Sqlite;
use shared::store::{Condition, Key, Put, Stored, StoredRow, Stores, Write, all_rows};
use tempfile::{NamedTempFile, TempDir};
use tests::aws::Aws;
use tests::clock::until;
use tests::connector::{CLIENT_ID, CLIENT_SECRET, Connector, free_port};
use tests::deployed::Deployed;
use tests::gateway::TOKEN;
use tests::lambda::Cloud;
use tests::process::{BINARY, Ended, Running, run};
use tokio::net::TcpStream;

const PASSPHRASE: &str = "correct horse battery staple\n";

/// Both halves of a key of age that protects nothing: a copy that is encrypted to it costs no second of work, as a passphrase does.
pub(crate) const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
const IDENTITY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

/// The file with the secret half.
fn identity() -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("# of tests\n{IDENTITY}\n")).unwrap();
    file
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn parsed(ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("no JSON: {}", ended.out))
}

fn stores(folder: &Path) -> Stores {
    Sqlite::open(folder, Arc::new(SystemClock)).unwrap().into()
}

fn deployment(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_unit_is_valid_and_hardened() {
    let unit = deployment("systemd/zoho-connector.service");
    let at = unit.matches("/usr/local/bin/zoho-connector").count();
    assert_eq!(at, 2, "the command, and the one path that may be executed");
    assert!(
        unit.contains("User=zoho-connector")
            && deployment("systemd/zoho-connector.sysusers.conf").contains("u zoho-connector")
    );
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        // The exposure can only be judged where systemd is.
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("zoho-connector.service");
    fs::write(&path, unit.replace("/usr/local/bin/zoho-connector", text(&BINARY))).unwrap();
    let analyze = |args: &[&str]| {
        let output = Command::new("systemd-analyze").args(args).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), said)
    };
    let (is_valid, said) = analyze(&["verify"]);
    assert!(is_valid, "{said}");
    // In tenths: 2.0 of 10.
    let (is_safe, said) = analyze(&["security", "--offline=true", "--no-pager", "--threshold=20"]);
    assert!(is_safe, "{said}");
}

#[test]
fn the_image_holds_the_binary_alone_and_runs_it_as_nobody() {
    let file = deployment("Containerfile");
    let steps: Vec<_> = file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert_eq!(steps[0], "FROM scratch");
    for step in
        ["COPY zoho-connector /zoho-connector", "USER 65532:65532", "VOLUME /data", "STOPSIGNAL SIGTERM"]
    {
        assert!(steps.contains(&step), "{step}: {steps:?}");
    }
    assert!(!steps.iter().any(|step| step.starts_with("RUN")), "there is nothing in it that could run");
}

#[tokio::test]
async fn sigterm_ends_the_server_with_all_in_its_file() {
    let (mut connector, agent) = Connector::connected().await;
    let gate = Gate::default();
    let kind = FaultKind::Held(gate.clone());
    connector.zoho.sandbox.inject(Fault { path_contains: "/crm/".to_owned(), times: 1, kind });
    let address = connector.url.trim_start_matches("http://").to_owned();
    let ends = async {
        gate.reached_by(1).await;
        let opens = async {
            // It takes no more requests; the one under way is answered.
            until("closed", async || TcpStream::connect(&address).await.is_err()).await;
            gate.open();
        };
        tokio::join!(connector.terminate(), opens).0
    };
    let (answer, code) = tokio::join!(agent.get("/v1/crm/deals"), ends);
    answer.ok();
    assert_eq!(code, 0);
    let log = connector.folder().join("zoho-connector.sqlite3-wal");
    assert_eq!(fs::metadata(&log).map_or(0, |found| found.len()), 0, "nothing is left in the log");
    connector.boot().await;
}

/// Writes pairs until it is told to stop: both of a pair, or none.
fn write_pairs(stores: Stores, stop: Arc<AtomicBool>, count: Arc<AtomicU32>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        while !stop.load(Ordering::SeqCst) {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let put = |sort: &str| {
                Write::Put(Put::record(Key::new("pair#x", sort), &number, Condition::Any).unwrap())
            };
            stores.state.transact(vec![put("left"), put("right")]).await.unwrap();
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_while_writes_go_on_and_restored_elsewhere() {
    let (mut connector, revoked) = Connector::connected().await;
    let kept = connector.agent(&[]).await;
    let id = |key: &str| key.split('_').nth(1).unwrap().to_owned();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("backup.age");

    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let writing = write_pairs(stores(connector.folder()), stop.clone(), count.clone());
    let made = parsed(&connector.run(&["backup", text(&file), "--recipient", RECIPIENT, "--json"], "").await);
    assert!(made["things"].as_u64().unwrap() > 5 && count.load(Ordering::SeqCst) > 1, "{made}");
    stop.store(true, Ordering::SeqCst);
    writing.await.unwrap();

    let bytes = fs::read(&file).unwrap();
    for secret in [CLIENT_SECRET, "refresh_token", "default"] {
        assert!(
            !bytes.windows(secret.len()).any(|part| part == secret.as_bytes()),
            "{secret} is in the clear"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is beside it");
    let twice = connector.run(&["backup", text(&file), "--recipient", RECIPIENT], "").await;
    assert!(twice.code == 2 && twice.err.contains("is there already"), "{twice:?}");
    let nowhere = folder.path().join("none").join("backup.age");
    let nowhere = connector.run(&["backup", text(&nowhere), "--passphrase"], "").await;
    assert!(nowhere.code == 2 && nowhere.err.contains("there is no folder"), "{nowhere:?}");
    // No passphrase was given, and that is not what is told: nothing was asked for yet.
    let asking = connector.run(&["backup", text(&file), "--passphrase"], "").await;
    assert!(asking.code == 2 && asking.err.contains("is there already"), "{asking:?}");

    // After the backup, a key is revoked and another one made; then the machine is lost.
    assert_eq!(connector.run(&["keys", "revoke", &revoked.key, "--yes"], "").await.code, 0);
    let late = connector.agent(&[]).await;
    assert_eq!(connector.interrupt().await, 0);
    let calls = connector.token_calls();

    let new = folder.path().join("new");
    let variables = connector.variables();
    let identity = identity();
    let restore = ["restore", text(&file), "--identity", text(identity.path()), "--data", text(&new)];
    let unasked = run(&restore, &variables, "").await;
    assert!(unasked.code == 1 && unasked.err.contains("Nothing was changed"), "{unasked:?}");
    assert!(!new.join("zoho-connector.sqlite3").exists());
    let args = [&restore[..], &["--yes", "--json", "--compare", text(connector.folder())]].concat();
    let said = parsed(&run(&args, &variables, "").await);
    assert_eq!(said["compared"]["revoked_since"], json!([id(&revoked.key)]), "{said}");
    assert_eq!(said["compared"]["made_since"], json!([id(&late.key)]), "{said}");
    assert_eq!(said["keys_off"].as_array().unwrap().len(), 2, "{said}");
    assert_eq!(said["connections"], json!(["default"]));
    let [held, taken, left_out] =
        [&made["things"], &said["things"], &said["left_out"]].map(|count| count.as_u64().unwrap());
    assert!(held == taken + left_out && left_out > 0, "{made} {said}");
    let again = run(&args, &variables, "").await;
    assert!(again.code == 1 && again.err.contains("there is a store in"), "{again:?}");

    let state = stores(&new).state;
    let half = async |sort: &str| state.get(&Key::new("pair#x", sort)).await.unwrap().unwrap().value;
    assert_eq!(half("left").await, half("right").await, "the copy is of one moment");

    // Its keys are off until they are confirmed; then it reads as before.
    let twice = ["keys", "confirm", &kept.key, &kept.key, "--yes", "--data", text(&new)];
    let confirmed = run(&twice, &variables, "").await;
    assert_eq!(confirmed.code, 0, "{}", confirmed.err);
    assert_eq!(confirmed.out.matches("works again").count(), 1, "{}", confirmed.out);
    let url = format!("http://127.0.0.1:{}", free_port());
    let listen = url.trim_start_matches("http://");
    let serve = ["serve", "--listen", listen, "--data", text(&new), "--public-url", &url];
    let mut server = Running::start(&serve, &variables);
    server.until("Store in").await;
    kept.at(&url).get("/v1/crm/deals").await.ok();
    let problem = revoked.at(&url).get("/v1/crm/deals").await.problem("key_invalid");
    assert!(problem["detail"].as_str().unwrap().contains("is off since"), "{problem}");
    late.at(&url).get("/v1/crm/deals").await.problem("key_invalid");
    assert_eq!(connector.token_calls(), calls, "the token of the backup is still good");
    assert_eq!(server.terminate().await, 0);
}

#[tokio::test]
async fn a_copy_opens_with_its_passphrase_alone() {
    let connector = Connector::start().await;
    let folder = TempDir::new().unwrap();
    let (file, new) = (folder.path().join("backup.age"), folder.path().join("new"));
    let neither = connector.run(&["backup", text(&file)], "").await;
    assert!(neither.code == 2 && neither.err.contains("--recipient"), "both ways are named: {neither:?}");
    let backup = ["backup", text(&file), "--passphrase"];
    let short = connector.run(&backup, "short\n").await;
    assert!(short.code == 1 && short.err.contains("12 characters"), "{short:?}");
    let hook = ["agent", "set", "--url", "https://gateway.example.com/hooks/agent", "--no-test"];
    assert_eq!(connector.run(&hook, TOKEN).await.code, 0);
    assert_eq!(connector.run(&backup, PASSPHRASE).await.code, 0);
    let variables = connector.variables();
    let restore = ["restore", text(&file), "--yes", "--data", text(&new)];
    let wrong = run(&restore, &variables, "another passphrase\n").await;
    assert!(wrong.code == 1 && wrong.err.contains("cannot be opened with this passphrase"), "{wrong:?}");
    let right = run(&restore, &variables, PASSPHRASE).await;
    assert!(right.code == 0 && right.out.contains("It has no keys"), "{right:?}");
    let shown = run(&["client", "show", "--data", text(&new)], &variables, "").await;
    assert!(shown.out.contains(CLIENT_ID), "{shown:?}");

    // Its source may still run, and tells the agent of the same events.
    assert!(right.out.contains("agent resume"), "{right:?}");
    let state = async || {
        let shown = parsed(&run(&["agent", "show", "--json", "--data", text(&new)], &variables, "").await);
        shown["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state().await, "paused");
    let resumed = run(&["agent", "resume", "--data", text(&new)], &variables, "").await;
    assert_eq!((resumed.code, state().await.as_str()), (0, "new"), "{resumed:?}");
}

/// Whoever else may write to the folder of a copy could put a link where it is written.
#[cfg(unix)]
#[tokio::test]
async fn a_copy_is_written_through_no_link_and_for_its_user_alone() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let connector = Connector::start().await;
    let folder = TempDir::new().unwrap();
    let (file, other) = (folder.path().join("backup.age"), folder.path().join("other"));
    fs::write(&other, "precious").unwrap();
    symlink(&other, folder.path().join("backup.age.part")).unwrap();
    let made = connector.run(&["backup", text(&file), "--recipient", RECIPIENT], "").await;
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(fs::read_to_string(&other).unwrap(), "precious");
    let about = fs::symlink_metadata(&file).unwrap();
    assert!(about.is_file());
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing is left over");
}

/// A note was written after the backup was made, and its answer is unknown to the restored store: it is found, and not written again.
#[tokio::test]
async fn a_write_after_the_backup_is_found_and_never_sent_again() {
    let (connector, agent) = Connector::start().await.with_agent("write", "crm:write").await;
    let made = SystemClock.now();
    let notes = "/v1/crm/deals/6100000000451001/notes";
    let note = json!({ "Note_Title": "Call", "Note_Content": "Wants oak, not pine." });
    let write = async || agent.write("POST", notes, &[("idempotency-key", "n")], &note).await;
    let first = write().await;
    assert_eq!(first.status, 201, "{}", first.body);

    let stores = stores(connector.folder());
    let state = &*stores.state;
    let rows = all_rows(state, "idempotency", "").await.unwrap();
    assert_eq!(rows.len(), 1);
    let mut value: Value = serde_json::from_str(&rows[0].value).unwrap();
    value["state"] = json!("reserved");
    let in_backup = StoredRow {
        table: "state".to_owned(),
        partition: rows[0].key.partition.clone(),
        sort: rows[0].key.sort.clone(),
        value: value.to_string(),
        expires: rows[0].expires,
    };
    for entry in all_rows(state, "audit#default", "").await.unwrap() {
        state.delete(entry.key, Condition::Any).await.unwrap();
    }
    let row = restored(Stored::Row(in_backup), made, SystemClock.now()).unwrap().unwrap();
    row.put(&stores).await.unwrap();

    let second = write().await;
    assert_eq!((second.status, &second.body["id"]), (201, &first.body["id"]), "{}", second.body);
    let written = agent.get(notes).await.ok();
    let same =
        written["data"].as_array().unwrap().iter().filter(|one| one["Note_Content"] == note["Note_Content"]);
    assert_eq!(same.count(), 1, "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_moves_to_a_stack_and_its_source_makes_no_token() {
    let (mut connector, agent) = Connector::connected().await;
    let folder = TempDir::new().unwrap();
    let file: PathBuf = folder.path().join("move.age");
    let to = ["--to", "the stack shop", "--recipient", RECIPIENT];
    let export = ["move", "export", text(&file)];
    let served = connector.run(&[&export[..], &to, &["--yes"]].concat(), "").await;
    assert!(served.code == 1 && served.err.contains("Stop that one first"), "{served:?}");
    assert_eq!(connector.interrupt().await, 0);
    fs::write(&file, "somebody's own").unwrap();
    let taken = connector.run(&["move", "export", text(&file), "--passphrase", "--yes"], "").await;
    assert!(
        taken.code == 2 && taken.err.contains("is there already"),
        "before a passphrase is asked for: {taken:?}"
    );
    fs::remove_file(&file).unwrap();
    let untold = folder.path().join("untold.age");
    let untold = connector.run(&["move", "export", text(&untold), "--passphrase"], "").await;
    assert!(
        untold.code == 1 && untold.err.contains("add --yes"),
        "before a passphrase is asked for: {untold:?}"
    );
    let unasked = connector.run(&[&export[..], &to].concat(), "").await;
    assert!(unasked.code == 1 && unasked.err.contains("Nothing was changed"), "{unasked:?}");
    let exported = connector.run(&[&export[..], &to, &["--yes"]].concat(), "").await;
    assert_eq!(exported.code, 0, "{}", exported.err);

    // The source says where it went, and makes no token: not by a command, and not in a process that runs on.
    let calls = connector.token_calls();
    let backup = folder.path().join("late.age");
    let again = [&export[..], &to, &["--yes"]].concat();
    for args in [
        ["serve", "--listen", "0"].as_slice(),
        &["refresh"],
        &["connect", "--no-wait"],
        &["keys", "list"],
        &["backup", text(&backup), "--recipient", RECIPIENT],
        again.as_slice(),
    ] {
        let ended = connector.run(args, "").await;
        assert!(
            ended.code == 1 && ended.err.contains("was moved to the stack shop at"),
            "{args:?}: {ended:?}"
        );
        let undo = format!("`zoho-connector move undo --data {}", text(connector.folder()));
        assert!(ended.err.contains(&undo), "led to this folder: {args:?}: {ended:?}");
    }
    let lease = stores(connector.folder()).state.get(&Key::new("lease", "default")).await.unwrap();
    assert!(lease.is_some_and(|lease| lease.expires.is_none()), "its lease is taken for good");

    let deployed = Deployed::on_aws(Cloud::start().await).await;
    let identity = identity();
    let import = ["move", "import", text(&file), "--identity", text(identity.path()), "--json"];
    let arrived = parsed(&deployed.connector.run(&import, "").await);
    assert_eq!(
        (&arrived["connections"], &arrived["file_deleted"]),
        (&json!(["default"]), &json!(true)),
        "{arrived}"
    );
    assert!(!file.exists());
    let there = agent.at(&deployed.connector.url);
    let status = there.get("/v1/status").await.ok();
    assert_eq!(status["connections"][0]["state"], "healthy", "{status}");
    assert!(deployed.stores().state.get(&Key::new("lease", "default")).await.unwrap().is_none());
    assert_eq!(connector.token_calls(), calls, "the source made none");

    // Whoever knows that the copy never arrived opens the store again.
    let undone = connector.run(&["move", "undo", "--yes"], "").await;
    assert_eq!(undone.code, 0, "{}", undone.err);
    connector.boot().await;
    assert_eq!(connector.run(&["refresh"], "").await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_in_use_takes_no_other_installation() {
    let (mut connector, _) = Connector::connected().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("move.age");
    assert_eq!(connector.interrupt().await, 0);
    let args = ["move", "export", text(&file), "--recipient", RECIPIENT, "--yes"];
    assert_eq!(connector.run(&args, "").await.code, 0);
    let identity = identity();
    let import = ["move", "import", text(&file), "--identity", text(identity.path())];
    // The place is looked at before the copy, and so before a passphrase is asked for.
    let none = folder.path().join("none.age");
    let itself = connector.run(&["move", "import", text(&none)], "").await;
    assert!(itself.code == 1 && itself.err.contains("there is a store in"), "{itself:?}");
    let itself = connector.run(&import, "").await;
    assert!(itself.code == 1 && itself.err.contains("there is a store in"), "{itself:?}");
    let new = folder.path().join("new");
    let key = text(identity.path());
    let restore = ["restore", text(&file), "--identity", key, "--yes", "--data", text(&new)];
    let restored = run(&restore, &connector.variables(), "").await;
    assert!(restored.code == 1 && restored.err.contains("move import"), "{restored:?}");
    assert!(!new.exists());

    let deployed = Deployed::on_aws(Cloud::start().await).await;
    deployed.connector.agent(&[]).await;
    let used = deployed.connector.run(&import, "").await;
    assert!(used.code == 1 && used.err.contains("with 0 connections and 1 key:"), "{used:?}");
    assert!(file.exists());
}

/// On another machine, the path that a copy came from can be that of an installation of its own.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_folder_that_is_sealed_is_to_be_forgotten_after_an_import() {
    let (mut connector, _) = Connector::connected().await;
    let (folder, home, identity) = (TempDir::new().unwrap(), TempDir::new().unwrap(), identity());
    assert_eq!(connector.interrupt().await, 0);
    let variables = connector.variables_at(&home);
    let add = ["installations", "add", "own", "--data", text(connector.folder())];
    assert_eq!(run(&add, &variables, "").await.code, 0);
    for (place, is_sealed) in [("first", true), ("second", false)] {
        let (file, new) = (folder.path().join(format!("{place}.age")), folder.path().join(place));
        let export = ["move", "export", text(&file), "--recipient", RECIPIENT, "--yes"];
        assert_eq!(connector.run(&export, "").await.code, 0, "{place}");
        let undo =
            async || assert_eq!(connector.run(&["move", "undo", "--yes"], "").await.code, 0, "{place}");
        if !is_sealed {
            undo().await;
        }
        let import =
            ["move", "import", text(&file), "--identity", text(identity.path()), "--data", text(&new)];
        let import = run(&import, &variables, "").await;
        assert_eq!(import.code, 0, "{import:?}");
        assert_eq!(import.out.contains("installations forget own"), is_sealed, "{import:?}");
        if is_sealed {
            undo().await;
        }
    }
}

/// A copy takes as long to open as its passphrase takes to type, or its key to come.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_came_while_a_copy_was_opened_takes_no_copy() {
    use tokio::io::AsyncWriteExt;
    use tokio::net::unix::pipe;

    let (mut connector, _) = Connector::connected().await;
    let folder = TempDir::new().unwrap();
    let [backup, moving, fifo] = ["backup.age", "move.age", "key"].map(|name| folder.path().join(name));
    assert_eq!(connector.interrupt().await, 0);
    let args = ["backup", text(&backup), "--recipient", RECIPIENT];
    assert_eq!(connector.run(&args, "").await.code, 0);
    let args = ["move", "export", text(&moving), "--recipient", RECIPIENT, "--yes"];
    assert_eq!(connector.run(&args, "").await.code, 0);
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for (place, taken) in [
        ("restored", ["restore", text(&backup), "--yes"].as_slice()),
        ("moved", ["move", "import", text(&moving)].as_slice()),
    ] {
        let new = folder.path().join(place);
        let args = [taken, &["--identity", text(&fifo), "--data", text(&new)]].concat();
        let variables = connector.variables();
        let meanwhile = async {
            // It is read once the place was looked at.
            let mut key = None;
            until("read", async || {
                key = pipe::OpenOptions::new().open_sender(&fifo).ok();
                key.is_some()
            })
            .await;
            drop(stores(&new));
            key.unwrap().write_all(format!("{IDENTITY}\n").as_bytes()).await.unwrap();
        };
        let (ended, ()) = tokio::join!(run(&args, &variables, ""), meanwhile);
        assert!(ended.code == 1 && ended.err.contains("there is a store in"), "{args:?}: {ended:?}");
    }
    assert!(moving.exists());
}

/// What both stores must do: rows stay, and say nothing of the person.
async fn forgets(stores: Stores) {
    let connection = ConnectionName::default();
    let events = Events::new(stores.events.clone(), Arc::new(SystemClock));
    let delivery = |name: &str, digest: &str| Delivery {
        connection: connection.clone(),
        source: "crm",
        digest: digest.repeat(64),
        kind: "zoho.crm.contact.updated".to_owned(),
        subject: Some("contact/6100000000700001".to_owned()),
        time: None,
        data: json!({ "ids": ["6100000000700001"] }),
        body: json!({ "name": name, "email": format!("{name}@example.com") }).to_string(),
    };
    let lea = events.store(delivery("lea", "1")).await.unwrap().event_id;
    let tom = events.store(delivery("tom", "2")).await.unwrap().event_id;
    let entry =
        json!({ "subject": null, "before": null, "after": { "to": "Lea <LEA@example.com>", "total": 5 } });
    let put = |partition: &str, value: &Value| {
        Put::record(Key::new(partition, "1"), value, Condition::Any).unwrap()
    };
    stores.state.put(put("audit#gone", &entry)).await.unwrap();
    stores.state.put(put("preview", &json!({ "plan": { "to": "lea@example.com" } }))).await.unwrap();
    stores.state.put(put("key", &json!({ "label": "lea@example.com" }))).await.unwrap();
    let refused = json!({ "said": "400", "reason": "no run for lea@example.com" });
    stores.events.put(put("batch#gone", &refused)).await.unwrap();

    let person = Person::default().with_text("lea@example.com").unwrap();
    let listed = forget(&stores, &person, false).await.unwrap();
    let mut kinds: Vec<_> = listed.iter().map(|trace| trace.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["audit", "batch", "event", "preview"]);
    assert_eq!(forget(&stores, &person, true).await.unwrap(), listed, "a list changes nothing");
    assert!(forget(&stores, &person, false).await.unwrap().is_empty());

    let (_, body) = events.get(&connection, &lea).await.unwrap().unwrap();
    assert_eq!(body.get(), json!({ "name": "lea", "email": FORGOTTEN }).to_string());
    let (_, body) = events.get(&connection, &tom).await.unwrap().unwrap();
    assert!(body.get().contains("tom@example.com"));
    let audit = stores.state.get(&Key::new("audit#gone", "1")).await.unwrap().unwrap();
    let audit: Value = audit.read().unwrap();
    assert_eq!(audit["after"], json!({ "to": FORGOTTEN, "total": 5 }));
    assert!(stores.state.get(&Key::new("preview", "1")).await.unwrap().is_none());
    let batch = stores.events.get(&Key::new("batch#gone", "1")).await.unwrap().unwrap();
    assert_eq!(batch.read::<Value>().unwrap(), json!({ "said": "400", "reason": FORGOTTEN }));
}

#[tokio::test]
async fn a_person_is_forgotten_on_one_machine() {
    let folder = TempDir::new().unwrap();
    forgets(stores(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_forgotten_on_aws() {
    forgets(Aws::get().subject().await.stores).await;
}

#[tokio::test]
async fn the_command_lists_asks_and_forgets() {
    let (connector, agent) = Connector::start().await.with_agent("write", "crm:write").await;
    let note = json!({ "Note_Content": "Call Lea Vogt, +49 30 123456" });
    let notes = "/v1/crm/deals/6100000000451001/notes";
    assert_eq!(agent.write("POST", notes, &[("idempotency-key", "n")], &note).await.status, 201);

    let forget = ["forget", "--text", "004930123456", "--text", "lea vogt"];
    let listed = parsed(&connector.run(&[&forget[..], &["--dry-run", "--json"]].concat(), "").await);
    let kinds: Vec<_> = listed["rows"].as_array().unwrap().iter().map(|row| row["kind"].clone()).collect();
    assert_eq!((kinds, &listed["forgotten"]), (vec![json!("audit"), json!("idempotency")], &json!(false)));
    let unasked = connector.run(&forget, "").await;
    assert!(unasked.code == 1 && unasked.err.contains("entry of the audit of 20"), "{unasked:?}");
    assert!(unasked.err.contains(", connection default") && !unasked.err.contains('#'), "{unasked:?}");
    let done = connector.run(&[&forget[..], &["--yes"]].concat(), "").await;
    assert!(done.code == 0 && done.out.contains("2 rows"), "{done:?}");
    let audit = agent.get("/v1/audit?details=true").await.ok().to_string();
    assert!(audit.contains(FORGOTTEN) && !audit.contains("Vogt"), "{audit}");
    // Who repeats the write still gets its answer, and makes no second note.
    let again = agent.write("POST", notes, &[("idempotency-key", "n")], &note).await;
    assert_eq!((again.status, &again.body["Note_Content"]), (201, &json!(FORGOTTEN)), "{}", again.body);
    let written = agent.get(notes).await.ok();
    let same =
        written["data"].as_array().unwrap().iter().filter(|one| one["Note_Content"] == note["Note_Content"]);
    assert_eq!(same.count(), 1, "{written}");
    let nothing = connector.run(&forget, "").await;
    assert!(nothing.code == 0 && nothing.out.contains("Nothing is kept"), "{nothing:?}");
    let vague = connector.run(&["forget", "--text", "ab"], "").await;
    assert!(vague.code == 1 && vague.err.contains("too short"), "{vague:?}");
}
