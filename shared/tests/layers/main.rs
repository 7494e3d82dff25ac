//! Who may import whom. Reads the source as text, so that the order of the rooms cannot be broken unnoticed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must stop")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust files below a folder, with their code but without comments.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>();
            found.push((path, code.join("\n")));
        }
    }
    found
}

/// The words that follow a prefix, wherever it stands: `room` in `crate::room::…`.
fn words_after<'a>(code: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    code.split(prefix).skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    })
}

#[test]
fn imports_go_one_way() {
    for (room, allowed) in [
        ("base", ["base"].as_slice()),
        ("store", &["base", "store"]),
        ("zoho", &["base", "zoho"]),
        ("core", &["base", "store", "zoho", "core"]),
    ] {
        let files = sources(&root().join("shared/src").join(room));
        assert!(files.len() > 3, "{room} holds next to nothing: is it still the room?");
        for (path, code) in files {
            for used in words_after(&code, "crate::") {
                assert!(
                    allowed.contains(&used),
                    "{}: {room} imports crate::{used}; it may import {allowed:?}, one room a line",
                    path.display()
                );
            }
        }
    }
}

/// Rule 1 of the house: one writer of tokens. The room of grants, client secrets and leases is entered by token-refresh, and by
/// the operator's command line where it registers clients.
#[test]
fn only_token_refresh_enters_the_room_of_grants() {
    for (folder, allowed) in [
        ("functions/oauth-callback", [].as_slice()),
        ("functions/api-proxy", &[]),
        ("functions/webhook-intake", &[]),
        ("functions/event-delivery", &[]),
        ("cli", &["client"]),
    ] {
        for (path, code) in sources(&root().join(folder).join("src")) {
            for used in words_after(&code, "core::grant::") {
                assert!(allowed.contains(&used), "{} imports core::grant::{used}", path.display());
            }
        }
    }
}

/// A function knows no other one; only its `main`, where there is no Lambda to invoke, calls token-refresh itself.
#[test]
fn functions_know_nothing_of_each_other() {
    let functions = ["oauth_callback", "token_refresh", "api_proxy", "webhook_intake", "event_delivery"];
    for folder in ["oauth-callback", "token-refresh", "api-proxy", "webhook-intake", "event-delivery"] {
        for (path, code) in sources(&root().join("functions").join(folder).join("src")) {
            if path.ends_with("main.rs") {
                continue;
            }
            for other in functions {
                let named = code.match_indices(&format!("{other}::")).any(|(place, _)| {
                    // Not the module of `shared` that is called so.
                    !code.get(..place).is_some_and(|before| before.ends_with("::"))
                });
                assert!(!named, "{} imports {other}", path.display());
            }
        }
    }
}

/// What an agent can call is documented: api-proxy adds routes in one place only, together with what they say of themselves.
#[test]
fn no_route_without_its_documentation() {
    for (path, code) in sources(&root().join("functions/api-proxy/src")) {
        let adds = [".route(", ".merge(", ".nest(", ".route_service(", ".fallback"].iter();
        let found: Vec<_> = adds.filter(|add| code.contains(**add)).collect();
        assert!(
            found.is_empty() || path.ends_with("lib.rs") || path.ends_with("openapi/route.rs"),
            "{}: {found:?} adds a route past the document; see `Routes` in openapi/route.rs",
            path.display()
        );
    }
}

/// A misreading of Zoho must not pass on both sides.
#[test]
fn the_sandbox_uses_nothing_of_ours() {
    let manifest = fs::read_to_string(root().join("tests/sandbox/Cargo.toml")).unwrap();
    for ours in ["shared", "oauth-callback", "token-refresh", "api-proxy", "webhook-intake", "zoho-connector"]
    {
        let named = manifest.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(ours));
        assert!(!named, "the sandbox depends on {ours}");
    }
}
