//! Zoho in trouble: an answer in time, true, with what to do next.

use std::time::Duration;

use sandbox::{Fault, FaultKind, Gate, Limit};
use serde_json::json;
use tests::browser::Browser;
use tests::clock::pass;
use tests::connector::Connector;
use tests::inside::Inside;

const ITEMS: &str = "/v1/inventory/items";
const DEALS: &str = "/v1/crm/deals";

fn fault(times: usize, kind: FaultKind) -> Fault {
    Fault { path_contains: "/api/".to_owned(), times, kind }
}

#[tokio::test]
async fn every_fault_of_zoho_is_a_problem_document() {
    let (connector, agent) = Connector::connected().await;
    let body =
        |status: u16, text: &str| FaultKind::Body(status, "application/json".to_owned(), text.to_owned());
    for (kind, code) in [
        (FaultKind::Html200, "zoho_unreadable"),
        (FaultKind::GarbageJson, "zoho_unreadable"),
        (FaultKind::Status(500), "zoho_unavailable"),
        (FaultKind::Status(503), "zoho_unavailable"),
        (FaultKind::ResetBefore, "zoho_unavailable"),
        (FaultKind::ResetAfter, "zoho_unavailable"),
        (body(200, "[]"), "zoho_unreadable"),
        (body(200, "{}"), "zoho_unreadable"),
        (body(200, ""), "zoho_unreadable"),
    ] {
        for path in [ITEMS, DEALS] {
            connector.zoho.sandbox.inject(fault(9, kind.clone()));
            connector.zoho.sandbox.clear_requests();
            let problem = agent.get(path).await.problem(code);
            assert_eq!(problem["retryable"], true);
            let tries = connector.zoho.sandbox.requests().len();
            assert!((1..=3).contains(&tries), "{tries} tries");
            connector.zoho.sandbox.clear_faults();
            agent.get(path).await.ok();
        }
    }
}

#[tokio::test]
async fn a_short_fault_is_not_seen_at_all() {
    let (connector, agent) = Connector::connected().await;
    for kind in [FaultKind::Status(502), FaultKind::ResetBefore, FaultKind::ResetAfter] {
        connector.zoho.sandbox.inject(fault(2, kind));
        agent.get(ITEMS).await.ok();
    }
}

#[tokio::test]
async fn a_slow_zoho_is_given_up_in_time() {
    let inside = Inside::connected().await;
    let gate = Gate::default();
    inside.zoho.sandbox.inject(fault(1, FaultKind::Held(gate.clone())));
    let fifteen_seconds = async {
        gate.reached_by(1).await;
        pass(Duration::from_secs(15)).await;
    };
    let ((_, problem), ()) = tokio::join!(inside.get(ITEMS), fifteen_seconds);
    assert_eq!(problem["code"], "zoho_timeout", "while Zoho is still at it: {problem}");
    assert_eq!(inside.get(ITEMS).await.0, 200);
}

#[tokio::test]
async fn a_zoho_that_is_down_is_told_at_once() {
    let (mut connector, agent) = Connector::connected().await;
    let gone = sandbox::Sandbox::listen(sandbox::Options::new("")).await.unwrap();
    drop(std::mem::replace(&mut connector.zoho, gone));
    agent.get(DEALS).await.problem("zoho_unavailable");
    agent.get("/v1/status").await.ok();
}

