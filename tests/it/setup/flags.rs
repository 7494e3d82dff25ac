//! By flags: which answers it needs, and what it says of those that are missing or cannot be had.

use serde_json::Value;
use shared::zoho::crm::channel;
use shared::zoho::scope::{Access, Product, ScopeSet};
use tempfile::TempDir;
use tests::browser::Browser;
use tests::connector::{CLIENT_ID, CLIENT_SECRET, Connector};
use tests::gateway::{Gateway, TOKEN};
use tests::process::{self, Running};

use super::{Newcomer, consents, first_answer};

/// The document that begins with this line, as it is shown.
fn document(shown: &str, first: &str) -> Value {
    let lines = shown.lines().skip_while(|line| line.trim_end() != first);
    let mut text = String::new();
    for line in lines {
        text += line;
        if line.trim_end() == "  }" {
            break;
        }
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn by_flags_it_needs_no_question() {
    let newcomer = Newcomer::arrives().await;
    let gateway = Gateway::start().await;
    let (folder, url) = (newcomer.folder.as_str(), newcomer.url.as_str());
    let place = ["setup", "--name", "shop", "--data", folder, "--public-url", url];
    let answers =
        ["--client-id", CLIENT_ID, "--access", "write", "--hook", &gateway.url, "--changes", "polling"];
    let mut setup = Running::start(&[&place[..], &answers].concat(), &newcomer.variables());
    setup.type_line(CLIENT_SECRET).await;
    setup.type_line(TOKEN).await;
    let lines = setup.until("zoho-connector serve").await;
    let redirect_uri = format!("{url}/oauth/callback");
    assert!(lines.iter().any(|line| line.trim() == redirect_uri), "to be copied: {lines:#?}");
    assert!(lines.iter().any(|line| line.contains("api-console.zoho.com")), "{lines:#?}");
    let server = newcomer.serves(lines.last().unwrap()).await;
    consents(&mut setup).await;
    let ended = setup.end().await;
    assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    assert!(ended.out.contains("All is well") && ended.out.contains("Set up."), "{}", ended.out);
    assert!(!ended.out.contains(CLIENT_SECRET) && !ended.out.contains(TOKEN), "{}", ended.out);
    let snippet = document(&ended.out, "  {");
    let skill = &snippet["skills"]["entries"]["zoho-connector"];
    assert_eq!(skill["env"]["ZOHO_CONNECTOR_URL"], url);
    let deals = first_answer(url, &ended.out).await;
    assert!(!deals["data"].as_array().unwrap().is_empty(), "{deals}");

    let place = ["setup", "--hook", &gateway.url];
    let wrong = process::run(&place, &newcomer.variables(), "wrong\n").await;
    assert!(wrong.code == 1 && wrong.err.contains("Nothing was stored"), "{} {}", wrong.out, wrong.err);

    // Again: nothing is asked and nothing made, and it is found by what is remembered.
    let again = process::run(&["setup"], &newcomer.variables(), "").await;
    assert_eq!(again.code, 0, "{} {}", again.out, again.err);
    assert!(again.out.contains("default is connected") && !again.out.contains("zck_"), "{}", again.out);
    assert!(again.out.contains("✓ The agent is told at"), "the hook is tried, and as it was: {}", again.out);
    let keys = process::run(&["keys", "list", "--json"], &newcomer.variables(), "").await;
    let keys: Value = serde_json::from_str(&keys.out).unwrap();
    assert_eq!(keys.as_array().unwrap().len(), 1, "{keys}");
    let more =
        process::run(&["setup", "--scopes", "ZohoInventory.settings.ALL"], &newcomer.variables(), "").await;
    let told = "does not hold all that is asked for here: `zoho-connector connect --connection default --scopes Zoho";
    assert!(more.code == 0 && more.out.contains(told), "{} {}", more.out, more.err);
    assert!(!again.out.contains("does not hold all"), "{}", again.out);
    let link = process::run(&["connect", "--no-wait"], &newcomer.variables(), "").await;
    assert!(link.code == 0 && !link.err.contains("another store"), "{} {}", link.out, link.err);
    assert!(!newcomer.connector.secret_strayed());
    server.kill().await;
}

/// The consent does not hold what Zoho's settings need, so that Inventory's webhooks are a person's work.
#[tokio::test]
async fn changes_that_could_not_be_set_up_are_left_to_a_person() {
    let newcomer = Newcomer::arrives().await;
    let place = ["setup", "--data", &newcomer.folder, "--public-url", &newcomer.url];
    let answers = ["--client-id", CLIENT_ID, "--access", "write", "--no-hook", "--changes", "webhooks"];
    let mut setup = Running::start(&[&place[..], &answers].concat(), &newcomer.variables());
    setup.type_line(CLIENT_SECRET).await;
    let lines = setup.until("zoho-connector serve").await;
    let server = newcomer.serves(lines.last().unwrap()).await;
    consents(&mut setup).await;
    let ended = setup.end().await;
    assert_eq!(ended.code, 3, "{} {}", ended.out, ended.err);
    assert!(ended.out.contains("All is well"), "the rest is set up: {}", ended.out);
    assert!(ended.err.contains("Set up, but for the changes in Zoho"), "{}", ended.err);
    server.kill().await;
}

/// Nothing is made for a consent that cannot be asked for, and no secret is read.
#[tokio::test]
async fn flags_that_contradict_each_other_are_refused_before_anything_is_done() {
    let newcomer = Newcomer::arrives().await;
    let place = ["setup", "--data", &newcomer.folder, "--public-url", &newcomer.url];
    let answers = ["--client-id", CLIENT_ID, "--products", "crm", "--access", "stock", "--wait", "1"];
    let ended = process::run(&[&place[..], &answers].concat(), &newcomer.variables(), CLIENT_SECRET).await;
    assert!(ended.code == 2 && ended.err.contains("--products inventory,crm"), "{ended:?}");
    assert!(ended.out.is_empty() && !std::path::Path::new(&newcomer.folder).exists(), "{ended:?}");
}

#[tokio::test]
async fn a_missing_answer_is_told_by_its_flag() {
    let newcomer = Newcomer::arrives().await;
    let place = ["setup", "--data", &newcomer.folder, "--public-url", &newcomer.url];
    let ended = process::run(&place, &newcomer.variables(), "").await;
    assert_eq!(ended.code, 2, "{} {}", ended.out, ended.err);
    assert!(ended.err.contains("--client-id"), "{}", ended.err);

    let wrong = [&place[..], &["--client-id", CLIENT_ID, "--can", "crm:read", "--wait", "1"]].concat();
    let ended = process::run(&wrong, &newcomer.variables(), "wrong\n").await;
    assert_eq!(ended.code, 1, "{} {}", ended.out, ended.err);
    assert!(ended.out.contains("the secret is wrong"), "{}", ended.out);
    let ended = process::run(&wrong, &newcomer.variables(), "two words\n").await;
    assert!(ended.code == 1 && ended.err.contains("a space"), "{} {}", ended.out, ended.err);
    let ended = process::run(&wrong, &newcomer.variables(), &format!("\u{feff}{CLIENT_SECRET}\n")).await;
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("zoho-connector serve"), "it waits for the server: {}", ended.out);
    // With the rights that the key shall have: without them, it would be given more.
    assert!(ended.err.contains(" --can crm:read` again: it goes on here"), "{}", ended.err);
    assert!(ended.err.contains("zoho-connector setup --wait 1 "), "as long as before: {}", ended.err);
}

/// All else is well, and the changes that were wanted are left to a person.
#[tokio::test]
async fn changes_that_cannot_be_had_are_left_to_do() {
    let connector = Connector::start().await;
    let all = ScopeSet::of(&Product::ALL, Access::Read);
    let scopes: Vec<_> = all.iter().filter(|scope| *scope != channel::SCOPE).collect();
    connector.connect(&["--scopes", &scopes.join(",")]).await;
    let home = TempDir::new().unwrap();
    let mut variables = connector.variables();
    variables.push(("XDG_CONFIG_HOME", home.path().to_str().unwrap()));
    let data = connector.folder().to_str().unwrap();
    let setup = ["setup", "--data", data, "--public-url", &connector.url, "--no-hook"];
    let refused = process::run(&[&setup[..], &["--changes", "webhooks"]].concat(), &variables, "").await;
    assert_eq!(refused.code, 3, "{} {}", refused.out, refused.err);
    assert!(refused.out.contains("✗ the consent of default does not hold"), "{}", refused.out);
    assert!(refused.out.contains("All is well"), "{}", refused.out);
    assert!(refused.err.contains("Set up, but for the changes in Zoho"), "{}", refused.err);

    let without = process::run(&[&setup[..], &["--changes", "none"]].concat(), &variables, "").await;
    assert!(without.code == 0 && without.out.contains("Set up. "), "{} {}", without.out, without.err);
}

#[tokio::test]
async fn without_a_reachable_address_the_browsers_address_is_pasted() {
    let newcomer = Newcomer::arrives().await;
    let place = ["setup", "--data", &newcomer.folder, "--public-url", &newcomer.url];
    let answers = ["--client-id", CLIENT_ID, "--paste", "--no-hook", "--changes", "none"];
    let mut setup = Running::start(&[&place[..], &answers].concat(), &newcomer.variables());
    setup.type_line(CLIENT_SECRET).await;
    setup.until("Open this link of Zoho").await;
    let lines = setup.until("http").await;
    let (zoho, browser) = (lines.last().unwrap().trim(), Browser::default());
    browser.get(zoho).await;
    let address = browser.post(zoho, &[("decision", "accept")]).await.location.unwrap();
    setup.type_line(&address).await;
    let lines = setup.until("zoho-connector serve").await;
    let server = newcomer.serves(lines.last().unwrap()).await;
    let ended = setup.end().await;
    assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    first_answer(&newcomer.url, &lines.join("\n")).await;
    server.kill().await;
}
