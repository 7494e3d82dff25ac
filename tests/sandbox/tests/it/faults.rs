//! Faults on demand, and the sandbox mounted into another server.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use sandbox::{Fault, FaultKind, Gate, Limit, Options, Sandbox};

use crate::support::{ORG, Zoho};

fn fault(kind: FaultKind) -> Fault {
    Fault { path_contains: "/items".to_owned(), times: 1, kind }
}

#[tokio::test]
async fn a_reset_closes_the_connection_before_or_after_the_work() {
    let zoho = Zoho::start().await;
    let token = format!("Zoho-oauthtoken {}", zoho.connected().await);
    let path = format!("/eu/api/inventory/v1/items/3300000000070001?{ORG}");
    let (auth, body) = ([("authorization", token.as_str())], r#"{"name":"After"}"#);
    for (kind, name) in [(FaultKind::ResetBefore, "Oak Shelf 80 cm"), (FaultKind::ResetAfter, "After")] {
        zoho.inject(fault(kind));
        assert!(zoho.send("PUT", &path, &auth, body).await.is_none());
        assert_eq!(zoho.requests().last().unwrap().status, 0);
        let reply = zoho.send("GET", &path, &auth, "").await.unwrap();
        assert_eq!(reply.at("/item/name"), name);
    }
}

#[tokio::test]
async fn every_kind_of_bad_answer() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    zoho.inject(Fault { path_contains: "/elsewhere".to_owned(), times: 9, kind: FaultKind::Html200 });
    for (kind, status, text) in [
        (FaultKind::Status(503), 503, "<html>"),
        (FaultKind::Html200, 200, "<html>"),
        (FaultKind::GarbageJson, 200, r#"{"code":0,"message":"succ"#),
        (FaultKind::RateLimit(Limit::PerMinute), 429, r#"{"code":44,"#),
        (FaultKind::RateLimit(Limit::PerDay), 429, r#"{"code":45,"#),
        (FaultKind::RateLimit(Limit::Concurrent), 429, r#"{"code":1070,"#),
        (FaultKind::RateLimit(Limit::CrmTooMany), 429, r#"{"code":"TOO_MANY_REQUESTS","#),
        (FaultKind::Body(418, "text/plain".to_owned(), "tea".to_owned()), 418, "tea"),
    ] {
        zoho.inject(fault(kind));
        let reply = zoho.inventory("/items", &token).await;
        assert!(reply.status == status && reply.text.starts_with(text), "{reply:?}");
        assert_eq!(zoho.requests().last().unwrap().status, status);
    }
    assert_eq!(zoho.inventory("/items", &token).await.status, 200, "a fault is used up");
    zoho.inject(fault(FaultKind::Html200));
    zoho.clear_faults();
    zoho.clear_requests();
    assert_eq!(zoho.inventory("/items", &token).await.at("/code"), "0");
    assert_eq!(zoho.requests().len(), 1);
}

#[tokio::test]
async fn slow_calls_fill_the_places_there_are() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    zoho.switches(|switches| switches.concurrent_limit = Some(1));
    let gate = Gate::default();
    zoho.inject(fault(FaultKind::Held(gate.clone())));
    let second = async {
        gate.reached_by(1).await;
        let second = zoho.inventory("/items", &token).await;
        gate.open();
        second
    };
    let (first, second) = tokio::join!(zoho.inventory("/items", &token), second);
    assert_eq!((first.at("/code").as_str(), second.at("/code").as_str()), ("0", "1070"));
    zoho.inject(fault(FaultKind::Slow(Duration::from_millis(300))));
    let begun = std::time::Instant::now();
    assert_eq!(zoho.inventory("/items", &token).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(300), "a sleep is never shorter");
}

#[tokio::test]
async fn each_product_has_places_of_its_own() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    zoho.switches(|switches| {
        switches.concurrent_limit = Some(1);
        switches.crm_concurrent_limit = Some(1);
    });
    let gate = Gate::default();
    zoho.inject(Fault {
        path_contains: "/org".to_owned(),
        times: 1,
        kind: FaultKind::HeldAfter(gate.clone()),
    });
    let others = async {
        gate.reached_by(1).await;
        let others = (zoho.crm("/users", &token).await, zoho.inventory("/items", &token).await);
        gate.open();
        others
    };
    let (first, (second, other)) = tokio::join!(zoho.crm("/org", &token), others);
    assert_eq!((first.status, second.status, other.status), (200, 429, 200));
    assert_eq!(second.at("/code"), "TOO_MANY_REQUESTS");
    assert_eq!(zoho.crm("/users", &token).await.status, 200);
}

#[tokio::test]
async fn it_can_be_mounted_below_another_server() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let sandbox = Sandbox::new(Options::new(format!("{host}/sandbox/")));
    let app = Router::new().nest("/nested", sandbox.router()).nest_service("/sandbox", sandbox.router());
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let http = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<Body>();
    let get = async |path: &str| {
        http.get(format!("{host}{path}").parse().unwrap()).await.unwrap().status().as_u16()
    };
    for path in [
        "/sandbox",
        "/sandbox/",
        "/sandbox/eu/accounts/oauth/serverinfo",
        "/nested",
        "/nested/control/requests",
    ] {
        assert_eq!(get(path).await, 200, "{path}");
    }
    sandbox.inject(Fault { path_contains: String::new(), times: 1, kind: FaultKind::ResetBefore });
    assert_eq!(get("/nested/eu/accounts/oauth/serverinfo").await, 502);
    assert_eq!(sandbox.requests()[0].path, "/eu/accounts/oauth/serverinfo");
    server.abort();
}

#[tokio::test]
async fn a_write_can_act_and_still_look_failed() {
    let zoho = Zoho::start().await;
    let token = format!("Zoho-oauthtoken {}", zoho.connected().await);
    let path = format!("/eu/api/inventory/v1/items/3300000000070001?{ORG}");
    let auth = [("authorization", token.as_str())];
    let name = async || zoho.send("GET", &path, &auth, "").await.unwrap().at("/item/name");
    for (kind, status, text, acted) in [
        (FaultKind::StatusAfter(504), 504, "<html>", true),
        (FaultKind::Html200After, 200, "<html>", true),
        (FaultKind::SlowAfter(Duration::from_millis(50)), 200, r#"{"code":0"#, true),
        (FaultKind::Status(504), 504, "<html>", false),
        (FaultKind::Html200, 200, "<html>", false),
    ] {
        let wanted = format!("{kind:?}");
        zoho.inject_on("put", fault(kind));
        let before = name().await;
        let reply = zoho.send("PUT", &path, &auth, &format!(r#"{{"name":"{wanted}"}}"#)).await.unwrap();
        assert!(reply.status == status && reply.text.starts_with(text), "{wanted}: {reply:?}");
        assert_eq!(name().await, if acted { wanted } else { before });
    }
}

#[tokio::test]
async fn who_leaves_a_slow_call_has_changed_nothing_unless_the_work_comes_first() {
    let zoho = Zoho::start().await;
    let token = format!("Zoho-oauthtoken {}", zoho.connected().await);
    let path = format!("/eu/api/inventory/v1/items/3300000000070001?{ORG}");
    let auth = [("authorization", token.as_str())];
    for (kind, acted) in [(FaultKind::Held as fn(Gate) -> FaultKind, false), (FaultKind::HeldAfter, true)] {
        let gate = Gate::default();
        zoho.inject_on("PUT", fault(kind(gate.clone())));
        tokio::select! {
            _ = zoho.send("PUT", &path, &auth, r#"{"name":"Left"}"#) => panic!("it leaves before"),
            () = gate.reached_by(1) => {}
        }
        let name = zoho.send("GET", &path, &auth, "").await.unwrap().at("/item/name");
        assert_eq!(name == "Left", acted);
    }
}
