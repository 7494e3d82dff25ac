//! The whole intake in this process, on stores in memory: any request at all, forged and genuine, judged by rules written
//! down once more; and stores that fail at every call. `INTAKE_CASES=10000000` makes more of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::base::settings::Settings;
use shared::core::events::webhook_secrets;
use shared::core::events::webhook_secrets::Source;
use shared::core::services::Services;
use tests::clock::StandingClock;
use tests::dice::Dice;
use tests::hooks::{
    CHANNEL, CUSTOM, Hook, INVENTORY, TOKEN, numbered, set_secrets, shuffled, sign, standard,
};
use tests::in_process::ask;
use tests::memory::{Fate, Memory};

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

async fn intake() -> (Arc<Memory>, Arc<StandingClock>, Services) {
    let clock = Arc::new(StandingClock::default());
    let memory = Memory::new(clock.clone());
    set_secrets(&*memory).await;
    let settings = Settings::read(|_| None).unwrap();
    let services = Services::new(settings, clock.clone(), memory.stores()).unwrap();
    (memory, clock, services)
}

async fn send(router: &Router, request: Request<Body>) -> (u16, Value) {
    let told = ask(router, request).await;
    (told.status.as_u16(), told.json().unwrap_or_default())
}

/// A request.
#[derive(Debug)]
struct Asked {
    method: &'static str,
    path: String,
    query: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// A byte-order mark.
const MARK: &[u8; 3] = b"\xef\xbb\xbf";

/// Any request, more or less like a genuine one.
fn any_request(dice: &mut Dice) -> Asked {
    let item = format!(r#"{{"item":{{"item_id":"33{}","sku":"A\u00fc"}}}}"#, dice.below(1_000_000));
    let note = format!(
        r#"{{"server_time":{},"module":"Deals","ids":["6{}"],"operation":"insert","channel_id":"{}","token":"{}"}}"#,
        dice.roll() >> dice.below(64),
        dice.below(1_000_000),
        dice.pick(&[CHANNEL, CHANNEL, CHANNEL, "2", ""]),
        dice.pick(&[TOKEN, TOKEN, TOKEN, "c0ffee", ""]),
    );
    let form = format!("JSONString={}", item.bytes().map(|b| format!("%{b:02x}")).collect::<String>());
    let plain = format!("item_id=33{}&name=a+b", dice.below(1_000_000));
    let mut body = match dice.below(8) {
        0 | 1 => item.into_bytes(),
        2 | 3 => note.into_bytes(),
        4 => form.into_bytes(),
        5 => plain.into_bytes(),
        6 => dice
            .pick(&["", "{", "[]", "null", "[[[[", "=", "a=b", "{}", "%7B%7D", "1e999", " {\"a\":1} "])
            .into(),
        _ => (0..dice.below(40)).map(|_| (dice.roll() & 255) as u8).collect(),
    };
    if dice.one_in(16) {
        body.splice(0..0, *MARK).for_each(drop);
    }
    let secret = dice.pick(&[INVENTORY, INVENTORY, INVENTORY, CUSTOM, CUSTOM, "another", ""]);
    let query = dice.pick(&["", "", "", "", "a=b", "%7B=1", "&&", "b=1&a=2"]);
    let mut text = Vec::new();
    if !query.is_empty() && dice.one_in(2) {
        text.extend(query.replace(['=', '&'], "").into_bytes());
    }
    text.extend_from_slice(&body);
    if body.starts_with(b"item_id") || body.starts_with(b"JSON") {
        text = form_text(query, &body);
    }
    let mut signature = sign(secret, &text);
    if dice.one_in(4) {
        signature = STANDARD.encode(hex::decode(&signature).unwrap());
    }
    let mut headers = Vec::new();
    for (name, value) in [
        ("x-zoho-webhook-signature", signature.clone()),
        ("x-signature", format!("{}{signature}", dice.pick(&["sha256=", "sha256=", "", "sha1="]))),
        ("x-webhook-secret", secret.to_owned()),
        (
            "content-type",
            dice.pick(&["application/json", "text/plain", "x", "multipart/form-data"]).to_owned(),
        ),
    ] {
        if dice.one_in(2) {
            headers.push((name, value));
        }
    }
    // What was genuine a moment ago is changed a little.
    if dice.one_in(3) {
        match dice.below(3) {
            0 if !body.is_empty() => {
                let at = dice.below(body.len());
                body[at] ^= 1 << dice.below(8);
            }
            1 => body.push(b' '),
            _ => {
                if let Some((_, value)) = headers.first_mut() {
                    value.pop();
                }
            }
        }
    }
    let method = dice.pick(&["POST", "POST", "POST", "POST", "PUT", "DELETE", "GET", "PATCH"]);
    let connection = dice.pick(&["default", "default", "default", "default", "other", "Default", "%FF"]);
    let door = dice.pick(&[
        "inventory/item.updated",
        "inventory/item.deleted",
        "crm",
        "custom/counted",
        "custom/a%20b",
        "custom/%2e%2e",
        "books/x",
        "inventory",
        "crm/x",
    ]);
    Asked { method, path: format!("/webhooks/{connection}/{door}"), query, headers, body }
}

/// The pairs of query and form by key, run together.
fn form_text(query: &str, body: &[u8]) -> Vec<u8> {
    let mut pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    pairs.extend(url::form_urlencoded::parse(body).into_owned());
    pairs.sort_by(|one, other| one.0.cmp(&other.0));
    pairs.into_iter().flat_map(|(name, value)| [name, value].concat().into_bytes()).collect()
}

/// Whether this may be stored, by the rules as they are documented.
fn is_genuine(Asked { path, query, headers, body, .. }: &Asked) -> bool {
    let header =
        |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
    let Some(door) = path.strip_prefix("/webhooks/default/") else { return false };
    // It is signed as it came, and read without its mark.
    let document = body.strip_prefix(MARK).unwrap_or(body);
    let is_json = document.trim_ascii_start().first().is_some_and(|first| b"{[".contains(first));
    if door.starts_with("inventory/") {
        let text = if is_json { body.clone() } else { form_text(query, body) };
        let expected = sign(INVENTORY, &text);
        let given = header("x-zoho-webhook-signature").unwrap_or_default();
        return query.is_empty()
            && (given == expected || given == STANDARD.encode(hex::decode(&expected).unwrap()));
    }
    if door == "crm" {
        let Ok(told) = serde_json::from_slice::<Value>(document) else { return false };
        return told["channel_id"] == CHANNEL && told["token"] == TOKEN;
    }
    let signed = header("x-signature").map(|given| given == format!("sha256={}", sign(CUSTOM, body)));
    door == "custom/counted"
        && query.is_empty()
        && signed.unwrap_or_else(|| header("x-webhook-secret") == Some(CUSTOM))
}

#[tokio::test]
async fn nothing_panics_and_nothing_is_stored_that_is_not_genuine() {
    let (memory, _, services) = intake().await;
    let router = webhook_intake::router(&services);
    let begin = number("INTAKE_SEED", 1) as u64;
    let mut statuses: HashMap<u16, usize> = HashMap::new();
    for seed in begin..begin + number("INTAKE_CASES", 50_000) as u64 {
        let mut dice = Dice(seed);
        let asked = any_request(&mut dice);
        let mark = if asked.query.is_empty() { "" } else { "?" };
        let uri = format!("{}{mark}{}", asked.path, asked.query);
        let mut request = Request::builder().method(asked.method).uri(uri);
        for (name, value) in &asked.headers {
            request = request.header(*name, value);
        }
        let (status, answer) = send(&router, request.body(Body::from(asked.body.clone())).unwrap()).await;
        *statuses.entry(status).or_default() += 1;
        let what = format!("INTAKE_SEED={seed}: {asked:?}: {status} {answer}");
        assert!(matches!(status, 200 | 400 | 401 | 404 | 405), "{what}");
        let genuine = is_genuine(&asked);
        assert!(genuine || status != 200, "{what}");
        // The other way round: of what is genuine, only what cannot be read or asked for is refused.
        assert!(!genuine || matches!(status, 200 | 400 | 405), "{what}");
        let stored = memory.rows("event#");
        assert_eq!(stored.len(), usize::from(status == 200), "{what}");
        for row in stored {
            assert!(row.value.contains(answer["event_id"].as_str().unwrap()), "{what}");
            assert!(!asked.path.ends_with("/crm") || !row.value.contains(TOKEN), "{what}");
        }
        memory.clear();
    }
    println!("{statuses:?}, secrets read {} times", memory.secret_reads());
    assert!(statuses.values().all(|count| *count > 100) && statuses.len() == 5, "{statuses:?}");
}

/// The secret of a moment ago counts at once; forged deliveries do not cost a read each.
#[tokio::test]
async fn a_new_secret_is_known_at_once_and_forgeries_cost_no_reads() {
    let (memory, clock, services) = intake().await;
    let router = webhook_intake::router(&services);
    let body = br#"{"item":{"item_id":"1"}}"#.to_vec();
    let signed = |secret: &str| Hook::of_inventory("item.updated", secret, body.clone());
    assert_eq!(send(&router, signed(INVENTORY).request()).await.0, 200);
    for (number, secret) in
        ["brand-new-secret-1", "brand-new-secret-2", "brand-new-secret-3"].iter().enumerate()
    {
        clock.advance(Duration::from_secs(3));
        let name = ConnectionName::default();
        webhook_secrets::set(&*memory, &name, Source::Inventory, Secret::new(*secret)).await.unwrap();
        assert_eq!(send(&router, signed(secret).request()).await.0, 200, "{number}");
    }
    assert_eq!(send(&router, signed("brand-new-secret-2").request()).await.0, 200, "the one before it");
    assert_eq!(send(&router, signed(INVENTORY).request()).await.0, 401, "two before it");
    let before = memory.secret_reads();
    let forged = signed("forged-forged-forged");
    for _ in 0..50 {
        clock.advance(Duration::from_millis(100));
        let all = (0..20).map(|_| send(&router, forged.request()));
        assert!(futures::future::join_all(all).await.iter().all(|(status, _)| *status == 401));
    }
    let reads = memory.secret_reads() - before;
    assert!((1..=3).contains(&reads), "{reads} reads in 5 seconds of 1000 forgeries");
}

/// Secrets that were known a while ago let deliveries in while their store is away, and forged ones out; not for ever.
#[tokio::test]
async fn while_the_secrets_cannot_be_read_those_that_were_known_count_for_an_hour() {
    let (memory, clock, services) = intake().await;
    let router = webhook_intake::router(&services);
    assert_eq!(send(&router, numbered(0).request()).await.0, 200);
    let reads = memory.secret_reads();
    memory.trouble(|_| Fate::Good);
    memory.secrets_are_away(true);
    for minutes in 1..60 {
        clock.advance(Duration::from_secs(60));
        assert_eq!(send(&router, numbered(5 * minutes).request()).await.0, 200, "{minutes}");
        assert_eq!(send(&router, numbered(5 * minutes).request()).await.0, 200, "{minutes}, again");
    }
    assert_eq!(memory.secret_reads() - reads, 59, "asked once for each pair");
    clock.advance(Duration::from_secs(60));
    assert_eq!(send(&router, numbered(1000).request()).await.0, 503);
    memory.secrets_are_away(false);
    assert_eq!(send(&router, numbered(1000).request()).await.0, 200);
}

/// Each call to a store of a first delivery fails, before its work and after it: the sender hears of it, and sends again.
#[tokio::test]
async fn at_whichever_call_a_store_fails_a_delivery_is_stored_once_when_it_is_acknowledged() {
    let (memory, _, services) = intake().await;
    for door in [0, 3, 4] {
        let hook = numbered(door);
        memory.trouble(|_| Fate::Good);
        assert_eq!(send(&webhook_intake::router(&services), hook.request()).await.0, 200);
        let calls = memory.calls();
        assert_eq!(calls, 2, "the secrets once, and one round trip to the table");
        for fails in 0..calls {
            for fate in [Fate::Before, Fate::After] {
                memory.clear();
                memory.trouble(move |call| if call == fails { fate } else { Fate::Good });
                let router = webhook_intake::router(&services);
                let (status, answer) = send(&router, hook.request()).await;
                assert_eq!((status, answer["code"].as_str()), (503, Some("store_unavailable")));
                let (status, answer) = send(&router, hook.request()).await;
                assert_eq!(status, 200);
                assert_eq!(answer["duplicate"], fails == 1 && fate == Fate::After, "{answer}");
                let stored = memory.rows("event#");
                assert_eq!(stored.len(), 1);
                assert_eq!(stored[0].key.sort, answer["event_id"]);
            }
        }
    }
}

/// `DELIVERIES=200000` sends more. A call in five fails, processes come and go, and senders do not give up.
#[tokio::test(flavor = "multi_thread")]
async fn shuffled_deliveries_are_stored_once_each_while_stores_fail() {
    let (memory, _, services) = intake().await;
    let mut dice = Dice(number("DELIVERIES_SEED", 7) as u64);
    let (sends, different) = shuffled(number("DELIVERIES", 10_000), &mut dice);
    memory.trouble(move |_| match dice.below(10) {
        0 => Fate::Before,
        1 => Fate::After,
        _ => Fate::Good,
    });
    let mut acknowledged: HashMap<usize, String> = HashMap::new();
    for some in sends.chunks(500) {
        let router = webhook_intake::router(&services);
        let all = some.iter().map(|number| {
            let (router, number) = (router.clone(), *number);
            tokio::spawn(async move {
                let hook = numbered(number);
                loop {
                    match send(&router, hook.request()).await {
                        (200, answer) => return (number, answer["event_id"].as_str().unwrap().to_owned()),
                        (status, answer) => assert_eq!(status, 503, "{answer}"),
                    }
                }
            })
        });
        for done in futures::future::join_all(all).await {
            let (number, id) = done.unwrap();
            assert_eq!(acknowledged.entry(number).or_insert_with(|| id.clone()), &id);
        }
    }
    let stored = memory.rows("event#");
    assert_eq!((acknowledged.len(), stored.len()), (different, different));
    let mut ids: Vec<_> = acknowledged.into_values().collect();
    ids.sort();
    let mut kept: Vec<_> = stored.into_iter().map(|row| row.key.sort).collect();
    kept.sort();
    assert_eq!(ids, kept);
}

/// A message that somebody kept is worth nothing after five minutes, and one from a clock that goes wrong is worth nothing before.
#[tokio::test]
async fn a_message_is_taken_within_five_minutes_of_its_time_and_not_a_second_beyond() {
    let (memory, clock, services) = intake().await;
    // To a whole second, as the messages have it.
    clock.advance(Duration::from_millis(750));
    let now = services.clock.now().as_second();
    let router = webhook_intake::router(&services);
    let body = br#"{"type":"stock.counted"}"#;
    for (place, (seconds, expected)) in
        [(0, 200), (-300, 200), (-301, 401), (300, 200), (301, 401)].into_iter().enumerate()
    {
        let id = format!("msg_{place}");
        let message = standard("stock.counted", CUSTOM, (&id, now + seconds), body);
        let (status, answer) = send(&router, message).await;
        assert_eq!(status, expected, "{seconds}: {answer}");
    }
    assert_eq!(memory.rows("event#").len(), 3);
}
