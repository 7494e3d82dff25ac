//! Against an API that answers by a script: it waits, asks what it is asked, and ends with the verdict and its code.

use serde_json::{Value, json};
use tests::process;

use super::{scripted, some_key, text};

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
            json!({ "adjusted": 1, "uncertain": 1 }),
            4,
            &["adjusts nothing twice, and then it adjusts what was not tried (1 row); count them again"],
            &["rifted"],
        ),
        (
            json!({ "adjusted": 1, "pending": 1, "uncertain": 1 }),
            4,
            &[
                "Uncertain whether adjusted: 1 row. Look at them in Zoho.",
                "adjusts nothing twice; count them again only after it found nothing",
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

/// Rows that nobody tried are not kept back by one of which nobody knows whether it was adjusted.
#[tokio::test]
async fn what_is_uncertain_is_looked_for_and_the_other_rows_are_adjusted_after_it() {
    let id = "0190c5f0a0b0c0d0e0f001122334455";
    let path = format!("/v1/inventory/reconciliations/{id}");
    let head = |applied: Value| {
        let sums = json!({ "rows": 3, "drifted": 3, "applied": applied });
        json!({ "id": id, "state": "applied", "summary": sums, "next": null, "data": [] })
    };
    let (before, after) = (json!({ "uncertain": 1 }), json!({ "adjusted": 2, "uncertain": 1 }));
    for (before, posts) in [(&before, 2), (&after, 1)] {
        let mut answers = vec![(200, head(before.clone())); 4];
        answers.extend(vec![(200, head(after.clone())); 2]);
        let (url, asked) = scripted(answers).await;
        let key = some_key();
        let variables = [("ZOHO_CONNECTOR_URL", url.as_str()), ("ZOHO_CONNECTOR_KEY", key.as_str())];
        let ended = process::run(&["reconcile", "--resume", id, "--apply", "--yes"], &variables, "").await;
        let drifted = format!("GET {path}?show=drifted&per_page=200");
        let mut calls = vec![format!("GET {path}?per_page=1"), drifted.clone()];
        for _ in 0..posts {
            calls.extend([format!("POST {path}/apply"), drifted.clone()]);
        }
        assert_eq!(*asked.lock().unwrap(), calls, "{} {}", ended.out, ended.err);
        assert_eq!(ended.code, 4, "{} {}", ended.out, ended.err);
        assert!(ended.err.contains("Uncertain whether adjusted: 1 row."), "{}", ended.err);
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
