//! Whatever a caller sends: nothing panics, and what is let through goes to Zoho's own host, below the product's prefix, with
//! our organisation and no other. 100,000 cases; `PASSTHROUGH_CASES=10000000` before a release.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared::zoho::api_path::Verb;
use shared::zoho::data_centre::{DataCentre, DataCentres};
use shared::zoho::scope::Product;
use url::Url;

use super::call::{Aim, Passed};
use super::field::is_organization;

const OURS: &str = "20098765432";

/// What paths and queries are made of: mostly what is allowed, so that much gets through, and every trick there is.
const PIECES: &[&str] = &[
    "items",
    "Deals",
    "33",
    "itemgroups",
    "a",
    "Z",
    "_",
    "-",
    ".",
    "/",
    "/",
    "/",
    "=",
    "=",
    "&",
    "&",
    "name",
    "sku",
    "v1",
    "..",
    "//",
    "/../",
    "/./",
    "%2e%2e",
    "%2F",
    "%252F",
    "%5C",
    "\\",
    "\0",
    "%00",
    "%",
    "%25",
    "?",
    "#",
    "%3F",
    "%23",
    ";",
    "@",
    "evil.example",
    "http://",
    "https://evil.example/",
    ":443",
    "%c0%af",
    "%e0%80%af",
    "\u{ff0f}",
    "\u{2215}",
    "é",
    "\u{202e}",
    " ",
    "+",
    "\r\n",
    "%0d%0a",
    "organization_id",
    "Organization_ID",
    "organization%5fid",
    "organization_id[]",
    "dry_run",
    "true",
    "JSONString",
    "{\"organization_id\":1}",
    "%7b%22organization_id%22:1%7d",
    "authtoken",
    "~",
    "*",
    "!",
];

fn text(most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        20 => (0..PIECES.len()).prop_map(|at| PIECES.get(at).copied().unwrap_or_default().to_owned()),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}

/// Some of what is made of good pieces alone must get through.
fn mostly(good: &'static [&'static str], joint: &'static str, most: usize) -> impl Strategy<Value = String> {
    let pieces = proptest::collection::vec(proptest::sample::select(good), 1..most);
    prop_oneof![1 => pieces.prop_map(move |pieces| pieces.join(joint)), 1 => text(most * 2)]
}

const SEGMENTS: &[&str] = &["items", "Deals", "33", "a_b", "x.y", "...", "a-b", "settings", "v8", "users"];
const PAIRS: &[&str] =
    &["page=1", "name=a%26b", "x=%C3%BC+", "empty", "c.d-e=%25", "z=%2F..%2F", "q=http://evil.example/"];

fn product() -> impl Strategy<Value = String> {
    prop_oneof![8 => Just("inventory".to_owned()), 8 => Just("crm".to_owned()), 1 => text(4)]
}

struct Case {
    verb: usize,
    product: String,
    path: String,
    query: String,
    body: String,
    kind: usize,
    centre: usize,
}

fn case() -> impl Strategy<Value = Case> {
    let (path, query) = (mostly(SEGMENTS, "/", 4), mostly(PAIRS, "&", 4));
    (0..5_usize, product(), path, query, text(5), 0..5_usize, 0..10_usize).prop_map(
        |(verb, product, path, query, body, kind, centre)| Case {
            verb,
            product,
            path,
            query,
            body,
            kind,
            centre,
        },
    )
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {:?} ?{:?} {:?}", self.verb, self.product, self.path, self.query, self.body)
    }
}

/// Judges a case, and says whether it went through.
fn check(case: &Case) -> bool {
    let verb = Verb::ALL[case.verb];
    let mut headers = HeaderMap::new();
    let kinds = [
        "",
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "text/plain",
    ];
    if let Some(kind) = kinds.get(case.kind).filter(|kind| !kind.is_empty()) {
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
    }
    let body = if case.kind == 0 || case.kind > 3 { Bytes::new() } else { Bytes::from(case.body.clone()) };
    let aim = Aim::judge(verb, &case.product, &case.path);
    let Ok(call) = aim.and_then(|aim| Passed::judge(aim, &case.query, &headers, body)) else {
        return false;
    };
    let api = DataCentres::new(None).api(DataCentre::ALL[case.centre]);
    let sent = call.url(&api, OURS);
    let url = Url::parse(&sent).unwrap();
    let prefix = match call.product {
        Product::Inventory => "/inventory/v1/",
        Product::Crm => "/crm/v8/",
    };
    assert_eq!(url.origin().ascii_serialization(), api, "another host");
    assert_eq!((url.username(), url.password(), url.port(), url.fragment()), ("", None, None, None));
    assert_eq!(url.path(), format!("{prefix}{}", case.path), "the client would send another path");
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-/".contains(&b);
    assert!(url.path().bytes().all(plain), "{sent}");
    assert!(!url.path().contains("//") && !url.path().ends_with('/'), "{sent}");
    assert!(!url.path().split('/').any(|segment| matches!(segment, "." | "..")), "{sent}");
    assert!(sent.bytes().all(|b| b.is_ascii_graphic()), "{sent}");
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let organizations: Vec<_> = pairs.iter().filter(|(name, _)| is_organization(name)).collect();
    match call.product {
        Product::Inventory => assert_eq!(organizations, [&("organization_id".to_owned(), OURS.to_owned())]),
        Product::Crm => assert!(organizations.is_empty(), "{sent}"),
    }
    assert!(!pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case("dry_run")), "{sent}");
    assert!(pairs.ends_with(&call.query), "what was judged is what is sent");
    true
}

#[test]
fn nothing_panics_and_no_call_leaves_its_place() {
    let cases = std::env::var("PASSTHROUGH_CASES").map_or(100_000, |text| text.parse().unwrap());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let passed = std::cell::Cell::new(0_u32);
    TestRunner::new(config)
        .run(&case(), |case| {
            passed.set(passed.get() + u32::from(check(&case)));
            Ok(())
        })
        .unwrap();
    assert!(
        passed.get() > cases / 50,
        "only {} of {cases} went through: the test proves little",
        passed.get()
    );
}
