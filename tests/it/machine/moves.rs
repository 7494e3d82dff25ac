//! A move to another place: the source makes no token from then on, and no place is written over.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use shared::store::Key;
use tempfile::TempDir;
use tests::clock::until;
use tests::connector::Connector;
use tests::deployed::Deployed;
use tests::lambda::Cloud;
use tests::process::run;

use super::{IDENTITY, RECIPIENT, identity, parsed, stores, text};

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
    let lost = format!("Lost by moving:\n  the use of {}", text(connector.folder()));
    for unasked in [&untold, &unasked] {
        assert_eq!(unasked.err.matches(&lost).count(), 1, "{unasked:?}");
    }
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
