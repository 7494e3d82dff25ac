//! What is there already: a key, a connection.

use serde_json::Value;
use tempfile::TempDir;
use tests::connector::Connector;
use tests::process::{self, Running};

use super::{consents, first_answer};

/// Setup of a connector whose client is there, so that nothing is asked.
fn without_questions(connector: &Connector) -> [&str; 8] {
    let data = connector.folder().to_str().unwrap();
    ["setup", "--data", data, "--public-url", &connector.url, "--no-hook", "--changes", "none"]
}

/// A key that was made by hand is not taken for that of setup, and the parts for OpenClaw can be had nevertheless.
#[tokio::test]
async fn a_key_that_is_there_is_told_with_what_it_may_do() {
    let (connector, _) = Connector::connected().await;
    let home = TempDir::new().unwrap();
    let variables = connector.variables_at(&home);
    let setup = without_questions(&connector);
    let told = process::run(&setup, &variables, "").await;
    assert_eq!(told.code, 0, "{} {}", told.out, told.err);
    assert!(told.out.contains("(agent) is there, and may inventory:read,crm:read,events;"), "{}", told.out);
    let another = format!("`zoho-connector setup --new-key --data {}", connector.folder().display());
    assert!(told.out.contains(&another), "{}", told.out);
    assert!(!told.out.contains("zck_"), "{}", told.out);
    let narrow = process::run(&[&setup[..], &["--can", "crm:read"]].concat(), &variables, "").await;
    assert!(narrow.out.contains("`zoho-connector setup --new-key --can crm:read --data "), "{}", narrow.out);

    let new = process::run(&[&setup[..], &["--new-key"]].concat(), &variables, "").await;
    assert_eq!(new.code, 0, "{} {}", new.out, new.err);
    assert!(new.out.contains("openclaw.json") && new.out.contains("in the folder of the connector's source"));
    first_answer(&connector.url, &new.out).await;
    let again = process::run(&setup, &variables, "").await;
    assert!(again.out.contains("(openclaw) is there, and may "), "{}", again.out);
}

/// Setup would ask for a hook and for changes again, or take what is wanted of them for nothing.
#[tokio::test]
async fn what_was_declined_is_said_again_where_the_server_does_not_answer() {
    let (connector, _) = Connector::connected().await;
    let home = TempDir::new().unwrap();
    let data = connector.folder().to_str().unwrap();
    // By pasting, the server is waited for at the end alone.
    let setup = ["setup", "--data", data, "--public-url", "http://localhost:9", "--paste", "--wait", "1"];
    let declined = [&setup[..], &["--no-hook", "--changes", "none"]].concat();
    let ended = process::run(&declined, &connector.variables_at(&home), "").await;
    assert_eq!(ended.code, 1, "{} {}", ended.out, ended.err);
    let told = " --no-hook --changes none` again: it goes on here";
    assert!(ended.err.contains(told), "{} {}", ended.out, ended.err);
}

/// Without `--connection`, it is about the one that there is, whatever it is called. Of several, it is about none of these.
#[tokio::test]
async fn the_only_connection_is_the_one_that_is_meant() {
    let connector = Connector::start().await;
    connector.connect(&["--connection", "shop"]).await;
    let home = TempDir::new().unwrap();
    let variables = connector.variables_at(&home);
    let setup = without_questions(&connector);
    let told = process::run(&setup, &variables, "").await;
    assert_eq!(told.code, 0, "{} {}", told.out, told.err);
    let lines: Vec<_> = told.out.lines().collect();
    let about = "This is about shop, the only connection; --connection NAME makes another.";
    assert!(lines.contains(&about) && lines.contains(&"✓ shop is connected."), "{}", told.out);

    connector.connect(&["--connection", "depot"]).await;
    let serve = ["serve", "--listen", "0", "--beside-another"];
    let mut server = Running::start(&serve, &variables);
    let log = server.log();
    server.until("Store in").await;
    let mut another = Running::start(&setup, &variables);
    consents(&mut another).await;
    another.end().await;
    let listed = connector.run(&["connections", "--json"], "").await;
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["default", "depot", "shop"], "{listed}");
    // Who is to keep to those that are there is told of one of them.
    let warned = log.lock().unwrap().clone();
    let known = "know it: zoho-connector setup --name zoho --public-url http://localhost:";
    let command = warned.lines().find(|line| line.contains(known)).unwrap_or_else(|| panic!("{warned}"));
    assert!(command.trim_end().ends_with(" --connection depot"), "{command}");
    server.kill().await;
}
