//! The demo, as a stranger runs it.

use std::process::Command;

use serde_json::Value;
use tests::browser::Browser;
use tests::process::Running;

#[tokio::test(flavor = "multi_thread")]
async fn the_pasted_commands_work_and_the_page_shows_what_happened() {
    let mut demo = Running::start(&["demo", "--port", "0"], &[]);
    let lines = demo.until("Ctrl-C ends it").await;
    assert!(lines.iter().filter(|line| line.starts_with('✓')).count() >= 4, "{lines:#?}");
    let exports: Vec<_> = lines.iter().filter(|line| line.trim().starts_with("export ")).collect();
    let url = exports[0].split_once('=').unwrap().1.to_owned();

    // Pasted into a shell, just as they stand.
    let paste = |command: &str| {
        let script = format!("{}\n{}\n{command}", exports[0], exports[1]);
        let done = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice::<Value>(&done.stdout).unwrap_or_else(|_| panic!("{command}: no JSON"))
    };
    let commands: Vec<_> = lines.iter().filter(|line| line.trim().starts_with("curl ")).collect();
    assert!(commands.len() >= 6, "{lines:#?}");
    let answers: Vec<_> = commands.iter().map(|command| (command.as_str(), paste(command))).collect();
    let answer = |part: &str| &answers.iter().find(|(command, _)| command.contains(part)).unwrap().1;
    assert_eq!(answer("/v1/status")["connections"][0]["state"], "healthy");
    assert!(answer("items?fields")["data"].as_array().unwrap().len() >= 5);
    assert_eq!(answer("items?sku=")["data"][0]["sku"], "SHELF-OAK-80");
    assert_eq!(answer("deals?per_page=3")["data"].as_array().unwrap().len(), 3);
    assert!(answer("/v1/crm/deals/")["Deal_Name"].is_string());
    assert_eq!(answer("/stock?delta=-1")["delivered"][0]["status"], 200);
    let readme = include_str!("../../README.md").lines().filter(|line| line.starts_with("curl "));
    let readme: Vec<_> = readme.map(paste).collect();
    assert_eq!((&readme[0]["data"][0]["sku"], readme.len()), (&"SHELF-OAK-80".into(), 2));
    assert_eq!(readme[1]["data"].as_array().unwrap().len(), 3);

    let browser = Browser::default();
    let sold = browser.post(&format!("{url}/"), &[]).await;
    assert_eq!(sold.status, 303);
    let page = browser.get(&format!("{url}/")).await;
    for expected in
        ["Nordlicht Moebel", "healthy", "zoho.inventory.item.updated", "/v1/crm/deals", "Access token"]
    {
        assert!(page.text.replace("<wbr>", "").contains(expected), "{expected}");
    }
    let key = exports[1].split_once('=').unwrap().1;
    assert!(!page.text.contains(key), "the key is shown once, in the terminal");
    assert!(page.headers["content-security-policy"].starts_with("default-src 'none'"));

    assert_eq!(demo.interrupt().await, 0);
}
