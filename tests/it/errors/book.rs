//! What was provoked, held against the table of errors, and written down for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use shared::base::problem::Code;
use shared::base::secret::Secret;
use shared::base::web::Deadline;
use tests::in_process;
use tokio::time::Instant;

use super::Ask;

/// What was provoked, by code.
#[derive(Default)]
pub(super) struct Book(pub(super) BTreeMap<String, Vec<String>>);

impl Book {
    /// Asks, and writes down what comes: it must be the problem of this code, whole and true to the table.
    pub(super) async fn note(
        &mut self,
        code: Code,
        why: &str,
        api: Router,
        key: &Secret,
        ask: Ask<'_>,
    ) -> Value {
        let mut request = Request::builder().method(ask.method).uri(ask.path);
        if !ask.headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", format!("Bearer {}", key.expose()));
        }
        for (name, value) in ask.headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, value);
        }
        let body = match &ask.body {
            Value::Null => Body::empty(),
            Value::String(text) => Body::from(text.clone()),
            other => Body::from(other.to_string()),
        };
        let mut request = request.body(body).unwrap();
        if let Some(within) = ask.within {
            request.extensions_mut().insert(Deadline(Instant::now() + within));
        }
        let told = in_process::ask(&api, request).await;
        let problem = told.json().unwrap();
        let (status, headers) = (told.status, told.headers);
        let what = format!("{} {} {why}: {problem}", ask.method, ask.path);
        assert_eq!(problem["code"], code.as_str(), "{what}");
        assert_eq!(headers["content-type"], "application/problem+json", "{what}");
        assert_eq!(
            (status, problem["status"].as_u64()),
            (code.status(), Some(status.as_u16().into())),
            "{what}"
        );
        // Where Zoho's own words, or the fields of CRM, ask for something else, the hint fits these. So do the words that say what
        // stands in a key's place, those on a connection that is not there at all, and those on data that a key does not see.
        let of_fields = problem["hint"].as_str().is_some_and(|hint| hint.contains("/v1/crm/fields?module="));
        let of_contacts = matches!(code, Code::KeyNotAllowed)
            && problem["hint"].as_str().is_some_and(|hint| hint.contains("--redact contacts"));
        let fits = problem["zoho"].is_object() || of_fields || of_contacts;
        let fits = fits || matches!(code, Code::KeyInvalid | Code::ProductNotConnected);
        assert!(problem["hint"] == code.hint() || fits, "{what}");
        assert_eq!(problem["request_id"].as_str(), headers["x-request-id"].to_str().ok(), "{what}");
        let seconds = headers.get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(problem["retry_after"].as_u64().map(|seconds| seconds.to_string()), seconds, "{what}");
        assert!(
            problem["retryable"] == json!(true) || problem["hint"].as_str().unwrap().len() > 20,
            "{what}"
        );

        // Ids of reconciliations differ from run to run.
        let is_id = |part: &&str| part.len() == 31 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path: Vec<&str> =
            ask.path.split('/').map(|part| if is_id(&part) { "{id}" } else { part }).collect();
        let mut line = format!("- `{} {}`", ask.method, path.join("/"));
        if !why.is_empty() {
            let _ = write!(line, " ({why})");
        }
        let _ = write!(line, ": {}", steady(problem["detail"].as_str().unwrap()));
        if let Some(zoho) = problem.get("zoho") {
            let _ = write!(
                line,
                " · `zoho` {}: {}",
                zoho["code"].as_str().unwrap(),
                zoho["message"].as_str().unwrap()
            );
        }
        if problem.get("reconnect_url").is_some() {
            let _ = write!(line, " · with `reconnect_url`");
        }
        let lines = self.0.entry(code.as_str().to_owned()).or_default();
        if !lines.contains(&line) {
            lines.push(line);
        }
        problem
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::from(HEAD);
        let again = |code: Code| if code.is_retryable() { "can be tried again" } else { "final" };
        let known = || Code::ALL.iter().copied().filter(|code| self.0.contains_key(code.as_str()));
        for code in known() {
            let (name, status, again) = (code.as_str(), code.status().as_u16(), again(code));
            let heading = format!("{name}-{status}-{}", again.replace(' ', "-"));
            let fault = code.fault().as_str();
            let _ = writeln!(text, "| [`{name}`](#{heading}) | {status} | {again} | {fault} |");
        }
        for code in known() {
            let lines = &self.0[code.as_str()];
            let _ = write!(text, "\n## `{}`: {}, {}\n\n", code.as_str(), code.status().as_u16(), again(code));
            let _ = writeln!(text, "{}. {}\n", code.title(), code.hint());
            for line in lines {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }
}

const HEAD: &str = "# Every error that an agent can get

Each is a document (RFC 9457) with `type`, `title`, `status`, `detail`, `code`, `hint`, `retryable` and `request_id`;
`retry_after` in seconds where waiting helps, `zoho` with Zoho's own words, and `reconnect_url` where a person must consent
again. A program decides by `code`, which never changes. Below the table, each error has its hint, and details that the tests
provoked. `UPDATE_ERRORS=1` with the tests `tests/it/errors/` makes this file. On AWS, the gateway in front has [a few answers of its
own](guides/aws.md#what-the-gateway-answers-by-itself), which are no such documents: 404, 413, 429, 500 and 503 with a `message`.

Whose fault an error is says who can keep it from coming again: the **agent** sends another request; the **operator** of the
connector corrects a key, the client, a scope or the connection; a **user of Zoho** consents again, or changes a right or a record there;
**Zoho** fails or is slow; the **connector** or its store fails; **nobody**: two things met at a bad moment, or a limit that many share
is reached.

| code | status | same request again | whose fault |
|---|---|---|---|
";

/// Without what differs from run to run.
fn steady(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let hex = matches!(bare.len(), 12 | 31) && bare.bytes().all(|b| b.is_ascii_hexdigit());
        // One with an offset is an example, beside one without.
        let time = bare.len() >= 19
            && bare.as_bytes().get(10) == Some(&b'T')
            && bare.starts_with("20")
            && bare.ends_with('Z');
        match (hex, time) {
            (true, _) => word.replace(bare, "0123456789ab"),
            (_, true) => word.replace(bare, "2026-11-21T10:00:00Z"),
            _ => word.to_owned(),
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
