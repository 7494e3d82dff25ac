//! Copies of the store: made while it is written to, opened by whom they are for, restored elsewhere.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::{Value, json};
use shared::base::clock::{Clock, SystemClock};
use shared::core::copied::restored;
use shared::store::{Condition, Key, Put, Stored, StoredRow, Stores, Write, all_rows};
use tempfile::TempDir;
use tests::connector::{CLIENT_ID, CLIENT_SECRET, Connector, free_port};
use tests::gateway::TOKEN;
use tests::process::{Running, run};

use super::{RECIPIENT, identity, parsed, stores, text};

const PASSPHRASE: &str = "correct horse battery staple\n";

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
    let lost =
        format!("Lost by restoring:\n  what the installation in {} did after", text(connector.folder()));
    assert!(unasked.err.contains(&lost), "{unasked:?}");
    let half = folder.path().join("half.age");
    fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    let cut_off =
        ["restore", text(&half), "--identity", text(identity.path()), "--data", text(&new), "--yes"];
    let cut_off = run(&cut_off, &variables, "").await;
    assert!(cut_off.code == 1 && cut_off.err.contains("damaged or was cut off"), "{cut_off:?}");
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
    // Nobody is asked for the passphrase of a file that is not there, or where the question could not be asked.
    let none = folder.path().join("none.age");
    let none = run(&["restore", text(&none), "--data", text(&new)], &variables, "").await;
    assert!(none.code == 1 && none.err.contains("none.age: ") && !none.err.contains("--yes"), "{none:?}");
    let unasked = run(&["restore", text(&file), "--data", text(&new)], &variables, PASSPHRASE).await;
    let lost = format!("Lost by restoring:\n  what the installation did after {} was made", text(&file));
    assert!(
        unasked.code == 1 && unasked.err.contains(&lost) && unasked.err.contains("add --yes"),
        "{unasked:?}"
    );
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
