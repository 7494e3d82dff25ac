//! An adjustment on its way to Zoho and back.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use shared::base::problem::Code;
use shared::core::writes::audit::Outcome;
use shared::core::writes::idempotency::{Begun, Idempotency, SentWrite};
use shared::core::writes::turns::Turns;
use tokio::time::Instant;

use super::fixtures::{by, items_with, plan, to};
use super::judge::judge;
use super::stand_in::{CHANGED, TIME, world};
use crate::writes::fixtures::{DATA_CENTRE, ORGANIZATION};
use crate::writes::plan::Draft;
use crate::zoho::WriteFailure;

#[tokio::test]
async fn stock_is_read_written_once_and_read_again() {
    let world = world(&[10, 4]).await;
    let mut two = plan(vec![by("-2"), to("5", Some("4"))], None, None);
    assert!(matches!(world.look(&mut two).await, Ok(None)));
    let Ok(done) = world.send(&two).await else { panic!("it was not done") };
    assert_eq!((done.status, done.subject.as_str()), (201, "inventory_adjustment/900"));
    for (line, expected) in [(0, json!(["adjusted", -2, 10, 8])), (1, json!(["adjusted", 1, 4, 5]))] {
        let line = &done.body["lines"][line];
        let told = json!([line["outcome"], line["delta"], line["before"], line["after"]]);
        assert_eq!(told.to_string(), expected.to_string());
    }
    assert!(done.body.get("notice").is_none(), "{}", done.body);
    assert_eq!(world.zoho.lock().unwrap().item_reads, 2, "new figures are not read again");
    let touched: Vec<_> = done.touched.iter().map(|touched| touched.subject.as_str()).collect();
    assert_eq!(touched, ["item/1", "item/2"]);
    let [sent]: [Value; 1] = world.posted().try_into().unwrap();
    let lines =
        r#"[{"item_id":"1","quantity_adjusted":-2},{"item_id":"2","quantity_adjusted":1}]"#.to_owned();
    assert_eq!(sent["line_items"].to_string(), lines);
    let [date, reason, reference] = ["date", "reason", "reference_number"].map(|field| &sent[field]);
    assert_eq!((date, reason, reference), (&json!("2026-11-22"), &json!("Counted"), &json!("R-1")));
}

#[tokio::test]
async fn where_nothing_moves_nothing_is_written_and_it_is_told_why() {
    let world = world(&[10]).await;
    let mut right = plan(vec![to("10", None)], None, None);
    let Ok(Some(done)) = world.look(&mut right).await else { panic!("there is nothing to send") };
    assert_eq!((done.status, &done.body["lines"][0]["outcome"]), (200, &json!("unchanged")));
    let mut changed = plan(vec![to("9", Some("3"))], None, None);
    assert_eq!(world.look(&mut changed).await.err(), Some(Code::StockChanged));
    changed.is_part = true;
    let Ok(Some(done)) = world.look(&mut changed).await else { panic!("of a part it is an answer") };
    assert_eq!(done.body["lines"][0]["outcome"], json!("changed"));
    let mut one_moves = plan(vec![by("1"), by("1")], None, None);
    assert!(matches!(world.look(&mut one_moves).await, Ok(None)), "Zoho has one of the two items");
    assert!(world.posted().is_empty());
}

