//! Hostile bodies, drawn by chance, at every door that takes one: deep, wide, long, broken and cut. None is a fault of ours, and what was
//! taken can be read back. `HOSTILE_BODIES=10000000` sends more, `HOSTILE_SEED=7 HOSTILE_BODIES=1` one of them again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;
use tests::dice::Dice;
use tests::hooks::{self, CHANNEL, CUSTOM, INVENTORY, TOKEN, sign};
use tests::in_process;
use tests::parallel::each_seed;
use tests::two_worlds::World;

/// How many requests to a path got a status.
type Outcomes = BTreeMap<(String, u16), usize>;

/// A world holds all that was taken in it, so that another one follows after so many.
const OF_A_WORLD: u64 = 2_000;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// Texts that readers stumble over.
const TEXTS: &[&str] = &[
    r#""""#,
    r#""a""#,
    r#""\u0000""#,
    r#""\ud83c""#,
    r#""\uDFFF\ud83c""#,
    r#""ü😀\u202e""#,
    r#""$serde_json::private::RawValue""#,
    r#""$serde_json::private::Number""#,
    r#""__proto__""#,
    r#""\x""#,
    "\"",
];

/// Numbers and words that do the same.
const ATOMS: &[&str] = &[
    "0",
    "-0",
    "1e999",
    "-1e-999",
    "1E400",
    "00",
    "1.",
    "9223372036854775808",
    "184467440737095516160000000000000000",
    "true",
    "null",
    "nul",
    "NaN",
    "{}",
    "[]",
    "",
];

/// Names that our bodies have.
const NAMES: &[&str] = &[
    "Deal_Name",
    "Stage",
    "Amount",
    "data",
    "ids",
    "outcome",
    "delivery",
    "limit",
    "customer",
    "line_items",
    "quantity",
    "query",
    "item",
    "JSONString",
    "note",
];

/// Something like JSON.
fn tree(dice: &mut Dice, depth: usize, into: &mut String) {
    match dice.below(if depth == 0 { 3 } else { 6 }) {
        0 => into.push_str(dice.pick(TEXTS)),
        1 | 2 => into.push_str(dice.pick(ATOMS)),
        3 => {
            into.push('[');
            for place in 0..dice.below(5) {
                into.push_str(if place > 0 { "," } else { "" });
                tree(dice, depth - 1, into);
            }
            into.push(']');
        }
        _ => {
            into.push('{');
            for place in 0..dice.below(5) {
                into.push_str(if place > 0 { "," } else { "" });
                if dice.one_in(4) {
                    into.push_str(dice.pick(TEXTS));
                } else {
                    into.push_str(&format!("\"{}\"", dice.pick(NAMES)));
                }
                into.push(':');
                tree(dice, depth - 1, into);
            }
            into.push('}');
        }
    }
}

/// A size between nothing and about 100,000, small ones as often as large ones.
fn size(dice: &mut Dice) -> usize {
    let most = 2_usize << dice.below(17);
    dice.below(most)
}

