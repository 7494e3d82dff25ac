//! Counts are compared and shown, and adjusted once, after a yes.

use serde_json::{Value, json};

use super::{COUNTS, adjustments, file, id, keeper, no_key_is_left, on_hand, text};

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

/// The command that is printed adjusts something.
#[tokio::test]
async fn rows_of_items_that_were_changed_meanwhile_are_left_to_who_names_them() {
    let (connector, _agent) = keeper().await;
    let counts = file(&connector, "counts.csv", COUNTS);
    let args = ["reconcile", text(&counts), "--counted-at", "2026-01-01T00:00:00Z"];
    let all = connector.run(&args, "").await;
    assert_eq!(all.code, 3, "{} {}", all.out, all.err);
    let id = id(&all.out);
    let how = format!("name their lines with --apply --rows; go on with --resume {id}");
    assert!(all.err.contains(&how) && !all.err.contains("this adjusts it"), "{}", all.err);
    let none = connector.run(&["reconcile", "--resume", &id, "--apply", "--yes"], "").await;
    assert_eq!((none.code, adjustments(&connector)), (3, 0), "{} {}", none.out, none.err);
    let named = ["reconcile", "--resume", &id, "--apply", "--yes", "--rows", "2"];
    let named = connector.run(&named, "").await;
    assert_eq!(adjustments(&connector), 1, "{} {}", named.out, named.err);
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
