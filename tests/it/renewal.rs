//! Tokens over hours: the schedule, the budget and the pauses, on a clock that can be set.

use std::time::Duration;

use sandbox::{Fault, FaultKind, Gate};
use shared::core::connection::consent::Wish;
use shared::core::connection::orders::Order;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient};
use shared::core::connection::{self, Connection, State};
use shared::core::grant::Grant;
use shared::store::Condition;
use tests::browser::Browser;
use tests::inside::Inside;

const ITEMS: &str = "/v1/inventory/items";
const MINUTE: Duration = Duration::from_secs(60);

fn token_fault(times: usize, kind: FaultKind) -> Fault {
    Fault { path_contains: "/oauth/v2/token".to_owned(), times, kind }
}

#[tokio::test]
async fn a_day_on_schedule_needs_few_tokens_and_no_caller_ever_waits() {
    let inside = Inside::connected().await;
    let first = inside.zoho.sandbox.minted();
    for _ in 0..24 * 12 {
        inside.advance(5 * MINUTE);
        assert_eq!(inside.tick().await.1, 0);
        let (status, body) = inside.get(ITEMS).await;
        assert_eq!(status, 200, "{body}");
    }
    let minted = inside.zoho.sandbox.minted() - first;
    assert!((40..=50).contains(&minted), "{minted}: one every half hour");
}

