//! Which store and which address it is about: a new address, another store, a sealed one, a stack of another region.

use tempfile::TempDir;
use tests::connector::{CLIENT_ID, CLIENT_SECRET, Connector, free_port};
use tests::deployed::Deployed;
use tests::gateway::TOKEN;
use tests::lambda::Cloud;
use tests::process::{self, Running};

use super::{Newcomer, consents, first_answer};
use crate::machine::RECIPIENT;

/// Zoho, agents and other senders still have the old one.
#[tokio::test]
async fn a_new_address_is_told_with_all_that_have_the_old_one() {
    let connector = Connector::start().await;
    connector.connect(&[]).await;
    let watch = ["webhooks", "setup", "--crm", "Deals", "--inventory", "none", "--wait", "0"];
    for command in [&watch[..], &["webhooks", "rotate", "--source", "custom"]] {
        let ended = connector.run(command, "").await;
        assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    }
    let home = TempDir::new().unwrap();
    let variables = connector.variables_at(&home);
    let (data, old) = (connector.folder().to_str().unwrap(), connector.url.as_str());
    let add = ["installations", "add", "shop", "--data", data, "--public-url", old];
    let added = process::run(&add, &variables, "").await;
    assert_eq!(added.code, 0, "{} {}", added.out, added.err);

    // Another's is refused, and not remembered: the next time, it would be the old one.
    let (other, listen) = (home.path().join("other"), format!("127.0.0.1:{}", free_port()));
    let serve = ["serve", "--data", other.to_str().unwrap(), "--listen", &listen];
    let mut stranger = Running::start(&serve, &variables);
    stranger.until("Store in").await;
    let strangers = format!("http://{listen}");
    let setup = ["setup", "--name", "shop", "--no-hook", "--public-url", &strangers];
    let refused = process::run(&setup, &variables, "").await;
    assert!(refused.code == 1 && refused.err.contains("another store"), "{} {}", refused.out, refused.err);
    stranger.kill().await;

    let (server, new) = connector.second_server().await;
    let setup = ["setup", "--name", "shop", "--no-hook", "--public-url", &new];
    let moved = process::run(&setup, &variables, "").await;
    let told = format!("The address was {old}, and is {new} from now on");
    assert!(moved.out.contains(&told), "{} {}", moved.out, moved.err);
    for copied in [format!("{new}/oauth/callback"), format!("{new}/webhooks/default/custom/EVENT")] {
        assert!(moved.out.lines().any(|line| line.trim() == copied), "{copied}: {}", moved.out);
    }
    let kept = format!(
        "The connector that runs keeps the old one: end it, and start it with --public-url {new} --listen {}.",
        new.trim_start_matches("http://")
    );
    for named in ["https://api-console.zoho.com", CLIENT_ID, "webhooks setup --connection default", &kept] {
        assert!(moved.out.contains(named), "{named}: {}", moved.out);
    }
    let channel = format!("✗ Zoho CRM tells of changes of default at {old}/webhooks/default/crm");
    assert!(moved.out.contains(&channel), "{} {}", moved.out, moved.err);

    // It is told once, but for what goes on.
    let again = process::run(&["setup", "--no-hook"], &variables, "").await;
    assert!(!again.out.contains("The address was") && again.out.contains(&channel), "{}", again.out);
    server.kill().await;
}

#[tokio::test]
async fn a_store_that_is_refused_is_not_remembered() {
    let newcomer = Newcomer::arrives().await;
    let (folder, variables) = (newcomer.folder.as_str(), newcomer.variables());
    let hook = ["agent", "set", "--url", "https://gateway.example.com/hooks/agent", "--no-test"];
    let made = process::run(&[&hook[..], &["--data", folder]].concat(), &variables, TOKEN).await;
    assert_eq!(made.code, 0, "{} {}", made.out, made.err);
    let file = newcomer.home.path().join("move.age").to_str().unwrap().to_owned();
    let export = ["move", "export", &file, "--recipient", RECIPIENT, "--yes", "--data", folder];
    let sealed = process::run(&export, &variables, "").await;
    assert_eq!(sealed.code, 0, "{} {}", sealed.out, sealed.err);

    let refused = process::run(&["setup", "--data", folder], &variables, "").await;
    assert!(refused.code == 1 && refused.err.contains("sealed"), "{} {}", refused.out, refused.err);
    let listed = process::run(&["installations", "list", "--json"], &variables, "").await;
    assert!(listed.code == 0 && !listed.out.contains(folder), "{} {}", listed.out, listed.err);
}

