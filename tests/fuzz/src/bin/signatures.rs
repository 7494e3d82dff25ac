//! Signatures, forged and genuine, at every door: nothing is stored unless code of its own finds it genuine, and what is genuine
//! is not called forged.
//!
//! The input: a letter that chooses the door; the query; the headers `X-Zoho-Webhook-Signature`, `X-Signature`, `X-Webhook-Secret`,
//! `webhook-id`, `webhook-timestamp` and `webhook-signature`, each on a line, where an empty one is not sent; then the body. In the
//! headers, `{hex}`, `{base64}` and `{standard}` stand for what is genuine.

#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fuzz::hooks::{CUSTOM, INVENTORY, sign, sign_standard};
use fuzz::{Desk, Intake, chosen, lines, problem, send, signed};
use libfuzzer_sys::fuzz_target;
use shared::base::clock::{Clock, Timestamp};

/// How many milliseconds a message may be old or ahead.
const TOLERANCE: i64 = 5 * 60 * 1000;

const DOORS: [&str; 4] = [
    "/webhooks/default/inventory/item.updated",
    "/webhooks/default/custom/stock.counted",
    "/webhooks/default/crm",
    "/webhooks/other/inventory/item.updated",
];

/// What became of a request by the rules.
#[derive(Debug, PartialEq)]
enum Rule {
    Genuine,
    Forged,
    /// These rules do not say.
    Open,
}

async fn take(intake: &Intake, input: &[u8]) {
    let Some(([door, query, zoho, plain, secret, id, at, standard], body)) = lines(input) else { return };
    let path = *chosen(door, &DOORS);
    // A fragment never reaches a server, so that what stands before it is the whole query.
    let query = query.split('#').next().unwrap_or_default();
    let of_inventory = sign(INVENTORY, &signed::inventory_text(query, body));
    let of_custom = sign(CUSTOM, body);
    let at = at.replace("{now}", &intake.house.clock.now().as_second().to_string());
    let filled = |line: &str, genuine: &str| {
        line.replace("{hex}", genuine)
            .replace("{base64}", &STANDARD.encode(hex::decode(genuine).unwrap()))
            .replace("{standard}", &sign_standard(CUSTOM, id, &at, body))
    };
    let (zoho, plain) = (filled(zoho, &of_inventory), filled(plain, &of_custom));
    let standard = filled(standard, &of_custom);
    let all = [
        ("x-zoho-webhook-signature", &*zoho),
        ("x-signature", &*plain),
        ("x-webhook-secret", secret),
        ("webhook-id", id),
        ("webhook-timestamp", &*at),
        ("webhook-signature", &*standard),
    ];
    let headers: Vec<_> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let uri = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let Some(told) = send(&intake.router, "POST", &uri, &headers, body).await else { return };
    problem::demand(&told);
    let rule = if path.starts_with("/webhooks/other/") {
        Rule::Forged
    } else if path.contains("/inventory/") {
        rule(query.is_empty() && signed::is_of_inventory("", body, &zoho))
    } else if path.ends_with("/crm") {
        if signed::is_of_crm(body) { Rule::Genuine } else { Rule::Open }
    } else if !standard.is_empty() {
        let is_whole = !id.is_empty() && id.len() <= 256 && !at.is_empty();
        let now = intake.house.clock.now().as_millisecond();
        let at_time = at.parse().ok().and_then(|at| Timestamp::from_second(at).ok());
        let near = at_time.is_some_and(|at| (at.as_millisecond() - now).abs() <= TOLERANCE);
        rule(is_whole && near && query.is_empty() && signed::is_standard(id, &at, body, &standard))
    } else if !plain.is_empty() {
        rule(query.is_empty() && signed::is_of_custom(body, &plain))
    } else {
        rule(query.is_empty() && secret == CUSTOM)
    };
    let status = told.status.as_u16();
    let stored = intake.house.memory.rows("event#").len();
    assert_eq!(stored > 0, status == 200, "{status}: {}", told.text());
    match rule {
        Rule::Forged => assert_eq!(stored, 0, "a forged webhook was taken: {}", told.text()),
        // Of what is genuine, only what cannot be read is refused.
        Rule::Genuine => assert!(matches!(status, 200 | 400 | 413), "{status}: {}", told.text()),
        Rule::Open => {}
    }
}

fn rule(genuine: bool) -> Rule {
    if genuine { Rule::Genuine } else { Rule::Forged }
}

thread_local! {
    static DESK: Desk<Intake> = Desk::open();
}

fuzz_target!(|input: &[u8]| {
    DESK.with(|desk| desk.take(async |intake| take(intake, input).await));
});
