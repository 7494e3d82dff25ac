//! Who may import whom. Reads the source as text, so that the order of the modules cannot be broken unnoticed.
//!
//! `cargo test --workspace --all-features --test layers graph -- --nocapture` prints the imports that are counted here; `LAYERS_ROOT` names another
//! copy of the workspace to look at.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test that cannot go on must stop"
)]

mod graph;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use graph::Graph;

static GRAPH: LazyLock<Graph> = LazyLock::new(|| Graph::read(&root()));

fn root() -> PathBuf {
    env::var_os("LAYERS_ROOT")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned(), PathBuf::from)
}

/// The modules of a folder from the lowest up: each may import itself and those before it in the list. A module is a folder, or a
/// file of the same name.
const MODULES: [(&str, &[&[&str]]); 2] = [
    // Store and zoho do not know each other.
    ("shared/src/", &[&["base"], &["store", "zoho"], &["core"]]),
    (
        "functions/api-proxy/src/",
        &[
            &["request"],
            &["zoho"],
            &["writes"],
            &["app"],
            &["openapi"],
            &["connector", "crm", "events", "inventory", "passthrough"],
            &["routes"],
            &["mcp"],
            &["lib"],
            &["main"],
        ],
    ),
];

/// The module of a file: its folder or its name, and how high it lies.
fn module<'a>(folder: &str, layers: &[&[&str]], path: &'a str) -> Option<(&'a str, usize)> {
    let inside = path.strip_prefix(folder)?;
    let name = inside.split('/').next()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    // A crate's head only names its modules.
    if name == "lib" && !layers.iter().any(|layer| layer.contains(&"lib")) {
        return None;
    }
    let layer = layers.iter().position(|layer| layer.contains(&name));
    Some((name, layer.unwrap_or_else(|| panic!("{path}: the module {name} has no place in layers/main.rs"))))
}

/// The imports that go up, or to another module of the same height.
fn back_up() -> Vec<String> {
    let mut found = Vec::new();
    for (from, to) in GRAPH.edges() {
        for (folder, layers) in MODULES {
            let (Some((own, height)), Some((other, other_height))) =
                (module(folder, layers, from), module(folder, layers, to))
            else {
                continue;
            };
            let sideways = height == other_height && own != other;
            if other_height > height || sideways {
                found.push(format!("{from} imports {to}"));
            }
        }
    }
    found
}

#[test]
fn imports_go_one_way() {
    let found = back_up();
    assert!(found.is_empty(), "these go back up:\n{}", found.join("\n"));
}

#[test]
fn no_files_import_each_other() {
    let circles = GRAPH.circles();
    assert!(circles.is_empty(), "{} circles: {circles:#?}", circles.len());
    assert!(
        GRAPH.edges().count() > 1000,
        "the graph is next to empty: are its folders still the right ones?"
    );
}

/// The numbers, for a look before and after a change.
#[test]
fn graph() {
    println!("{} files, {} imports", GRAPH.files.len(), GRAPH.edges().count());
    if env::var_os("LAYERS_ROOT").is_none() {
        for (from, to) in GRAPH.edges() {
            println!("{from} -> {to}");
        }
    }
    let circles = GRAPH.circles();
    println!("{} circles", circles.len());
    for circle in circles {
        println!("  {} files: {}", circle.len(), circle.join(" "));
    }
}

/// What holds the parts of a function has no behaviour: whoever needs a part names it, and imports what works with it.
#[test]
fn what_holds_parts_has_no_behaviour() {
    for (name, file, allowed) in [
        ("App", "functions/api-proxy/src/app.rs", ["new"].as_slice()),
        ("App", "functions/oauth-callback/src/app.rs", &["new"]),
        ("App", "functions/webhook-intake/src/app.rs", &["new"]),
    ] {
        let folder = file.rsplit_once('/').unwrap().0;
        for of_crate in GRAPH.files.iter().filter(|found| found.path.starts_with(folder)) {
            for block in of_crate.code.split(&format!("impl {name} {{")).skip(1) {
                let block = &block[..block.find("\n}").unwrap_or(block.len())];
                assert_eq!(of_crate.path, file, "{name} has its methods beside its parts");
                for method in words_after(block, "fn ") {
                    assert!(allowed.contains(&method), "{file}: {name}::{method} is behaviour");
                }
            }
        }
    }
}

/// The words that follow a prefix, wherever it stands: `module` in `crate::module::…`.
fn words_after<'a>(code: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    code.split(prefix).skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    })
}

/// One writer of tokens: the module of grants, client secrets and leases is imported by token-refresh, and by
/// the operator's command line where it registers clients.
#[test]
fn only_token_refresh_imports_grants() {
    for (from, to) in GRAPH.edges() {
        if !to.starts_with("shared/src/core/grant/") {
            continue;
        }
        let registers_clients = from.starts_with("cli/") && to.ends_with("/client.rs");
        let inside =
            ["shared/", "functions/token-refresh/", "tests/"].iter().any(|own| from.starts_with(own));
        assert!(inside || registers_clients, "{from} imports {to}");
    }
}

/// A function knows no other one; only its `main`, where there is no Lambda to invoke, calls token-refresh itself.
#[test]
fn functions_know_nothing_of_each_other() {
    let function = |path: &str| {
        path.strip_prefix("functions/").and_then(|rest| rest.split('/').next().map(str::to_owned))
    };
    for (from, to) in GRAPH.edges() {
        if let (Some(own), Some(other)) = (function(from), function(to)) {
            assert!(own == other || from.ends_with("/main.rs"), "{from} imports {to}");
        }
    }
}

/// What an agent can call is documented: api-proxy adds routes in one place only, together with what they say of themselves.
#[test]
fn no_route_without_its_documentation() {
    for file in GRAPH.files.iter().filter(|file| file.path.starts_with("functions/api-proxy/src")) {
        let adds = [".route(", ".merge(", ".nest(", ".route_service(", ".fallback"].iter();
        let found: Vec<_> = adds.filter(|add| file.code.contains(**add)).collect();
        // MCP says of its tools itself what they are.
        let is_mcp = file.path.ends_with("src/mcp/mod.rs")
            || file.path.ends_with("src/lib.rs") && file.code.matches(".route(").count() == 1;
        assert!(
            found.is_empty() || file.path.ends_with("openapi/route.rs") || is_mcp,
            "{}: {found:?} adds a route past the document; see `Routes` in openapi/route.rs",
            file.path
        );
    }
}

/// A misreading of Zoho must not pass on both sides.
#[test]
fn the_sandbox_uses_nothing_of_ours() {
    let manifest = fs::read_to_string(root().join("tests/sandbox/Cargo.toml")).unwrap();
    for ours in
        ["hot", "shared", "oauth-callback", "token-refresh", "api-proxy", "webhook-intake", "zoho-connector"]
    {
        let named = manifest.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(ours));
        assert!(!named, "the sandbox depends on {ours}");
    }
}