#[tokio::test]
async fn many_cold_callers_with_an_expired_token_mint_one() {
    let inside = Inside::connected().await;
    inside.advance(61 * MINUTE);
    let before = inside.zoho.sandbox.minted();
    inside.zoho.sandbox.inject(token_fault(1, FaultKind::Slow(Duration::from_millis(700))));
    futures::future::join_all((0..50).map(|_| inside.served(inside.cold(), ITEMS))).await;
    assert_eq!(inside.zoho.sandbox.minted() - before, 1);
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_undo_the_renewal() {
    let inside = Inside::connected().await;
    inside.advance(61 * MINUTE);
    let before = inside.zoho.sandbox.minted();
    let gate = Gate::default();
    inside.zoho.sandbox.inject(token_fault(1, FaultKind::Held(gate.clone())));
    tokio::select! {
        _ = inside.get(ITEMS) => panic!("it gives up before"),
        () = gate.reached_by(1) => gate.open(),
    }
    let (status, body) = inside.get(ITEMS).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(inside.zoho.sandbox.minted() - before, 1);
}

#[tokio::test]
async fn evictions_without_end_stay_within_the_budget() {
    let inside = Inside::connected().await;
    let mut waited = 0;
    for _ in 0..14 {
        inside.zoho.sandbox.expire_access_tokens();
        let (status, body) = inside.get(ITEMS).await;
        match status.as_u16() {
            200 => {}
            503 => {
                assert_eq!(body["code"], "token_cooling_down");
                assert!(body["retry_after"].as_u64().unwrap() <= 600, "{body}");
                waited += 1;
            }
            other => panic!("{other}: {body}"),
        }
    }
    assert!(waited > 0);
    assert_eq!(inside.connection().await.state.as_str(), "exhausted");
    // The consent took one of eight slots.
    assert_eq!(
        inside.zoho.sandbox.requests().iter().filter(|r| r.path.ends_with("/oauth/v2/token")).count(),
        8
    );
    inside.advance(10 * MINUTE);
    assert_eq!(inside.get(ITEMS).await.0, 200);
    assert_eq!(inside.connection().await.state.as_str(), "healthy");
}

#[tokio::test]
async fn pauses_grow_from_throttle_to_throttle_and_end_with_success() {
    let inside = Inside::connected().await;
    let throttle = r#"{"error_description":"x","error":"Access Denied","status":"failure"}"#;
    let throttle = FaultKind::Body(400, "application/json".to_owned(), throttle.to_owned());
    inside.zoho.sandbox.inject(token_fault(4, throttle));
    inside.advance(61 * MINUTE);
    for minutes in [10, 10, 20, 30] {
        let (_, body) = inside.get(ITEMS).await;
        assert_eq!(body["code"], "token_cooling_down", "{body}");
        let seconds = body["retry_after"].as_u64().unwrap();
        assert!((minutes * 60 - 5..=minutes * 60).contains(&seconds), "{minutes} min: {seconds}");
        inside.advance(Duration::from_secs(seconds - 5));
        assert_eq!(inside.get(ITEMS).await.1["code"], "token_cooling_down", "not before its end");
        inside.advance(Duration::from_secs(6));
    }
    assert_eq!(inside.get(ITEMS).await.0, 200);
    assert_eq!(inside.connection().await.state.as_str(), "healthy");
}

/// A longer pause than the usual one is what Zoho asks for itself, up to an hour.
#[tokio::test]
async fn the_accounts_server_is_left_alone_for_as_long_as_it_says() {
    for (status, asked, body, expected) in [
        (429, "1200".to_owned(), "<html>slow down</html>", 1200),
        (429, "5".to_owned(), "<html>slow down</html>", 600),
        (503, "300".to_owned(), "<html>maintenance</html>", 300),
        (429, "86400".to_owned(), "<html>slow down</html>", 3600),
        (429, "date".to_owned(), r#"{"error":"Access Denied","status":"failure"}"#, 1200),
    ] {
        let inside = Inside::connected().await;
        inside.advance(61 * MINUTE);
        let at = inside.services.clock.now().as_second() + 1200;
        let at = shared::base::clock::Timestamp::from_second(at).unwrap();
        let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let asked = if asked == "date" { date } else { asked };
        let told = FaultKind::Told(status, vec![("retry-after", asked.clone())], body.to_owned());
        inside.zoho.sandbox.inject(token_fault(1, told));
        let (_, problem) = inside.get(ITEMS).await;
        assert_eq!(problem["code"], "token_cooling_down", "{problem}");
        let seconds = problem["retry_after"].as_u64().unwrap();
        assert!((expected - 2..=expected).contains(&seconds), "{status} {asked}: {seconds}");
    }
}

#[tokio::test]
async fn a_refusal_without_a_word_or_with_a_vague_one_says_something() {
    for (body, expected) in [
        ("{}", "neither a token nor a reason"),
        (r#"{"error":"general_error"}"#, "`general_error`, which names no cause"),
    ] {
        let inside = Inside::connected().await;
        inside.advance(61 * MINUTE);
        inside
            .zoho
            .sandbox
            .inject(token_fault(1, FaultKind::Body(200, "application/json".to_owned(), body.to_owned())));
        inside.get(ITEMS).await;
        let (_, status) = inside.get("/v1/status").await;
        let notice = status["connections"][0]["notice"].as_str().unwrap();
        assert!(notice.contains(expected) && !notice.contains("\"\""), "{notice}");
    }
}

#[tokio::test]
async fn an_outage_of_the_accounts_server_is_survived_on_the_stored_token() {
    let inside = Inside::connected().await;
    inside.advance(35 * MINUTE);
    let kinds = [FaultKind::Html200, FaultKind::Status(503), FaultKind::ResetBefore, FaultKind::GarbageJson];
    for (kind, minutes) in kinds.into_iter().zip([1, 2, 5, 10]) {
        inside.zoho.sandbox.inject(token_fault(1, kind));
        assert_eq!(inside.tick().await, (0, 1));
        assert_eq!(inside.get(ITEMS).await.0, 200, "the old token lives on");
        let calls = inside.zoho.sandbox.requests().len();
        assert_eq!(inside.tick().await, (0, 1), "a pause is kept");
        assert_eq!(inside.zoho.sandbox.requests().len(), calls);
        inside.advance(minutes * MINUTE);
    }
    assert_eq!(inside.tick().await, (1, 0));
    assert_eq!(inside.connection().await.state.as_str(), "healthy");
}

/// An outage of a day leaves no mark: attempts that stored nothing count for ten minutes only.
#[tokio::test]
async fn after_a_long_outage_the_connection_comes_back_with_the_next_tick() {
    let inside = Inside::connected().await;
    inside.zoho.sandbox.inject(token_fault(100_000, FaultKind::Status(503)));
    for _ in 0..20 * 12 {
        inside.advance(5 * MINUTE);
        inside.tick().await;
    }
    assert_eq!(inside.get(ITEMS).await.1["code"], "token_cooling_down");
    inside.zoho.sandbox.clear_faults();
    inside.advance(10 * MINUTE);
    assert_eq!(inside.tick().await, (1, 0));
    assert_eq!(inside.get(ITEMS).await.0, 200);
}

#[tokio::test]
async fn a_clock_of_zoho_that_is_legacy_or_odd_gives_a_token_of_an_hour() {
    let inside = Inside::start().await;
    inside.zoho.sandbox.switches(|switches| {
        switches.legacy_milliseconds = true;
        switches.api_domain_accounts_page = true;
        switches.scope_left_out = true;
    });
    inside.connect().await;
    let connection = inside.connection().await;
    let life = connection.token_expires.unwrap().duration_since(connection.token_renewed_at.unwrap());
    assert_eq!(life.as_secs(), 3600);
    assert_eq!(inside.get(ITEMS).await.0, 200);
}

/// A process dies between any two steps of a consent; the schedule puts things right.
#[tokio::test]
async fn what_a_dead_process_left_behind_is_healed() {
    let inside = Inside::connected().await;
    let state = &*inside.services.stores.state;
    let good = inside.connection().await;

    // The row of a next generation, whose grant never came.
    let ahead = Connection { generation: good.generation + 1, token_expires: None, ..good.clone() };
    state.put(ahead.row().unwrap()).await.unwrap();
    assert_eq!(inside.tick().await, (1, 0));
    let healed = inside.connection().await;
    assert_eq!((healed.generation, healed.token_expires), (good.generation, good.token_expires));

    // No row at all: found when a caller needs a token.
    state.delete(connection::key(&good.name), Condition::Any).await.unwrap();
    inside.advance(61 * MINUTE);
    assert_eq!(inside.get(ITEMS).await.0, 200);
    assert_eq!(inside.connection().await.state.as_str(), "healthy");

    // A disconnect that died after its first step.
    let ending = Connection { state: State::Disconnecting, ..inside.connection().await };
    state.put(ending.row().unwrap()).await.unwrap();
    assert_eq!(inside.tick().await, (1, 0));
    assert!(connection::get(state, &good.name).await.unwrap().is_none());
    assert!(inside.zoho.sandbox.requests().iter().any(|request| request.path.ends_with("/token/revoke")));

    // A row whose grant never came, of a connection that never was.
    state.put(good.row().unwrap()).await.unwrap();
    inside.advance(61 * MINUTE);
    inside.tick().await;
    assert!(connection::get(state, &good.name).await.unwrap().is_none());
}

/// Secrets Manager is not everywhere at once: right after a consent, a grant that is not found is waited for, and not taken for none.
#[tokio::test]
async fn a_grant_that_is_not_seen_yet_keeps_its_row() {
    let inside = Inside::connected().await;
    let state = &*inside.services.stores.state;
    let name = inside.connection().await.name;
    inside.services.stores.secrets.delete(&Grant::secret_name(&name)).await.unwrap();
    let renew = async || {
        let ask = Ask::Renew { connection: name.clone(), dead: None };
        inside.token_refresh.ask(ask).await.unwrap()
    };
    assert_eq!(renew().await, Reply::Busy);
    assert_eq!(inside.order(&Order::Disconnect { connection: name.clone() }).await, Reply::Busy);
    assert!(connection::get(state, &name).await.unwrap().is_some());
    inside.advance(MINUTE);
    assert_eq!(renew().await, Reply::Unknown);
    assert!(connection::get(state, &name).await.unwrap().is_none());
}

/// A reconnect that anybody may begin comes too late when the operator has acted in the meantime.
#[tokio::test]
async fn a_reconnect_brings_nothing_back_that_the_operator_has_changed() {
    for disconnected in [true, false] {
        let inside = Inside::connected().await;
        inside.zoho.sandbox.revoke_user_grants();
        inside.advance(61 * MINUTE);
        let (_, problem) = inside.get(ITEMS).await;
        let link = problem["reconnect_url"].as_str().unwrap().to_owned();
        let browser = Browser::default();
        let callback = browser.accept(&link).await;
        if disconnected {
            let name = inside.connection().await.name;
            inside.order(&Order::Disconnect { connection: name }).await;
        } else {
            inside.connect().await;
        }
        let page = browser.finish(&callback).await;
        assert!(page.text.contains("in the meantime"), "{disconnected}: {}", page.text);
        let name = shared::base::id::ConnectionName::default();
        let found = connection::get(&*inside.services.stores.state, &name).await.unwrap();
        assert_eq!(found.is_none(), disconnected);
        if !disconnected {
            assert_eq!(inside.get(ITEMS).await.0, 200, "the operator's grant lives on");
        }
    }
}

#[tokio::test]
async fn a_disconnect_is_known_to_running_functions_within_a_minute() {
    let inside = Inside::connected().await;
    assert_eq!(inside.get(ITEMS).await.0, 200);
    for address in ["/token/revoke", "/revoke/token"] {
        let kind = FaultKind::Status(503);
        inside.zoho.sandbox.inject(Fault { path_contains: address.to_owned(), times: 1, kind });
    }
    let name = inside.connection().await.name;
    let reply = inside.order(&Order::Disconnect { connection: name }).await;
    assert_eq!(reply, Reply::Disconnected { revoked: false });
    inside.advance(MINUTE);
    let (status, body) = inside.get(ITEMS).await;
    assert_eq!((status.as_u16(), &body["code"]), (409, &"product_not_connected".into()));
}

#[tokio::test]
async fn the_crm_of_another_company_is_not_taken() {
    let inside = Inside::start().await;
    let wish = Wish { crm_organization: Some("1".to_owned()), ..inside.wish() };
    let page = Browser::default().consent(&inside.link(wish).await).await;
    assert!(page.text.contains("not the company"), "{}", page.text);
}
