//! Zoho's official SDKs for Python and Node.js drive the stand-in Zoho, and the connector's pass-through before it. They know
//! Zoho better than we do: what they send and what they can read is how Zoho is.
//!
//! `tests/sdk/drive.py` and `tests/sdk/drive.mjs` make the calls of the table, in its order. In `tests/mcp`, the official clients
//! of MCP do the same with `/mcp`.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tests::aws::venv;
use tests::connector::{CLIENT_ID, CLIENT_SECRET, Connector};
use tests::node::modules;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sdk");
const SCOPES: &str = "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.READ,ZohoCRM.org.READ,ZohoCRM.coql.READ,\
                      ZohoCRM.notifications.ALL,ZohoSearch.securesearch.READ";

/// A call, and what the SDKs for Python and for Node.js make of Zoho's answer, then of the connector's. They cannot read problem
/// documents: what the connector refuses or never passes, they only see to have failed. What Node's makes of a revocation, which
/// succeeds, is a fault of its own.
#[rustfmt::skip]
const CALLS: [(&str, [&str; 4]); 31] = [
    ("exchange", ["a token", "a token", "", ""]),
    ("refresh", ["another token", "another token", "", ""]),
    ("list", ["200 6 data", "200 7 data", "200 8 data", "200 8 data"]),
    ("one", ["200 1 data", "200 1 data", "200 1 data", "200 1 data"]),
    ("count", ["200 count 6", "200 count 7", "200 count 8", "200 count 8"]),
    ("search", ["200 1 data", "200 1 data", "200 1 data", "200 1 data"]),
    ("search by criteria", ["200 1 data", "200 2 data", "200 3 data", "200 3 data"]),
    ("create", ["201 1 data SUCCESS", "201 1 data SUCCESS", "201 1 data SUCCESS", "201 1 data SUCCESS"]),
    ("update", ["200 1 data SUCCESS", "200 1 data SUCCESS", "200 1 data SUCCESS", "200 1 data SUCCESS"]),
    ("update several", ["200 1 data SUCCESS", "200 1 data SUCCESS", "200 1 data SUCCESS", "200 1 data SUCCESS"]),
    ("upsert", ["201 1 data SUCCESS", "201 1 data SUCCESS", "200 1 data SUCCESS", "200 1 data SUCCESS"]),
    ("create refused", ["400 1 data INVALID_DATA", "400 1 data INVALID_DATA", "a problem, not read", "a problem, not read"]),
    ("note", ["201 1 data SUCCESS", "201 1 data SUCCESS", "201 1 data SUCCESS", "201 1 data SUCCESS"]),
    ("notes", ["200 3 data", "200 4 data", "200 5 data", "200 6 data"]),
    ("notes of a deal", ["200 1 data", "200 1 data", "200 1 data", "200 1 data"]),
    ("deals of an account", ["200 3 data", "200 3 data", "200 3 data", "200 3 data"]),
    ("COQL", ["200 3 data", "200 3 data", "200 3 data", "200 3 data"]),
    ("COQL with COUNT", ["200 6 data", "200 6 data", "200 6 data", "200 6 data"]),
    ("COQL refused", ["400 SYNTAX_ERROR", "400 SYNTAX_ERROR", "a problem, not read", "a problem, not read"]),
    ("fields", ["200 26 fields", "200 26 fields", "200 26 fields", "200 26 fields"]),
    ("one field", ["200 1 fields", "200 1 fields", "200 1 fields", "200 1 fields"]),
    ("related lists", ["200 3 related_lists", "200 3 related_lists", "200 3 related_lists", "200 3 related_lists"]),
    ("modules", ["200 4 modules", "200 4 modules", "200 4 modules", "200 4 modules"]),
    ("watch", ["201 1 watch SUCCESS", "201 1 watch SUCCESS", "a problem, not read", "a problem, not read"]),
    ("watched", ["200 1 watch", "200 1 watch", "a problem, not read", "a problem, not read"]),
    ("watch no more", ["200 1 watch SUCCESS", "200 1 watch SUCCESS", "a problem, not read", "a problem, not read"]),
    ("delete", ["200 1 data SUCCESS", "200 1 data SUCCESS", "a problem, not read", "a problem, not read"]),
    ("delete again", ["400 1 data INVALID_DATA", "400 1 data INVALID_DATA", "", ""]),
    ("revoke", ["done", "TypeError: responseJSON.has is not a function", "", ""]),
    ("list after that", ["401 INVALID_TOKEN", "401 INVALID_TOKEN", "", ""]),
    ("delete after a preview", ["", "", "200 1 data SUCCESS", "200 1 data SUCCESS"]),
];