fn hostile(dice: &mut Dice) -> Vec<u8> {
    let name = dice.pick(NAMES);
    let mut text = String::new();
    match dice.below(8) {
        0 => {
            let levels = if dice.one_in(4) { 100_000 } else { size(dice) };
            text = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        }
        1 => {
            let levels = size(dice) / 8;
            text = format!("{}1{}", format!("{{\"{name}\":").repeat(levels), "}".repeat(levels));
        }
        2 => {
            // Just about where the bound is, within a field.
            let levels = 60 + dice.below(8);
            text = format!("{{\"{name}\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        }
        3 => {
            let fields: Vec<_> =
                (0..size(dice) / 16).map(|field| format!("\"{name}{field}\":{field}")).collect();
            text = format!("{{{}}}", fields.join(","));
        }
        4 => text = format!("{{\"{name}\":\"{}\"}}", "a\\u0041".repeat(size(dice) / 4)),
        5 => text = format!("{{\"{name}\":{}}}", "9".repeat(size(dice) / 4)),
        _ => tree(dice, 8, &mut text),
    }
    let mut body = text.into_bytes();
    // Cut, or with a byte that is another.
    if dice.one_in(6) {
        body.truncate(dice.below(body.len()));
    }
    if !body.is_empty() && dice.one_in(6) {
        let place = dice.below(body.len());
        body[place] ^= 1 << dice.below(8);
    }
    body
}

/// A door, and how a body comes to it.
type Door = (&'static str, &'static str, String, Vec<(&'static str, String)>, Vec<u8>);

/// Each door with this body, where a caller has all that opens it.
fn doors(dice: &mut Dice, key: &str, body: &[u8]) -> Vec<Door> {
    let own = |more: &[(&'static str, &str)]| {
        let mut headers = vec![("authorization", format!("Bearer {key}"))];
        headers.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        headers
    };
    let json = own(&[("content-type", "application/json")]);
    let kinds = [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "text/plain",
    ];
    let other = own(&[("content-type", dice.pick(&kinds))]);
    // Another record each time, or it would be the same notification.
    let record = dice.below(1_000_000_000);
    let told = format!(
        r#"{{"server_time":1796119200000,"module":"Deals","operation":"update","channel_id":"{CHANNEL}","token":"{TOKEN}","ids":["6{record}"],"more":"#
    );
    let told = [told.as_bytes(), body, b"}"].concat();
    let query = percent_encode(&body[..body.len().min(3_000)], NON_ALPHANUMERIC).to_string();
    let signed = |secret| sign(secret, body);
    let whole = || body.to_vec();
    vec![
        (
            "intake",
            "POST",
            "/webhooks/default/inventory/item.updated".to_owned(),
            vec![("x-zoho-webhook-signature", signed(INVENTORY))],
            whole(),
        ),
        (
            "intake",
            "POST",
            "/webhooks/default/custom/stock.counted".to_owned(),
            vec![("x-signature", format!("sha256={}", signed(CUSTOM)))],
            whole(),
        ),
        ("intake", "POST", "/webhooks/default/crm".to_owned(), vec![], told),
        ("oauth", "GET", format!("/oauth/callback?code={query}&state={query}"), vec![], vec![]),
        ("oauth", "GET", format!("/oauth/start?link={query}"), vec![], vec![]),
        (
            "oauth",
            "POST",
            "/oauth/organization".to_owned(),
            vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            whole(),
        ),
        ("api", "POST", "/v1/crm/deals".to_owned(), json.clone(), whole()),
        ("api", "POST", "/v1/crm/query".to_owned(), json.clone(), whole()),
        ("api", "POST", "/v1/inventory/salesorders".to_owned(), json.clone(), whole()),
        ("api", "POST", "/v1/zoho/crm/Leads".to_owned(), other, whole()),
        ("api", "POST", "/v1/events/claim".to_owned(), json.clone(), whole()),
        ("api", "POST", "/v1/events/ack".to_owned(), json, whole()),
    ]
}

async fn send(router: &Router, door: Door) -> Option<(StatusCode, String)> {
    let (_, method, path, headers, body) = door;
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // What no client could send is left out.
    let told = in_process::send(router, method, &path, &headers, body).await?;
    Some((told.status, told.text().into_owned()))
}

async fn read(world: &World, path: &str) -> Value {
    let headers = vec![("authorization", format!("Bearer {}", world.open.expose()))];
    let (status, text) = send(&world.api, ("api", "GET", path.to_owned(), headers, vec![])).await.unwrap();
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// Every page of a list can be read.
async fn read_all(world: &World, list: &str) {
    let mut path = list.to_owned();
    loop {
        let page = read(world, &path).await;
        let Some(next) = page["next"].as_str() else { return };
        path = next.to_owned();
    }
}

/// Sends the bodies of these seeds; how many were stored, and how many got which answer.
async fn send_all(seeds: Range<u64>) -> (usize, Outcomes) {
    let world = World::new(1, 0).await;
    let services = &world.inside.services;
    hooks::set_secrets(&*services.stores.secrets).await;
    let intake = webhook_intake::router(services);
    let oauth = oauth_callback::router(services, Arc::new(world.inside.token_refresh.clone()));
    let mut outcomes = Outcomes::new();
    let mut events = Vec::new();
    for seed in seeds {
        let mut dice = Dice(seed);
        let body = hostile(&mut dice);
        for door in doors(&mut dice, world.open.expose(), &body) {
            let (host, path) = (door.0, door.2.split('?').next().unwrap_or_default().to_owned());
            let router = match host {
                "intake" => &intake,
                "oauth" => &oauth,
                _ => &world.api,
            };
            let Some((status, text)) = send(router, door).await else { continue };
            let shown = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
            assert_ne!(status, 500, "HOSTILE_SEED={seed} {path}: {shown}: {text}");
            if host == "intake" {
                assert!(
                    status == 200 || status.is_client_error(),
                    "HOSTILE_SEED={seed} {path}: {status} {text}"
                );
                let receipt: Value = serde_json::from_str(&text).unwrap();
                events.extend(receipt["event_id"].as_str().map(str::to_owned));
            }
            *outcomes.entry((path, status.as_u16())).or_default() += 1;
        }
    }
    world.inside.advance(Duration::from_secs(20));
    for event in &events {
        read(&world, &format!("/v1/events/{event}")).await;
    }
    for list in ["/v1/events?per_page=200", "/v1/audit?per_page=200", "/v1/status"] {
        read_all(&world, list).await;
    }
    (events.len(), outcomes)
}

#[test]
fn no_body_is_a_fault_or_leaves_what_cannot_be_read() {
    let (seed, bodies) = (number("HOSTILE_SEED", 1), number("HOSTILE_BODIES", 300));
    println!("HOSTILE_SEED={seed} HOSTILE_BODIES={bodies}");
    let mut outcomes = Outcomes::new();
    let mut stored = 0;
    let worlds = each_seed(0..bodies.div_ceil(OF_A_WORLD), async |world| {
        let first = seed + world * OF_A_WORLD;
        send_all(first..(first + OF_A_WORLD).min(seed + bodies)).await
    });
    for (events, told) in worlds {
        stored += events;
        for (outcome, count) in told {
            *outcomes.entry(outcome).or_default() += count;
        }
    }
    let sent: usize = outcomes.values().sum();
    println!("{sent} sent, {stored} stored\n{outcomes:#?}");
    assert!(bodies < 300 || stored > 50, "{stored} were stored");
}

/// A webhook nests 64 deep at most, and what is stored is read; the deepest that fits into a body is no fault.
#[tokio::test]
async fn a_webhook_nests_64_deep_at_most() {
    let world = World::new(1, 0).await;
    let services = &world.inside.services;
    hooks::set_secrets(&*services.stores.secrets).await;
    let intake = webhook_intake::router(services);
    let mut dice = Dice(1);
    for levels in [1, 62, 63, 64, 65, 66, 126, 127, 128, 1_000, 100_000] {
        let body = format!("{}{}", "[".repeat(levels), "]".repeat(levels)).into_bytes();
        for door in doors(&mut dice, "", &body).into_iter().filter(|door| door.0 == "intake") {
            let path = door.2.clone();
            // A notification of CRM has it in a field.
            let deepest = levels + usize::from(path.ends_with("/crm"));
            let (status, text) = send(&intake, door).await.unwrap();
            assert_eq!(status, if deepest <= 64 { 200 } else { 400 }, "{path} {levels}: {text}");
            let answer: Value = serde_json::from_str(&text).unwrap();
            if let Some(event) = answer["event_id"].as_str() {
                world.inside.advance(Duration::from_secs(20));
                read(&world, &format!("/v1/events/{event}")).await;
            } else {
                assert_eq!(answer["code"], "webhook_unreadable");
            }
        }
    }
    read_all(&world, "/v1/events?per_page=200").await;
}