#[tokio::test]
async fn limits_say_when_to_come_back() {
    let (connector, agent) = Connector::connected().await;
    for (limit, seconds, path, code, zoho) in [
        // What comes free sooner than this is waited for.
        (Limit::Concurrent, 30, ITEMS, "zoho_rate_limited", "1070"),
        (Limit::CrmTooMany, 30, DEALS, "zoho_rate_limited", "TOO_MANY_REQUESTS"),
        (Limit::PerMinute, 1, ITEMS, "zoho_rate_limited", "44"),
        (Limit::PerDay, 90, ITEMS, "zoho_daily_limit", "45"),
    ] {
        connector.zoho.sandbox.switches(|switches| switches.retry_after = Some(seconds));
        connector.zoho.sandbox.inject(fault(1, FaultKind::RateLimit(limit)));
        let answer = agent.get(path).await;
        assert_eq!(answer.status, 429);
        let problem = answer.problem(code);
        assert_eq!((&problem["zoho"]["code"], &problem["retry_after"]), (&zoho.into(), &seconds.into()));
        if seconds == 1 {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    }
}

/// `Retry-After` as a date, beside an outage, and beside a page: it is waited for where there is time, else told.
#[tokio::test]
async fn a_date_to_come_back_is_read_under_every_status() {
    let (connector, agent) = Connector::connected().await;
    let date = |seconds: i64| {
        let at = shared::base::clock::Timestamp::now().as_second() + seconds;
        let at = shared::base::clock::Timestamp::from_second(at).unwrap();
        at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    let page = "<html>busy</html>".to_owned();
    for (status, when, body, code) in [
        (429, date(90), page.clone(), "zoho_rate_limited"),
        (429, "90".to_owned(), r#"{"message":"slow"}"#.to_owned(), "zoho_rate_limited"),
        (503, date(90), page.clone(), "zoho_unavailable"),
        (503, "90".to_owned(), page.clone(), "zoho_unavailable"),
        (503, date(86_400), page, "zoho_unavailable"),
    ] {
        connector.zoho.sandbox.clear_requests();
        connector
            .zoho
            .sandbox
            .inject(fault(1, FaultKind::Told(status, vec![("retry-after", when.clone())], body)));
        let problem = agent.get(DEALS).await.problem(code);
        let seconds = problem["retry_after"].as_u64().unwrap();
        let expected = if when == "90" {
            90..=90
        } else if seconds > 100 {
            600..=600
        } else {
            85..=90
        };
        assert!(expected.contains(&seconds), "{status} {when}: {seconds}");
        assert_eq!(connector.zoho.sandbox.requests().len(), 1, "nobody comes sooner");
    }
    // What ends soon is waited for.
    let soon = FaultKind::Told(503, vec![("retry-after", "1".to_owned())], String::new());
    connector.zoho.sandbox.inject(fault(1, soon));
    agent.get(DEALS).await.ok();
}

/// Zoho drops tokens without a word; a caller notices nothing.
#[tokio::test]
async fn an_evicted_token_costs_one_renewal() {
    let (connector, agent) = Connector::connected().await;
    for code_14 in [false, true] {
        connector.zoho.sandbox.switches(|switches| switches.dead_token_code_14 = code_14);
        for path in [ITEMS, DEALS] {
            agent.get(path).await.ok();
            let before = connector.token_calls();
            connector.zoho.sandbox.expire_access_tokens();
            let mut together = Vec::new();
            for _ in 0..20 {
                let agent = agent.clone();
                together.push(tokio::spawn(async move { agent.get(path).await.ok() }));
            }
            for answer in together {
                answer.await.unwrap();
            }
            assert_eq!(connector.token_calls() - before, 1, "{path}");
        }
    }
}

#[tokio::test]
async fn a_dead_grant_is_explained_and_brought_back_by_its_own_link() {
    let (connector, agent) = Connector::connected().await;
    let reconnect = format!("{}/oauth/start?connection=default", connector.url);
    let page = Browser::default().get(&reconnect).await;
    assert_eq!(page.status, 404, "closed while the connection lives");

    connector.zoho.sandbox.revoke_user_grants();
    let problem = agent.get(ITEMS).await.problem("reconnect_required");
    assert_eq!(problem["reconnect_url"], reconnect);
    let calls = connector.token_calls();
    for _ in 0..5 {
        agent.get(DEALS).await.problem("reconnect_required");
    }
    assert_eq!(connector.token_calls(), calls, "a dead grant is not tried again and again");
    let status = agent.get("/v1/status").await.ok();
    assert_eq!(status["connections"][0]["state"], "reconnect_required");
    assert_eq!(status["connections"][0]["reconnect_url"], reconnect);

    let ending = Browser::default().consent(&reconnect).await;
    assert!(ending.text.contains("<h1>Connected</h1>"), "{}", ending.text);
    agent.get(ITEMS).await.ok();
    assert_eq!(Browser::default().get(&reconnect).await.status, 404, "closed again");
}

#[tokio::test]
async fn a_throttle_disconnects_nobody() {
    for (status_200, localised) in [(false, false), (true, false), (true, true), (false, true)] {
        let (connector, agent) = Connector::connected().await;
        agent.get(ITEMS).await.ok();
        connector.zoho.sandbox.switches(|switches| {
            switches.throttle_status_200 = status_200;
            switches.throttle_localised = localised;
        });
        // Zoho's own ten are used up by somebody else.
        let body = if localised {
            r#"{"error_description":"请稍后重试","error":"拒绝访问","status":"failure"}"#
        } else {
            r#"{"error_description":"You have made too many requests continuously.","error":"Access Denied","status":"failure"}"#
        };
        let status = if status_200 { 200 } else { 400 };
        connector.zoho.sandbox.inject(Fault {
            path_contains: "/oauth/v2/token".to_owned(),
            times: 1,
            kind: FaultKind::Body(status, "application/json".to_owned(), body.to_owned()),
        });
        connector.zoho.sandbox.expire_access_tokens();
        let problem = agent.get(ITEMS).await.problem("token_cooling_down");
        let seconds = problem["retry_after"].as_u64().unwrap();
        assert!((590..=600).contains(&seconds), "{seconds}");
        let state = &agent.get("/v1/status").await.ok()["connections"][0];
        assert_eq!(state["state"], "cooling_down");
        assert!(state["notice"].as_str().unwrap().contains("throttles"), "{state}");
    }
}

#[tokio::test]
async fn a_changed_client_secret_is_misconfigured_until_it_is_set_right() {
    let (connector, agent) = Connector::connected().await;
    connector.run(&["client", "set", "--id", tests::connector::CLIENT_ID], "rotated-away").await;
    connector.zoho.sandbox.expire_access_tokens();
    agent.get(DEALS).await.problem("connection_misconfigured");
    let calls = connector.token_calls();
    agent.get(DEALS).await.problem("connection_misconfigured");
    assert_eq!(connector.token_calls(), calls, "the same secret is not tried again");
    connector
        .run(&["client", "set", "--id", tests::connector::CLIENT_ID], tests::connector::CLIENT_SECRET)
        .await;
    agent.get(DEALS).await.ok();
}

#[tokio::test]
async fn a_scope_that_zoho_left_out_is_missing_and_costs_no_tokens() {
    let connector = Connector::start().await;
    connector
        .connect(&["--scopes", "ZohoInventory.settings.READ,ZohoCRM.modules.contacts.READ,ZohoCRM.org.READ"])
        .await;
    let agent = connector.agent(&[]).await;
    let calls = connector.zoho.sandbox.requests().len();
    let problem = agent.get(ITEMS).await.problem("scope_missing");
    assert!(problem["detail"].as_str().unwrap().contains("ZohoInventory.items.READ"), "{problem}");
    agent.get(DEALS).await.problem("scope_missing");
    assert_eq!(connector.zoho.sandbox.requests().len(), calls);
}

/// The user loses one of two products: the other goes on, and no tokens are spent on it.
#[tokio::test]
async fn a_product_that_refuses_a_living_token_costs_no_renewals() {
    let (connector, agent) = Connector::connected().await;
    let refusal = r#"{"code":"AUTHENTICATION_FAILURE","details":{},"message":"Authentication failed","status":"error"}"#;
    connector.zoho.sandbox.inject(Fault {
        path_contains: "/crm/".to_owned(),
        times: 1000,
        kind: FaultKind::Body(401, "application/json".to_owned(), refusal.to_owned()),
    });
    let before = connector.token_calls();
    for _ in 0..10 {
        let problem = agent.get(DEALS).await.problem("zoho_forbidden");
        assert_eq!(
            (&problem["retryable"], &problem["zoho"]["code"]),
            (&false.into(), &"AUTHENTICATION_FAILURE".into())
        );
        agent.get(ITEMS).await.ok();
    }
    assert_eq!(connector.token_calls(), before);
}

/// Inventory says 57 both to a dead token and to a missing right.
#[tokio::test]
async fn a_missing_right_is_told_from_a_dead_token() {
    let (connector, agent) = Connector::connected().await;
    let refusal = r#"{"code":57,"message":"You are not authorized to perform this operation"}"#;
    connector.zoho.sandbox.inject(Fault {
        path_contains: "/inventory/v1/items".to_owned(),
        times: 1000,
        kind: FaultKind::Body(401, "application/json".to_owned(), refusal.to_owned()),
    });
    let (tokens, calls) = (connector.token_calls(), connector.zoho.sandbox.requests().len());
    for _ in 0..10 {
        let problem = agent.get(ITEMS).await.problem("zoho_forbidden");
        assert!(problem["detail"].as_str().unwrap().contains("has the scope"), "{problem}");
        assert_eq!(problem["zoho"]["code"], "57");
    }
    assert_eq!(connector.token_calls(), tokens);
    assert_eq!(
        connector.zoho.sandbox.requests().len() - calls,
        2,
        "the call and one probe, then it is known"
    );
}

/// The age of a refusal is the clock's, which goes on while a process is frozen.
#[tokio::test]
async fn a_refusal_is_believed_for_minutes_only() {
    let inside = Inside::connected().await;
    let refusal = r#"{"code":57,"message":"You are not authorized to perform this operation"}"#;
    let kind = FaultKind::Body(401, "application/json".to_owned(), refusal.to_owned());
    inside.zoho.sandbox.inject(Fault { path_contains: "/inventory/v1/items".to_owned(), times: 1000, kind });
    assert_eq!(inside.get(ITEMS).await.1["code"], "zoho_forbidden");
    let asked = inside.zoho.sandbox.requests().len();
    inside.advance(Duration::from_secs(170));
    assert_eq!(inside.get(ITEMS).await.1["code"], "zoho_forbidden");
    assert_eq!(inside.zoho.sandbox.requests().len(), asked, "it is known");
    inside.zoho.sandbox.clear_faults();
    inside.advance(Duration::from_secs(11));
    assert_eq!(inside.get(ITEMS).await.0, 200);
}

/// The user may not confirm orders, and may not see one of the items: all else goes on.
#[tokio::test]
async fn what_one_record_or_action_is_refused_says_nothing_of_others() {
    let (connector, agent) = Connector::start().await.with_agent("write", "inventory:write").await;
    let order =
        json!({ "customer": "Harbor Interiors GmbH", "line_items": [{ "sku": "BRKT-STD", "quantity": 1 }] });
    let orders = "/v1/inventory/salesorders";
    let made = agent.write("POST", orders, &[], &order).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.body["salesorder_id"].as_str().unwrap();
    let refused = |path: &str| {
        let refusal = r#"{"code":57,"message":"You are not authorized to perform this operation"}"#;
        let kind = FaultKind::Body(401, "application/json".to_owned(), refusal.to_owned());
        connector.zoho.sandbox.inject(Fault { path_contains: path.to_owned(), times: 1000, kind });
    };
    refused("/status/confirmed");
    refused("/items/3300000000070001");
    let confirm = format!("{orders}/{id}/confirm");
    for _ in 0..2 {
        agent.write("POST", &confirm, &[], &serde_json::Value::Null).await.problem("zoho_forbidden");
        agent.get(&format!("{ITEMS}/3300000000070001")).await.problem("zoho_forbidden");
    }
    assert_eq!(agent.write("POST", orders, &[], &order).await.status, 201);
    agent
        .write("POST", &format!("{orders}/{id}/void?dry_run=true"), &[], &serde_json::Value::Null)
        .await
        .ok();
    agent.get(ITEMS).await.ok();
}

/// A probe that finds nothing out is no reason for a new token.
#[tokio::test]
async fn an_outage_during_the_probe_is_told_as_an_outage() {
    let (connector, agent) = Connector::connected().await;
    connector.zoho.sandbox.switches(|switches| switches.dead_token_code_14 = false);
    connector.zoho.sandbox.expire_access_tokens();
    connector.zoho.sandbox.inject(Fault {
        path_contains: "/organizations".to_owned(),
        times: 1,
        kind: FaultKind::Status(503),
    });
    let before = connector.token_calls();
    agent.get(ITEMS).await.problem("zoho_unavailable");
    assert_eq!(connector.token_calls(), before);
    agent.get(ITEMS).await.ok();
}
