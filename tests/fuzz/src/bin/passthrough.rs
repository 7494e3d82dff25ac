//! Calls that are passed through: what leaves goes to Zoho's own host, below the product's prefix, with our organisation and no
//! other; what does not leave is a problem that says why; and Zoho's bytes come back as they are.
//!
//! The input: method and address behind `/v1/zoho/`; the `Content-Type`; a further header; a letter that chooses Zoho's status; then the
//! body, with which Zoho answers, too.

#![no_main]

use fuzz::{Api, Desk, ORGANIZATION, chosen, lines, problem, send};
use libfuzzer_sys::fuzz_target;
use url::Url;

const STATUSES: [u16; 6] = [200, 201, 204, 304, 400, 404];

async fn take(api: &Api, input: &[u8]) {
    let Some(([call, kind, further, status], body)) = lines(input) else { return };
    let (method, address) = call.split_once(' ').unwrap_or(("GET", call));
    let status = *chosen(status, &STATUSES);
    api.line.answer(status, "application/json", body);
    let (name, value) = further.split_once(": ").unwrap_or(("", ""));
    if name.eq_ignore_ascii_case("authorization") {
        return;
    }
    let all = [("authorization", &*api.authorization), ("content-type", kind), (name, value)];
    let headers: Vec<_> =
        all.into_iter().filter(|(name, value)| !name.is_empty() && !value.is_empty()).collect();
    let uri = format!("/v1/zoho/{address}");
    let Some(told) = send(&api.router, method, &uri, &headers, body).await else { return };
    problem::demand(&told);
    let sent = api.line.sent();
    for sent in &sent {
        demand_inside(&sent.url, address);
    }
    // A read of the fields may stand before; the last is the caller's.
    let Some(last) = sent.iter().rfind(|sent| sent.method == method) else {
        assert!(told.status != 200 || address.contains("dry_run"), "nothing was sent: {}", told.text());
        return;
    };
    if told.status.is_success() && !address.contains("dry_run") {
        assert_eq!(told.body, body, "Zoho's bytes for {}", last.url);
    }
}

fn demand_inside(sent: &str, address: &str) {
    let url = Url::parse(sent).unwrap();
    assert_eq!(url.origin().ascii_serialization(), "https://www.zohoapis.eu", "{sent}");
    assert_eq!((url.username(), url.password(), url.port(), url.fragment()), ("", None, None, None));
    let inside = ["/inventory/v1/", "/crm/v8/"].iter().any(|prefix| url.path().starts_with(prefix));
    assert!(inside, "{address}: {sent}");
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-/".contains(&b);
    assert!(url.path().bytes().all(plain) && !url.path().contains("//"), "{sent}");
    assert!(!url.path().split('/').any(|segment| matches!(segment, "." | "..")), "{sent}");
    let of_organization = |name: &str| {
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        name.eq_ignore_ascii_case("organizationid")
    };
    for (name, value) in url.query_pairs() {
        assert!(!of_organization(&name) || value == ORGANIZATION, "another organisation: {sent}");
    }
}

thread_local! {
    static DESK: Desk<Api> = Desk::open();
}

fuzz_target!(|input: &[u8]| {
    DESK.with(|desk| desk.take(async |api| take(api, input).await));
});
