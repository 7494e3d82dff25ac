//! Any text in every place that takes text: what an agent writes, asks and names, what Zoho, its webhooks and its consent bring. It is
//! served, signed, stored and found again as it was, with U+FFFD only for what is no character at all; or it is refused, and then
//! nothing was done. `UNICODE_CASES=5000` tries more, `UNICODE_SEED=7 UNICODE_CASES=1` one again.

mod consent;
pub(crate) mod text;
mod webhooks;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use sandbox::{Fault, FaultKind, Options};
use serde_json::{Value, json};
use shared::base::secret::Secret;
use shared::core::access::key::NewKey;
use tests::dice::Dice;
use tests::in_process::ask;
use tests::inside::{Inside, any_key};

use text::{Kind, Text, any, percent};

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// Of so many cases by default: the dice of each, and its number.
fn cases(default: u64) -> impl Iterator<Item = (u64, Dice)> {
    let begin = number("UNICODE_SEED", 1);
    (begin..begin + number("UNICODE_CASES", default)).map(|seed| (seed, Dice(seed)))
}

/// Everything in one process, connected to write.
struct Place {
    inside: Inside,
    api: Router,
    key: Secret,
}

struct Told {
    status: u16,
    body: Value,
}

impl Place {
    async fn open(label: &str) -> Self {
        let mut inside = Inside::with(Options::new("")).await;
        inside.lift_the_limit();
        inside.connect_to_write().await;
        let wanted = ["inventory:write", "crm:write", "events", "zoho:*:crm/**", "zoho:*:inventory/**"];
        let permissions = wanted.iter().map(|text| text.parse().unwrap()).collect();
        let key = inside.key(NewKey { permissions, label: label.to_owned(), ..any_key() }).await;
        let api = inside.cold();
        Self { inside, api, key }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &[u8])], body: Vec<u8>) -> Told {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.key.expose()));
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
        }
        send(&self.api, request.body(Body::from(body)).unwrap()).await
    }

    async fn get(&self, path: &str) -> Told {
        self.ask("GET", path, &[], Vec::new()).await
    }

    fn writes(&self) -> usize {
        let requests = self.inside.zoho.sandbox.requests();
        requests.iter().filter(|request| request.method != "GET" && !request.path.contains("coql")).count()
    }
}

/// What a router answers, which is never a fault of its own.
async fn send(router: &Router, request: Request<Body>) -> Told {
    let what = format!("{} {}", request.method(), request.uri());
    let told = ask(router, request).await;
    let (status, body) = (told.status.as_u16(), told.json().unwrap_or_default());
    assert!(status < 500, "{what}: {status} {body}");
    Told { status, body }
}

/// A JSON document with this text at each `@`.
fn document(form: &str, text: &Text) -> Vec<u8> {
    let parts: Vec<&[u8]> = form.split('@').map(str::as_bytes).collect();
    parts.join(text.json.as_slice())
}

