//! The operator's commands, as typed.

use tests::connector::{CLIENT_ID, Connector};
use tests::process::{Running, run};

#[tokio::test]
async fn a_broken_setting_is_named_in_one_line_and_ends_with_2() {
    for (variable, value) in [
        ("ZOHO_CONNECTOR_PUBLIC_URL", "connector.example.com"),
        ("ZOHO_CONNECTOR_PUBLIC_URL", "https://connector.example.com/sub/path"),
        ("ZOHO_CONNECTOR_SANDBOX_URL", "http://203.0.113.7/sandbox"),
        ("ZOHO_CONNECTOR_DATA", ""),
        ("ZOHO_CONNECTOR_LOG", "shared=loudly"),
    ] {
        let ended = run(&["serve", "--listen", "127.0.0.1:0"], &[(variable, value)], "").await;
        assert_eq!(ended.code, 2, "{variable}={value}: {}", ended.err);
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
        assert!(
            ended.err.starts_with(&format!("{variable} is ")) && ended.err.contains("must be"),
            "{}",
            ended.err
        );
        assert_eq!(ended.out, "");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_told_with_the_way_out() {
    let connector = Connector::start().await;
    let listen = connector.url.trim_start_matches("http://").to_owned();
    let ended = connector.run(&["serve", "--listen", &listen], "").await;
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains(&listen) && ended.err.contains("--listen"), "{}", ended.err);
}

/// Whoever breaks off a question for a secret sees again what they type.
#[tokio::test]
async fn ctrl_c_at_a_secret_leaves_the_terminal_as_it_was() {
    let connector = Connector::start().await;
    let data = connector.folder().to_str().unwrap();
    let copies = tempfile::TempDir::new().unwrap();
    let copy = copies.path().join("copy.age").to_str().unwrap().to_owned();
    let hook = "https://gateway.example.com/hooks/agent";
    for (args, question) in [
        (["client", "set", "--id", CLIENT_ID, "--data", data].as_slice(), "Client secret"),
        (&["agent", "set", "--url", hook, "--no-test", "--data", data], "Token of the gateway's hooks"),
        (&["backup", &copy, "--passphrase", "--data", data], "Passphrase of the copy"),
    ] {
        let mut command = Running::at_a_terminal(args, &connector.variables());
        command.until(question).await;
        command.press("\u{3}").await;
        let ended = command.end().await;
        assert_ne!(ended.code, 0, "{args:?}: {ended:?}");
        assert!(!ended.out.contains("left without an echo"), "{args:?}: {ended:?}");
    }
}

/// The same for whoever ends the command from elsewhere.
#[tokio::test]
async fn a_signal_at_a_secret_leaves_the_terminal_as_it_was() {
    let connector = Connector::start().await;
    let data = connector.folder().to_str().unwrap();
    let copies = tempfile::TempDir::new().unwrap();
    let copy = copies.path().join("copy.age").to_str().unwrap().to_owned();
    for (args, question) in [
        (["client", "set", "--id", CLIENT_ID, "--data", data].as_slice(), "Client secret"),
        (&["backup", &copy, "--passphrase", "--data", data], "Passphrase of the copy"),
    ] {
        for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
            let mut command = Running::at_a_terminal(args, &connector.variables());
            command.until(question).await;
            command.send(signal);
            let ended = command.end().await;
            assert_eq!(ended.code, code, "{args:?} {signal}: {ended:?}");
            assert!(!ended.out.contains("left without an echo"), "{args:?} {signal}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn connecting_without_a_client_says_what_to_do_first() {
    let folder = tempfile::TempDir::new().unwrap();
    let ended = run(&["connect", "--data", folder.path().to_str().unwrap()], &[], "").await;
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("zoho-connector setup --data"), "{}", ended.err);
}

#[tokio::test]
async fn words_that_are_none_are_refused_with_those_that_are() {
    for (args, expected) in [
        (["connect", "--products", "books"].as_slice(), "inventory, crm"),
        (&["connect", "--access", "all"], "read, stock, write"),
        (&["connect", "--connection", "a/b"], "a-z, 0-9"),
        (&["keys", "create", "--can", "crm:stock"], "crm:read"),
        (&["client", "set", "--id", "1000.ABC", "--data-centre", "mars"], "us, eu"),
    ] {
        let ended = run(args, &[], "").await;
        assert_eq!(ended.code, 2, "{args:?}");
        assert!(ended.err.contains(expected), "{args:?}: {}", ended.err);
    }
    let connector = Connector::start().await;
    let ended = connector.run(&["connect", "--scopes", "AaaServer.profile.READ"], "").await;
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("ZohoInventory"), "{}", ended.err);
    let ended = connector.run(&["connect", "--products", "crm", "--access", "stock", "--no-wait"], "").await;
    assert_eq!(ended.code, 2, "{} {}", ended.out, ended.err);
    assert!(ended.err.contains("--access write"), "{}", ended.err);
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked() {
    let (connector, agent) = Connector::connected().await;
    agent.get("/v1/status").await.ok();
    let list = connector.run(&["keys", "list"], "").await.out;
    let id = agent.key.split('_').nth(1).unwrap();
    assert!(list.contains(id) && list.contains("inventory:read,crm:read,events"), "{list}");
    assert!(!list.contains(agent.key.split('_').nth(2).unwrap()), "the secret part is stored nowhere");

    let revoked = connector.run(&["keys", "revoke", &agent.key, "--yes"], "").await;
    assert_eq!(revoked.code, 0, "{}", revoked.err);
    assert_eq!(connector.run(&["keys", "list"], "").await.out.matches(id).count(), 0);
    let again = connector.run(&["keys", "revoke", id, "--yes"], "").await;
    assert_eq!(again.code, 1);
    assert!(again.err.contains("keys list"), "{}", again.err);
}

#[tokio::test]
async fn disconnecting_ends_the_grant_here_and_there_and_connecting_again_works_at_once() {
    let (connector, agent) = Connector::connected().await;
    agent.get("/v1/crm/deals").await.ok();
    let ended = connector.run(&["disconnect", "--yes"], "").await;
    assert!(ended.out.contains("here and at Zoho"), "{} {}", ended.out, ended.err);
    let revoked =
        connector.zoho.sandbox.requests().iter().any(|request| request.path.ends_with("/token/revoke"));
    assert!(revoked);
    assert_eq!(agent.get("/v1/status").await.ok()["connections"][0]["state"], "not_connected");
    assert_eq!(connector.run(&["disconnect", "--yes"], "").await.code, 1);

    connector.connect(&[]).await;
    agent.get("/v1/crm/deals").await.ok();
}

#[tokio::test]
async fn uninstalling_tells_of_an_earlier_grant_that_lives_on() {
    let (connector, _) = Connector::connected().await;
    for address in ["/token/revoke", "/revoke/token"] {
        let kind = sandbox::FaultKind::Status(503);
        connector.zoho.sandbox.inject(sandbox::Fault { path_contains: address.to_owned(), times: 1, kind });
    }
    connector.connect(&[]).await;
    let other = ["client", "set", "--id", "1000.OTHER", "--data-centre", "eu"];
    assert_eq!(connector.run(&other, "another-secret").await.code, 0);
    let ended = connector.run(&["uninstall", "--yes"], "").await;
    assert_eq!(ended.code, 3, "{} {}", ended.out, ended.err);
    assert!(ended.out.contains("default is disconnected, here and at Zoho"), "{}", ended.out);
    assert!(
        ended.out.contains("✓ 1 key is revoked") && ended.out.contains("delete the folder"),
        "{}",
        ended.out
    );
    let consoles = "the client in https://api-console.zoho.com, https://api-console.zoho.eu if";
    assert!(ended.out.contains(consoles), "{}", ended.out);
    let keys = connector.run(&["keys", "list"], "").await;
    assert!(keys.out.contains("No keys."), "what was listed as lost is: {keys:?}");
    for part in ["an earlier or unfinished consent of default", "Connected Apps"] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
}

#[tokio::test]
async fn the_server_ends_cleanly_and_starts_again_with_everything_it_knew() {
    let (mut connector, agent) = Connector::connected().await;
    agent.get("/v1/crm/deals").await.ok();
    assert_eq!(connector.interrupt().await, 0);
    connector.boot().await;
    let before = connector.token_calls();
    agent.get("/v1/crm/deals").await.ok();
    assert_eq!(connector.token_calls(), before, "the stored token is used");
}

#[tokio::test]
async fn a_command_in_the_wrong_folder_makes_no_second_store() {
    let folder = tempfile::TempDir::new().unwrap();
    let data = folder.path().join("data");
    for args in [
        ["keys", "create"].as_slice(),
        &["keys", "list"],
        &["connect"],
        &["disconnect"],
        &["webhooks", "rotate"],
    ] {
        let ended = run(&[args, &["--data", data.to_str().unwrap()]].concat(), &[], "").await;
        assert_eq!(ended.code, 1, "{args:?}");
        assert!(ended.err.contains("no store in") && ended.err.contains("--data"), "{}", ended.err);
    }
    assert!(!data.exists());
}

#[tokio::test]
async fn a_secret_of_one_data_centre_leaves_the_others_alone() {
    let (connector, agent) = Connector::connected().await;
    let id = tests::connector::CLIENT_ID;
    let unknown = connector.run(&["client", "set", "--id", "1000.OTHER", "--only-for", "in"], "x").await;
    assert_eq!(unknown.code, 1, "{}", unknown.out);
    assert_eq!(connector.run(&["client", "set", "--id", id, "--only-for", "in"], "indian").await.code, 0);
    connector.zoho.sandbox.expire_access_tokens();
    agent.get("/v1/crm/deals").await.ok();
    assert_eq!(connector.run(&["client", "set", "--id", id, "--only-for", "eu"], "wrong").await.code, 0);
    connector.zoho.sandbox.expire_access_tokens();
    agent.get("/v1/crm/deals").await.problem("connection_misconfigured");
}