#[tokio::test]
async fn what_was_sent_is_found_by_its_reference_where_it_can_be_no_other() {
    let world = world(&[10]).await;
    let mut sent = plan(vec![by("-2")], None, None);
    assert!(world.find(&sent, 0, &[]).await.is_none());
    assert!(matches!(world.look(&mut sent).await, Ok(None)));
    assert!(world.send(&sent).await.is_ok());

    let found = world.find(&sent, 125, &[]).await.unwrap();
    assert_eq!((found.status, found.subject.as_str()), (201, "inventory_adjustment/900"));
    let line = &found.body["lines"][0];
    let told = json!([line["outcome"], line["delta"], line["before"], line["after"]]);
    assert_eq!(told.to_string(), r#"["adjusted",-2,null,8]"#);
    assert!(found.body["notice"].as_str().unwrap().starts_with("The answer to this write was lost"));
    assert!(world.find(&sent, 126, &[]).await.is_none(), "it was made more than two minutes before");
    let taken = ["inventory_adjustment/900".to_owned()];
    assert!(world.find(&sent, 0, &taken).await.is_none(), "another write has made it");

    let mut other = plan(vec![by("-3")], None, None);
    assert!(world.find(&other, 0, &[]).await.is_none(), "the caller's reference, with another quantity");
    other.own_reference = true;
    assert!(world.find(&other, 0, &[]).await.is_some(), "nobody else has a reference that we made up");
    assert!(world.find(&other, 3600, &[]).await.is_some(), "nor had before, and our clock is an hour fast");
    other.reference = "ZC-0".to_owned();
    assert!(world.find(&other, 0, &[]).await.is_none());

    let mut twin = world.zoho.lock().unwrap().documents[0].clone();
    twin["inventory_adjustment_id"] = json!("901");
    world.zoho.lock().unwrap().documents.push(twin);
    assert!(world.find(&sent, 0, &[]).await.is_none(), "it can be either");
    // A reference that we made up has no other write: something sent it twice, and it is not told as not found.
    sent.own_reference = true;
    let found = world.find(&sent, 0, &[]).await.unwrap();
    let several = "Zoho has 2 adjustments with the reference of this one: 900, 901.";
    let line = &found.body["lines"][0];
    assert_eq!((&line["outcome"], &line["delta"]), (&json!("adjusted"), &json!(-2)));
    for said in [&line["why"], &found.body["notice"]] {
        assert!(said.as_str().unwrap().starts_with(several), "{said}");
    }
    let one = world.find(&sent, 0, &taken).await.unwrap();
    assert_eq!(
        (one.subject.as_str(), &one.body["lines"][0]["why"]),
        ("inventory_adjustment/901", &Value::Null)
    );
}

#[tokio::test]
async fn what_was_sent_is_looked_for_on_page_after_page_until_all_that_follows_is_older() {
    let document = |id: &str, reference: &str, at: &str| {
        json!({
            "inventory_adjustment_id": id,
            "reference_number": reference,
            "line_items": [{ "item_id": "1", "quantity_adjusted": -2 }],
            "created_time": at,
            "status": "adjusted",
        })
    };
    let (newer, older) = ("2026-11-22T11:00:09+0100", "2026-11-21T11:00:00+0100");
    for (date, first_page, is_found) in [
        (None, newer, true),
        (None, older, false),
        // Where the rows are sorted by day, it stands among older ones.
        (Some("2026-11-01"), older, true),
    ] {
        let world = world(&[8]).await;
        {
            let mut zoho = world.zoho.lock().unwrap();
            zoho.documents = vec![document("901", "R-2", first_page), document("900", "R-1", CHANGED)];
            zoho.rows_of_a_page = Some(1);
        }
        let mut sent = plan(vec![by("-2")], None, None);
        sent.date = date.map(str::to_owned);
        assert_eq!(world.find(&sent, 0, &[]).await.is_some(), is_found, "{date:?} {first_page}");
    }
}

#[tokio::test]
async fn old_figures_are_not_waited_for_beyond_the_callers_time() {
    let world = world(&[10]).await;
    // Two of these pauses never fit, however little of the time is over.
    let lag = TIME / 2 + Duration::from_secs(1);
    let (one, before) = (plan(vec![by("-2")], None, None), items_with(&["10"]));
    let was = judge(&one, &before).unwrap();
    let now = one.look_again(&world.app.zoho, &world.request().await, &was, lag).await.unwrap();
    assert_eq!((now.len(), &now[0]["stock_on_hand"]), (1, &json!(10)));
    assert_eq!(world.zoho.lock().unwrap().item_reads, 1);
}

#[tokio::test]
async fn stock_is_moved_by_one_write_at_a_time() {
    let mut world = world(&[10]).await;
    // No time is left to wait for a turn.
    world.caller.deadline = Instant::now() + Duration::from_secs(10);
    let turns = Turns::new(world.services.stores.state.clone(), world.services.clock.clone());
    let turn = turns.take(DATA_CENTRE, ORGANIZATION, Instant::now()).await.unwrap().ok().unwrap();
    let request = world.request_with_key("order 7").await;
    assert_eq!(world.perform(&request, vec![by("-2")]).await.err(), Some(Code::StockInProgress));
    assert!(world.posted().is_empty());
    turns.end(turn).await.unwrap();
    world.caller.deadline = Instant::now() + Duration::from_secs(25);
    let request = world.request_with_key("order 7").await;
    assert!(world.perform(&request, vec![by("-2")]).await.is_ok(), "its key was set free");
}

#[tokio::test]
async fn a_refusal_says_that_nothing_was_done_unless_zoho_may_have_begun() {
    for (status, said, is_uncertain) in [
        (400, json!({ "code": 4, "message": "Invalid value" }), false),
        (429, json!({ "code": 1070, "message": "Too many at once" }), true),
        (500, json!({}), true),
    ] {
        let world = world(&[10]).await;
        let mut one = plan(vec![by("-2")], None, None);
        assert!(matches!(world.look(&mut one).await, Ok(None)));
        let told = format!("{status} {said}");
        world.refuse(StatusCode::from_u16(status).unwrap(), said);
        let failure = world.send(&one).await.err().unwrap();
        assert_eq!(matches!(failure, WriteFailure::Uncertain(_)), is_uncertain, "{told}");
    }
}

#[tokio::test]
async fn a_request_with_a_key_is_performed_once() {
    let world = world(&[10]).await;
    let mut request = world.request_with_key("order 7").await;
    let (status, is_again, first) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert_eq!((status, is_again), (StatusCode::CREATED, false));
    let (status, is_again, again) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert_eq!((status, is_again, again), (StatusCode::CREATED, true, first));
    request.digest = "of another request".to_owned();
    let other = world.perform(&request, vec![by("-2")]).await;
    assert_eq!(other.err(), Some(Code::IdempotencyKeyReused));
    assert_eq!(world.posted().len(), 1);
    assert!(matches!(world.audited().await.as_slice(), [Outcome::Done]));
}

#[tokio::test]
async fn a_request_that_zoho_refused_leaves_its_key_free() {
    let world = world(&[10]).await;
    let request = world.request_with_key("order 7").await;
    world.refuse(StatusCode::BAD_REQUEST, json!({ "code": 4, "message": "Invalid value" }));
    assert_eq!(world.perform(&request, vec![by("-2")]).await.err(), Some(Code::ZohoRejected));
    let entries = world.entries().await;
    let [refused] = entries.as_slice() else { panic!("one write") };
    assert_eq!(refused.outcome, Outcome::Refused);
    let asked = json!({
        "reason": "Counted",
        "reference_number": "R-1",
        "location": null,
        "lines": [{ "item_id": "1", "change": { "delta": -2 } }],
    });
    assert_eq!(refused.after.to_string(), asked.to_string(), "the audit says what was asked for");
    world.zoho.lock().unwrap().refusal = None;
    let (status, is_again, _) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert_eq!((status, is_again, world.posted().len()), (StatusCode::CREATED, false, 1));
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_looked_for_and_not_sent_again() {
    let world = world(&[10]).await;
    let request = world.request().await;
    world.refuse(StatusCode::INTERNAL_SERVER_ERROR, json!({}));
    world.zoho.lock().unwrap().obeys = true;
    let (status, is_again, body) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert_eq!((status, is_again, world.posted().len()), (StatusCode::CREATED, false, 1));
    assert_eq!(body["inventory_adjustment_id"], json!("900"));
    assert!(body["notice"].as_str().unwrap().contains("The answer to this write was lost"), "{body}");
    assert!(matches!(world.audited().await.as_slice(), [Outcome::Done]));
}

#[tokio::test]
async fn a_write_that_a_restored_store_does_not_know_is_looked_for_and_not_sent() {
    let world = world(&[10]).await;
    let request = world.request_with_key("order 7").await;
    let keys = Idempotency::new(world.services.stores.state.clone(), world.services.clock.clone());
    let begun = keys.begin("key", "order 7", &request.digest).await.unwrap();
    let Begun::First(ticket) = begun else { panic!("it is the first one") };
    let sent = SentWrite { plan: Value::Null, at: world.services.clock.now(), entry: None };
    keys.unsettled(ticket, sent).await.unwrap();
    let problem = world.respond(&request, vec![by("-2")]).await.err().unwrap();
    assert_eq!(problem.code(), Code::WriteUncertain);
    let expected = "Zoho gave no proper answer, and the adjustment was not found there afterwards. \
                    Sending the same request with the same `Idempotency-Key`";
    assert!(problem.detail().starts_with(expected), "{}", problem.detail());
    assert!(world.posted().is_empty());
}

#[tokio::test]
async fn the_same_request_twice_without_a_key_is_done_twice_and_told_so() {
    let world = world(&[10]).await;
    let request = world.request().await;
    let (_, _, first) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert!(first.get("notice").is_none(), "{first}");
    let (_, _, second) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert!(second["notice"].as_str().unwrap().starts_with("The very same request made"), "{second}");
    assert_eq!(world.posted().len(), 2);
}

#[tokio::test]
async fn a_key_that_must_preview_performs_what_was_previewed_and_nothing_else() {
    let world = world(&[10]).await;
    let mut request = world.request().await;
    request.needs_preview = true;
    assert_eq!(world.perform(&request, vec![by("-2")]).await.err(), Some(Code::PreviewRequired));
    request.dry_run = true;
    let (_, _, shown) = world.perform(&request, vec![by("-2")]).await.unwrap();
    assert!(world.posted().is_empty(), "a preview writes nothing");

    let id = shown["preview_id"].as_str().unwrap();
    let mut previewed = world.request_with_key(id).await;
    previewed.needs_preview = true;
    let digest = std::mem::replace(&mut previewed.digest, "of another request".to_owned());
    assert_eq!(world.perform(&previewed, vec![by("-2")]).await.err(), Some(Code::PreviewRequired));
    previewed.digest = digest;
    // What was shown is performed, whatever it would be worked out to be now.
    let (_, is_again, _) = world.perform(&previewed, vec![by("-9")]).await.unwrap();
    assert!(!is_again && world.posted()[0]["line_items"][0]["quantity_adjusted"] == json!(-2));
    let (_, is_again, _) = world.perform(&previewed, vec![by("-9")]).await.unwrap();
    assert_eq!((is_again, world.posted().len()), (true, 1));
}

#[tokio::test]
async fn a_part_of_a_longer_work_is_done_once_and_not_begun_too_late() {
    let world = world(&[10]).await;
    let request = world.request().await;
    let part = async |name: &str, may_begin: bool| {
        let plan = plan(vec![by("-2")], None, None);
        let draft = Draft { plan, preview: Value::Null, before: Value::Null, modified: None };
        let done = world.app.writes.perform_part(&request, name, draft, may_begin).await;
        done.map_err(|problem| problem.code())
    };
    assert_eq!(part("1/0", false).await, Err(Code::ReconciliationExpired));
    assert!(world.posted().is_empty());
    let done = part("1/0", true).await.unwrap();
    assert_eq!(part("1/0", true).await, Ok(done.clone()));
    assert_eq!(part("1/0", false).await, Ok(done), "it was begun in time");
    assert_eq!(world.posted().len(), 1);
    assert!(part("1/1", true).await.is_ok());
    assert_eq!(world.posted().len(), 2);
}