/// Nobody is sent to consent where another connector answers, like a demo that still runs.
#[tokio::test]
async fn a_connector_with_another_store_is_told_before_the_consent() {
    let newcomer = Newcomer::arrives().await;
    let other = newcomer.home.path().join("other").to_str().unwrap().to_owned();
    let line = format!(
        "zoho-connector serve --data {other} --listen {}",
        newcomer.url.trim_start_matches("http://")
    );
    let server = newcomer.serves(&line).await;
    let args = ["setup", "--data", &newcomer.folder, "--public-url", &newcomer.url, "--client-id", CLIENT_ID];
    let ended = process::run(&args, &newcomer.variables(), &format!("{CLIENT_SECRET}\n")).await;
    assert_eq!(ended.code, 1, "{} {}", ended.out, ended.err);
    assert!(ended.err.contains("another store") && !ended.err.contains("demo"), "{}", ended.err);
    for later in ["API console", "oauth/start", "remembered in"] {
        assert!(!ended.out.contains(later), "{later}: {}", ended.out);
    }
    let listed = process::run(&["installations", "list", "--json"], &newcomer.variables(), "").await;
    assert_eq!((listed.code, listed.out.trim()), (0, "[]"), "what was refused is not remembered");

    let client =
        ["client", "set", "--data", &newcomer.folder, "--public-url", &newcomer.url, "--id", CLIENT_ID];
    let set = process::run(&client, &newcomer.variables(), &format!("{CLIENT_SECRET}\n")).await;
    assert_eq!(set.code, 0, "{set:?}");
    let link = ["connect", "--no-wait", "--data", &newcomer.folder, "--public-url", &newcomer.url];
    let warned = process::run(&link, &newcomer.variables(), "").await;
    assert!(warned.code == 0 && warned.err.contains("another store"), "{} {}", warned.out, warned.err);
    server.kill().await;
}

/// Several regions can have a stack of one name. A variable alone does not say that another one is meant.
#[tokio::test]
async fn a_stack_in_another_region_is_named_with_its_region() {
    let home = TempDir::new().unwrap();
    let variables = [("XDG_CONFIG_HOME", home.path().to_str().unwrap()), ("AWS_REGION", "us-east-1")];
    let place = ["--stack", "zoho-connector", "--public-url", "https://connector.example.com"];
    let add = [&["installations", "add", "first"][..], &place, &["--region", "eu-central-1"]].concat();
    let added = process::run(&add, &variables, "").await;
    assert_eq!(added.code, 0, "{} {}", added.out, added.err);
    for (name, leave) in [(&["--name", "other"][..], ", and leave --name other out"), (&[], "")] {
        let refused = process::run(&[&["setup"][..], name, &place].concat(), &variables, "").await;
        let told = format!(
            "first is remembered already, for stack zoho-connector in eu-central-1, and AWS_REGION says us-east-1: where the stack in us-east-1 \
             is another one, say --region us-east-1; where the one in eu-central-1 is meant, say --region eu-central-1{leave}\n"
        );
        assert!(refused.code == 2 && refused.err.ends_with(&told), "{} {}", refused.out, refused.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_stack_it_is_the_same() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    let (connector, home) = (&deployed.connector, TempDir::new().unwrap());
    let variables = connector.variables_at(&home);
    let place = ["setup", "--stack", &deployed.names().stack, "--public-url", &connector.url];
    let answers = ["--access", "write", "--no-hook", "--changes", "none"];
    let mut setup = Running::start(&[&place[..], &answers].concat(), &variables);
    consents(&mut setup).await;
    let ended = setup.end().await;
    assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    assert!(ended.out.contains("All is well"), "{}", ended.out);
    first_answer(&connector.url, &ended.out).await;
    let keys = process::run(&["keys", "list"], &variables, "").await;
    assert!(keys.code == 0 && keys.out.contains("openclaw"), "it is remembered: {} {}", keys.out, keys.err);
}
