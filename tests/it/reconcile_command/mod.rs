//! `zoho-connector reconcile` and `mappings`, as typed: the binary against `serve` and the stand-in Zoho.

mod adjusted;
mod files;
mod keys;
mod mappings;
mod scripted_api;
mod terminal;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::{Json, Router};
use serde_json::Value;
use tests::agent::Agent;
use tests::connector::Connector;
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