/// Drives one SDK; each call with what came of it.
fn drive(mut command: Command, plan: &Value) -> Vec<(String, String)> {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().unwrap().write_all(plan.to_string().as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{command:?}: {said}");
    let out = String::from_utf8(ended.stdout).unwrap();
    let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| (text(&line["call"]), text(&line["outcome"]))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn python(plan: &Value) -> Vec<(String, String)> {
    let mut command = Command::new(venv("sdk").join("bin/python"));
    command.arg("-B").arg(Path::new(SOURCES).join("drive.py"));
    drive(command, plan)
}

fn node(plan: &Value) -> Vec<(String, String)> {
    let mut command = Command::new("node");
    command.arg(Path::new(SOURCES).join("drive.mjs"));
    drive(command, plan)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Zoho's SDKs from PyPI and npm"]
async fn the_official_sdks_drive_the_sandbox_and_the_pass_through() {
    let connector = Connector::start().await;
    connector.connect(&["--scopes", SCOPES]).await;
    let key = connector.agent(&["--can", "crm:read,zoho:*:crm/**"]).await.key;
    let zoho = &connector.zoho;
    let modules = modules("sdk");
    let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let plan = |place: usize, api: String| {
        json!({ "api": api, "accounts": format!("{}/eu/accounts/oauth/v2/token", zoho.url), "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET, "modules": modules, "folder": folders[place].path() })
    };
    let direct = |place| {
        let mut plan = plan(place, format!("{}/eu/api", zoho.url));
        plan["code"] = zoho.sandbox.self_client_code(CLIENT_ID, SCOPES).into();
        plan
    };
    let through = |place| {
        let mut plan = plan(place, format!("{}/v1/zoho", connector.url));
        plan["key"] = key.clone().into();
        plan
    };
    let runs = [python(&direct(0)), node(&direct(1)), python(&through(2)), node(&through(3))];
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in runs.iter().flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let seen: Vec<(&str, [&str; 4])> = names
        .into_iter()
        .map(|name| {
            let outcomes = runs.each_ref().map(|run| {
                run.iter().find(|(call, _)| call == name).map_or("", |(_, outcome)| outcome.as_str())
            });
            (name.as_str(), outcomes)
        })
        .collect();
    let table = seen.iter().fold(String::new(), |mut table, (name, outcomes)| {
        let _ = writeln!(table, "    ({name:?}, {outcomes:?}),");
        table
    });
    println!("{table}");
    assert!(seen == CALLS, "the SDKs saw something else:\n{table}");
}

const MCP_SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/mcp");

/// The official clients: TypeScript's of before, its client of today with and without handshake, Python's with and without.
const MCP_CLIENTS: [&str; 5] = ["before", "handshake", "stateless", "legacy", "auto"];

/// What each made of each call; nothing where it does not make it.
#[rustfmt::skip]
const MCP_CALLS: [(&str, [&str; 5]); 14] = [
    ("wrong key", ["failed: 401", "failed: CLIENT_HTTP_NOT_IMPLEMENTED", "failed: CLIENT_HTTP_AUTHENTICATION", "failed: MCPError", ""]),
    ("version", ["2025-11-25", "2025-11-25", "2026-07-28", "2025-11-25", "2026-07-28"]),
    ("server", ["zoho-connector", "zoho-connector", "zoho-connector", "zoho-connector", "zoho-connector"]),
    ("tools", ["25", "25", "25", "25", "25"]),
    ("status", ["fine, 1 text", "fine, 1 text", "fine, 1 text", "fine, 1 text", "fine, 1 text"]),
    ("item", ["fine, 1 text, 1 rows", "fine, 1 text, 1 rows", "fine, 1 text, 1 rows", "fine, 1 text, 1 rows", "fine, 1 text, 1 rows"]),
    ("rows", ["fine, 1 text, 2 rows", "fine, 1 text, 2 rows", "fine, 1 text, 2 rows", "fine, 1 text, 2 rows", "fine, 1 text, 2 rows"]),
    ("unknown sku", ["error, 1 text, sku_not_found", "error, 1 text, sku_not_found", "error, 1 text, sku_not_found", "error, 1 text, sku_not_found", "error, 1 text, sku_not_found"]),
    ("unknown argument", ["error, 1 text, invalid_parameter", "error, 1 text, invalid_parameter", "error, 1 text, invalid_parameter", "", ""]),
    ("unknown tool", ["failed: -32602", "failed: -32602", "failed: -32602", "failed: -32602", "failed: -32602"]),
    ("preview", ["fine, 1 text, preview", "fine, 1 text, preview", "fine, 1 text, preview", "", ""]),
    ("perform", ["fine, 1 text", "fine, 1 text", "fine, 1 text", "", ""]),
    ("perform again", ["fine, 1 text", "fine, 1 text", "fine, 1 text", "", ""]),
    ("both are one", ["true", "true", "true", "", ""]),
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the MCP clients from PyPI and npm"]
async fn the_official_clients_of_mcp_list_and_call() {
    let connector = Connector::start_without_limit().await;
    connector.connect(&["--access", "write"]).await;
    let key = connector.agent(&["--can", "inventory:write,crm:write,events"]).await.key;
    let wrong = format!("zck_{}_{}", "0".repeat(12), "0".repeat(64));
    let url = format!("{}/mcp", connector.url);
    let plan = json!({ "url": url, "key": key, "wrong": wrong, "modules": modules("mcp") });
    let mut command = Command::new("node");
    command.arg(Path::new(MCP_SOURCES).join("drive.mjs"));
    let mut said = drive(command, &plan);
    let mut command = Command::new(venv("mcp").join("bin/python"));
    command.arg("-B").arg(Path::new(MCP_SOURCES).join("drive.py"));
    said.extend(drive(command, &plan));
    let outcome = |call: String| {
        said.iter().find(|(own, _)| *own == call).map_or_else(String::new, |(_, outcome)| outcome.clone())
    };
    for (call, expected) in MCP_CALLS {
        let seen = MCP_CLIENTS.map(|client| outcome(format!("{client}: {call}")));
        assert_eq!(seen, expected, "{call}: {said:#?}");
    }
    assert_eq!(outcome("inspector lists".to_owned()), "25");
    assert_eq!(outcome("inspector calls".to_owned()), "fine, 1 text, 1 rows");
    let writes = connector.zoho.sandbox.requests();
    let writes =
        writes.iter().filter(|one| one.method == "POST" && one.path.contains("inventoryadjustments"));
    assert_eq!(writes.count(), 3, "each of the three that wrote did so once");
}
