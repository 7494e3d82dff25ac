//! The demo, as a stranger runs it.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tests::browser::Browser;
use tests::process::{Running, run};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

/// What does not come in this time never comes.
const HANGS: Duration = Duration::from_secs(180);

/// What is indented is to be pasted.
fn pasted(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.strip_prefix("  ")).collect()
}

/// Pastes lines into a shell, just as they stand, and returns what they print.
async fn paste(lines: &[&str]) -> String {
    let script = lines.join("\n");
    let done = timeout(HANGS, Command::new("sh").args(["-ec", &script]).kill_on_drop(true).output()).await;
    let done = done.expect("it ends").unwrap();
    let out = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{script}\n{out}\n{}", String::from_utf8_lossy(&done.stderr));
    out
}

/// The answers among what was printed.
fn answers(out: &str) -> Vec<Value> {
    out.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pasted_commands_work_and_the_page_shows_what_happened() {
    let mut demo = Running::start(&["demo", "--port", "0"], &[]);
    let lines = demo.until("Ctrl-C ends it").await;
    assert!(lines.iter().filter(|line| line.starts_with('✓')).count() >= 4, "{lines:#?}");
    let split = lines.iter().position(|line| line.starts_with("Then open the report")).unwrap();
    let (first, second) = lines.split_at(split);
    let report = second[0].rsplit(": ").next().unwrap();
    let commands = pasted(first);
    let exports = &commands[..2];
    let url = exports[0].split_once('=').unwrap().1.to_owned();

    let out = paste(&commands).await;
    let answers_here = answers(&out);
    let [items, deals, deal, sold, shelf, preview, adjusted, events] = answers_here.as_slice() else {
        panic!("{out}")
    };
    assert!(out.contains("- default: healthy") && out.contains("POST /v1/inventory/adjustments"), "{out}");
    assert!(items["data"].as_array().unwrap().len() >= 5);
    assert_eq!(deals["data"].as_array().unwrap().len(), 3);
    assert!(deal["Deal_Name"].is_string());
    assert_eq!(sold["delivered"][0]["status"], 200);
    assert_eq!(shelf["data"][0]["stock"]["locations"].as_array().unwrap().len(), 2, "{shelf}");
    assert!(preview["preview_id"].is_string(), "{preview}");
    let line = &adjusted["lines"][0];
    assert_eq!((&line["outcome"], &line["delta"]), (&"adjusted".into(), &(-2).into()), "{adjusted}");
    assert_eq!(line["after"], preview["lines"][0]["after"], "as it was previewed");
    assert!(out.contains("BRKT-STD") && out.contains("adjusted\n"), "{out}");
    assert!(!events["data"].as_array().unwrap().is_empty(), "{events}");
    let page = std::fs::read_to_string(report).unwrap();
    assert!(page.contains("SHELF-OAK-80"), "{page}");

    let readme = include_str!("../../README.md").lines().filter(|line| line.starts_with("curl "));
    let mut readme_answers = Vec::new();
    for line in readme {
        readme_answers.extend(answers(&paste(&[exports[0], exports[1], line]).await));
    }
    assert_eq!((&readme_answers[0]["data"][0]["sku"], readme_answers.len()), (&"SHELF-OAK-80".into(), 2));
    assert_eq!(readme_answers[1]["data"].as_array().unwrap().len(), 3);

    let browser = Browser::default();
    let sold = browser.post(&format!("{url}/"), &[]).await;
    assert_eq!(sold.status, 303);
    // As a browser does that opens a document of JSON.
    assert_eq!(browser.get(&format!("{url}/favicon.ico")).await.status, 404);
    let page = browser.get(&format!("{url}/")).await;
    for expected in
        ["Nordlicht Moebel", "healthy", "zoho.inventory.item.updated", "/v1/crm/deals", "Access token"]
    {
        assert!(page.text.replace("<wbr>", "").contains(expected), "{expected}");
    }
    assert!(!page.text.contains("favicon"), "nobody called it");
    let key = exports[1].split_once('=').unwrap().1;
    assert!(!page.text.contains(key), "the key is shown once, in the terminal");
    assert!(page.headers["content-security-policy"].starts_with("default-src 'none'"));

    a_real_server_is_set_up(&pasted(second)).await;
    assert_eq!(demo.interrupt().await, 0);
    assert!(!std::path::Path::new(report).exists(), "nothing is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_client_is_led_back_to_the_addresses_that_setup_proposes() {
    let mut demo = Running::start(&["demo", "--port", "0"], &[]);
    let lines = demo.until("Ctrl-C ends it").await;
    let client = lines.iter().find_map(|line| line.trim().strip_prefix("id ")).unwrap();
    let words: Vec<_> = client.split(", ").collect();
    let &[id, secret, _] = words.as_slice() else { panic!("{client}") };
    let zoho = lines.iter().find_map(|line| line.trim().strip_prefix("export ZOHO_CONNECTOR_SANDBOX_URL="));
    let variables = [("ZOHO_CONNECTOR_SANDBOX_URL", zoho.unwrap())];
    let folder = TempDir::new().unwrap();
    let data = folder.path().to_str().unwrap();
    let set = ["client", "set", "--id", id, "--data-centre", "us", "--data", data];
    let set = run(&set, &variables, secret.strip_prefix("secret ").unwrap()).await;
    assert_eq!(set.code, 0, "{set:?}");
    let url = variables[0].1.strip_suffix("/sandbox").unwrap();
    let refused = run(&["setup", "--data", data, "--public-url", url], &variables, "").await;
    let told = format!("the demo still runs at {url}");
    assert!(refused.code == 1 && refused.err.contains(&told), "{refused:?}");
    for address in ["http://localhost:8080", "http://localhost:8081"] {
        let connect = ["connect", "--paste", "--data", data, "--public-url", address];
        let mut connect = Running::start(&connect, &variables);
        let link = connect.until("http").await.pop().unwrap();
        let (link, browser) = (link.trim(), Browser::default());
        browser.get(link).await;
        let ended = browser.post(link, &[("decision", "accept")]).await;
        let led = ended.location.unwrap_or_default();
        assert!(led.starts_with(&format!("{address}/oauth/callback?")), "{}", ended.text);
        connect.kill().await;
    }
    assert_eq!(demo.interrupt().await, 0);
}

/// The commands that set a real `serve` up beside the demo, with a person who consents.
async fn a_real_server_is_set_up(lines: &[&str]) {
    let begin = lines.iter().position(|line| line.starts_with("export ")).unwrap();
    // Ends the server that stays in the background.
    let script = lines[begin..].join("\n") + "\nkill $!\nwait\n";
    let mut shell = Command::new("sh");
    let mut shell = shell.args(["-ec", &script]).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut out = BufReader::new(shell.stdout.take().unwrap()).lines();
    let (mut link, mut listens, mut seen) = (None, false, String::new());
    while let Some(line) = timeout(HANGS, out.next_line()).await.expect("it goes on").unwrap() {
        seen += &format!("{line}\n");
        listens |= line.starts_with("Listening on");
        if line.trim().starts_with("http") && line.contains("/oauth/start?link=") {
            link = Some(line.trim().to_owned());
        }
        if listens && let Some(link) = link.take() {
            let page = Browser::default().consent(&link).await;
            assert!(page.text.contains("<h1>Connected</h1>"), "{}", page.text);
        }
    }
    assert!(shell.wait().await.unwrap().success() || seen.contains("zck_"), "{seen}");
    assert!(seen.contains("✓ Connected") && seen.contains("zck_"), "{seen}");
}