/// A write with text in its fields: it stands at Zoho and in the answer as it was sent, and in the audit.
#[tokio::test]
async fn text_that_is_written_is_read_again() {
    let place = Place::open("writer").await;
    let sandbox = &place.inside.zoho.sandbox;
    let (mut served, mut refused, mut all) = (0, 0, 0);
    for (seed, mut dice) in cases(80) {
        let kind = [Kind::Shown, Kind::Shown, Kind::Controls, Kind::Broken][dice.below(4)];
        let text = any(&mut dice, kind);
        let deal = "/v1/crm/deals/6100000000451001";
        let (method, path, form, fields): (_, String, _, &[&str]) = match dice.below(8) {
            0 => (
                "POST",
                "/v1/crm/deals".into(),
                r#"{"Stage":"Qualification","Deal_Name":@,"Description":@}"#,
                &["Deal_Name", "Description"],
            ),
            1 => ("PATCH", deal.into(), r#"{"Next_Step":@,"Description":@}"#, &["Next_Step", "Description"]),
            2 => {
                let form = r#"{"Stage":"Qualification","Deal_Name":@,"External_Order_ID":@}"#;
                (
                    "POST",
                    "/v1/crm/deals/upsert?by=External_Order_ID".into(),
                    form,
                    &["Deal_Name", "External_Order_ID"],
                )
            }
            3 => (
                "POST",
                format!("{deal}/notes"),
                r#"{"Note_Title":@,"Note_Content":@}"#,
                &["Note_Title", "Note_Content"],
            ),
            4 | 5 => {
                let form = r#"{"customer":"Harbor Interiors GmbH","line_items":[{"sku":"BRKT-STD","quantity":1}],"reference_number":@,"notes":@,"terms":@}"#;
                ("POST", "/v1/inventory/salesorders".into(), form, &["reference_number", "notes", "terms"])
            }
            6 => ("POST", "/v1/zoho/crm/Leads".into(), r#"{"data":[{"Last_Name":@}]}"#, &[]),
            _ => {
                let form = r#"{"customer_id":"3300000000060210","line_items":[{"item_id":"3300000000070001","quantity":1}],"notes":@}"#;
                ("POST", "/v1/zoho/inventory/salesorders".into(), form, &[])
            }
        };
        all += 1;
        // The audit has the newest first.
        place.inside.advance(Duration::from_secs(1));
        let before = place.writes();
        let told = place.ask(method, &path, &[], document(form, &text)).await;
        let what = format!("UNICODE_SEED={seed}: {method} {path} {text:?}: {} {}", told.status, told.body);
        if told.status >= 400 {
            refused += 1;
            let ours = told.body["zoho"].is_null();
            assert!(!ours || place.writes() == before, "refused here, and sent: {what}");
            assert!(kind != Kind::Shown || !ours, "{what}");
            continue;
        }
        assert!(text.whole, "what is no text was sent as another one: {what}");
        served += 1;
        for field in fields {
            assert_eq!(told.body[*field], text.read, "{field}: {what}");
        }
        assert!(told.body["not_applied"].is_null(), "{what}");
        let stands = match path.as_str() {
            path if path.contains("/notes") => json!(sandbox.notes().last().unwrap()["Note_Content"]),
            path if path.contains("/inventory/") => json!(sandbox.salesorders().last().unwrap()["notes"]),
            path if path.contains("Leads") => json!(text.read),
            _ => {
                let id = &told.body["id"];
                let deals = sandbox.deals();
                let own = deals.iter().find(|own| own["id"] == *id).unwrap();
                own["Description"].as_str().map_or(own["Deal_Name"].clone(), Into::into)
            }
        };
        assert_eq!(stands, text.read, "at Zoho: {what}");
        let audit = place.get("/v1/audit?per_page=1&details=true").await;
        assert!(
            audit.body["data"][0].to_string().contains(&json!(text.read).to_string()),
            "the audit: {} {what}",
            audit.body
        );
    }
    println!("{served} served, {refused} refused");
    assert!(served * 2 > all, "{served} of {all}");
}

/// What is asked for by text is found by it.
#[tokio::test]
async fn text_that_is_asked_for_is_found() {
    let place = Place::open("reader").await;
    let sandbox = &place.inside.zoho.sandbox;
    let mut found = 0;
    for (seed, mut dice) in cases(60) {
        let kind = [Kind::Shown, Kind::Shown, Kind::Controls][dice.below(3)];
        let text = any(&mut dice, kind);
        let name = percent(text.read.as_bytes());
        let marked = json!(text.read);
        let told = match dice.below(6) {
            0 => {
                sandbox.add_item(json!({ "name": marked, "sku": marked }));
                place.get(&format!("/v1/inventory/items?sku={name}")).await
            }
            1 => {
                sandbox.add_item(json!({ "name": marked }));
                place.get(&format!("/v1/inventory/items?search={name}")).await
            }
            2 => {
                sandbox.add_deal(json!({ "Deal_Name": marked }));
                place.get(&format!("/v1/crm/deals?search={name}")).await
            }
            3 => {
                sandbox.add_deal(json!({ "Deal_Name": marked }));
                let form =
                    r#"{"query":"select Deal_Name from Deals where Deal_Name = :name","params":{"name":@}}"#;
                place.ask("POST", "/v1/crm/query", &[], document(form, &text)).await
            }
            4 => {
                sandbox.add_contact(json!({ "contact_name": marked, "contact_type": "customer" }));
                let form = r#"{"customer":@,"line_items":[{"sku":"BRKT-STD","quantity":1}]}"#;
                let mut told =
                    place.ask("POST", "/v1/inventory/salesorders", &[], document(form, &text)).await;
                told.body = json!({ "data": [told.body["customer_name"]] , "code": told.body["code"] });
                told
            }
            _ => {
                sandbox.add_contact(json!({ "contact_name": marked, "contact_type": "customer" }));
                let told = place.get(&format!("/v1/zoho/inventory/contacts?contact_name={name}")).await;
                Told { body: json!({ "data": told.body["contacts"], "code": told.body["code"] }), ..told }
            }
        };
        let what = format!("UNICODE_SEED={seed}: {text:?}: {} {}", told.status, told.body);
        if told.status >= 400 {
            let plain = !text.read.chars().any(|letter| letter.is_control() || letter == '\\');
            assert!(
                !plain && matches!(told.body["code"].as_str(), Some("invalid_parameter" | "body_invalid")),
                "{what}"
            );
            continue;
        }
        assert!(told.body["data"].to_string().contains(&marked.to_string()), "{what}");
        found += 1;
    }
    println!("{found} found");
    assert!(number("UNICODE_CASES", 60) < 60 || found > 30, "{found}");
}

/// Where no text of any kind belongs, it is refused; whatever stands there.
#[tokio::test]
async fn paths_parameters_and_headers_hold_or_refuse_any_text() {
    let place = Place::open("asker").await;
    for (seed, mut dice) in cases(60) {
        let text = any(&mut dice, Kind::Controls);
        let mut bytes = text.read.clone().into_bytes();
        if dice.one_in(3) {
            let at = dice.below(bytes.len());
            bytes[at] = [0xff, 0xc0, 0xed, 0x80][dice.below(4)];
        }
        let name = percent(&bytes);
        for path in [
            format!("/v1/inventory/items/{name}"),
            format!("/v1/crm/deals/{name}"),
            format!("/v1/crm/deals/{name}/notes"),
            format!("/v1/events/{name}"),
            format!("/v1/zoho/crm/{name}"),
            format!("/v1/zoho/{name}/x"),
            format!("/v1/{name}"),
            format!("/v1/crm/deals?{name}=1"),
            format!("/v1/crm/deals?stage={name}"),
            format!("/v1/crm/deals?fields={name}"),
            format!("/v1/crm/deals?cursor={name}"),
            format!("/v1/crm/fields?module={name}"),
            format!("/v1/crm/contacts?email={name}"),
            format!("/v1/inventory/items?location={name}"),
            format!("/v1/inventory/items?sku={name}&per_page={name}"),
            format!("/v1/inventory/contacts?search={name}"),
            format!("/v1/events?cursor={name}"),
            format!("/v1/audit?cursor={name}"),
            format!("/v1/zoho/crm/Leads?{name}={name}"),
        ] {
            let told = place.get(&path).await;
            let problem = told.status < 400 || told.body["request_id"].is_string();
            assert!(problem, "UNICODE_SEED={seed}: {path}: {} {}", told.status, told.body);
        }
        // Of a header, what is legal in one: no line ends, and no other controls.
        let own = format!("{seed} ").into_bytes().into_iter();
        let mut legal: Vec<u8> = own.chain(bytes).filter(|byte| *byte >= 0x20 && *byte != 0x7f).collect();
        legal.truncate(200);
        let note = json!({ "Note_Content": text.read }).to_string().into_bytes();
        let path = "/v1/crm/deals/6100000000451001/notes";
        let (before, is_plain) = (place.writes(), legal.is_ascii());
        let told = place.ask("POST", path, &[("idempotency-key", &legal)], note.clone()).await;
        let what = format!("UNICODE_SEED={seed}: {legal:?}: {} {}", told.status, told.body);
        assert_eq!(told.status, if is_plain { 201 } else { 400 }, "{what}");
        let again = place.ask("POST", path, &[("idempotency-key", &legal)], note).await;
        assert_eq!((again.status, &again.body["id"]), (told.status, &told.body["id"]), "{what}");
        assert_eq!(place.writes() - before, usize::from(is_plain), "once, or not at all: {what}");
        for header in
            ["zoho-connection", "zoho-organization", "if-unmodified-since", "x-external", "if-none-match"]
        {
            let told = place
                .ask("PATCH", "/v1/crm/deals/6100000000451001", &[(header, &legal)], b"{}".to_vec())
                .await;
            assert!((400..500).contains(&told.status), "{header}: {} {}", told.status, told.body);
        }
        let told = place.ask("GET", "/v1/status", &[("authorization", &legal)], Vec::new()).await;
        assert!(matches!(told.status, 200 | 400 | 401), "{} {}", told.status, told.body);
    }
}

/// What Zoho answers with: a record, its refusal, and a call that is passed on.
#[tokio::test]
async fn text_of_zoho_is_served_as_it_is() {
    let place = Place::open("listener").await;
    let sandbox = &place.inside.zoho.sandbox;
    for (seed, mut dice) in cases(60) {
        let text = any(&mut dice, Kind::Broken);
        let (path, called, status, form, shown) = match dice.below(5) {
            0 => (
                "/v1/crm/deals/6100000000451001",
                "/Deals/61",
                200,
                r#"{"data":[{"id":"6100000000451001","Deal_Name":@}]}"#,
                "/Deal_Name",
            ),
            1 => (
                "/v1/inventory/items?per_page=1",
                "/v1/items",
                200,
                r#"{"code":0,"items":[{"item_id":"33","name":@}]}"#,
                "/data/0/name",
            ),
            2 => (
                "/v1/inventory/salesorders/33",
                "/v1/salesorders/33",
                400,
                r#"{"code":2,"message":@}"#,
                "/zoho/message",
            ),
            3 => {
                let form = r#"{"code":"INVALID_DATA2","message":"x","details":{"api_name":@}}"#;
                ("/v1/crm/accounts/6100000000440011", "/Accounts/61", 400, form, "/zoho/details/api_name")
            }
            _ => (
                "/v1/zoho/inventory/items/33",
                "/v1/items/33",
                404,
                r#"{"code":1002,"message":@}"#,
                "/zoho/message",
            ),
        };
        // Not only text: the sandbox sends bytes as they are where they are text, and escapes else.
        let Ok(body) = String::from_utf8(document(form, &text)) else { continue };
        let kind = FaultKind::Body(status, "application/json".to_owned(), body);
        sandbox.inject_on("GET", Fault { path_contains: called.to_owned(), times: 1, kind });
        let told = place.get(path).await;
        sandbox.clear_faults();
        assert_eq!(
            told.body.pointer(shown),
            Some(&json!(text.read)),
            "UNICODE_SEED={seed}: {path} {text:?} {}",
            told.body
        );
    }
}

/// What the operator calls a key stands in the audit as it is.
#[tokio::test]
async fn the_label_of_a_key_is_kept() {
    for (seed, mut dice) in cases(6) {
        let text = any(&mut dice, Kind::Controls);
        let place = Place::open(&text.read).await;
        let note = json!({ "Note_Content": "x" }).to_string().into_bytes();
        let told = place.ask("POST", "/v1/crm/deals/6100000000451001/notes", &[], note).await;
        assert_eq!(told.status, 201, "{}", told.body);
        let audit = place.get("/v1/audit").await;
        assert_eq!(audit.body["data"][0]["key_label"], text.read, "UNICODE_SEED={seed}: {}", audit.body);
        place.inside.advance(Duration::from_secs(1));
    }
}
