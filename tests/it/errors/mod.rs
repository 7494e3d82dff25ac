//! Every error that an agent can get, provoked, and kept in `docs/errors.md` for people to read and judge.

mod asked;
mod book;
mod caller;
mod connection;
mod counts;
mod events;
mod ourselves;
mod passed_through;
mod writes;
mod zoho;

use std::time::Duration;

use sandbox::Gate;
use serde_json::{Value, json};
use shared::base::problem::Code;
use shared::core::access::key::NewKey;
use tests::clock::pass;
use tests::inside::any_key;

use book::Book;

const ORDERS: &str = "/v1/inventory/salesorders";
const ITEMS: &str = "/v1/inventory/items";
const DEALS: &str = "/v1/crm/deals";
const DEAL: &str = "/v1/crm/deals/6100000000451001";

/// What agents do not get, and what nobody can provoke.
const OTHERS: &[&str] = &[
    "webhook_unsigned",
    "webhook_signature_invalid",
    "webhook_token_invalid",
    "webhook_unknown",
    "webhook_unreadable",
    "webhook_query_refused",
];

/// Seconds that a caller has whose time is made to pass.
const IN_TIME: u64 = 60;

/// As soon as Zoho is asked, the caller's time is over.
async fn time_is_up(gate: &Gate) {
    gate.reached_by(1).await;
    pass(Duration::from_secs(IN_TIME)).await;
}

/// A request.
#[derive(Clone)]
struct Ask<'a> {
    method: &'a str,
    path: &'a str,
    headers: Vec<(&'a str, String)>,
    body: Value,
    within: Option<Duration>,
}

impl<'a> Ask<'a> {
    fn get(path: &'a str) -> Self {
        Self { method: "GET", path, headers: Vec::new(), body: Value::Null, within: None }
    }

    fn post(path: &'a str, body: Value) -> Self {
        Self { method: "POST", body, ..Self::get(path) }
    }

    fn with(mut self, name: &'a str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn within(self, seconds: u64) -> Self {
        Self { within: Some(Duration::from_secs(seconds)), ..self }
    }
}

fn can(permissions: &[&str]) -> NewKey {
    NewKey { permissions: permissions.iter().map(|text| text.parse().unwrap()).collect(), ..any_key() }
}

fn order() -> Value {
    json!({ "customer": "Harbor Interiors GmbH", "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 2 }] })
}

#[tokio::test]
async fn every_error_is_in_the_book() {
    let mut book = Book::default();
    caller::provoke(&mut book).await;
    asked::provoke(&mut book).await;
    writes::provoke(&mut book).await;
    counts::provoke(&mut book).await;
    passed_through::provoke(&mut book).await;
    events::provoke(&mut book).await;
    connection::provoke(&mut book).await;
    zoho::provoke(&mut book).await;
    ourselves::provoke(&mut book).await;

    for code in Code::ALL {
        let known = book.0.contains_key(code.as_str()) != OTHERS.contains(&code.as_str());
        assert!(known, "{} is neither provoked nor among those that cannot be, or both", code.as_str());
    }
    // The book has the words that Zoho documents.
    if std::env::var_os("ZOHO_SANDBOX").is_some() {
        return;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
    let text = book.text();
    if std::env::var_os("UPDATE_ERRORS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    for (new, old) in text.lines().zip(kept.lines()) {
        assert_eq!(new, old, "docs/errors.md is made anew with UPDATE_ERRORS=1; read what changed");
    }
    assert_eq!(text.lines().count(), kept.lines().count());
}
