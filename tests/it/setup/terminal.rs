//! At a terminal: it asks, goes on where it was interrupted, and asks nothing twice.

use serde_json::Value;
use tests::connector::{CLIENT_ID, CLIENT_SECRET};
use tests::gateway::{Gateway, TOKEN};
use tests::process::{self, Running};

use super::{Newcomer, consents, first_answer};

/// At a terminal, interrupted at each of its questions and waits.
#[tokio::test]
async fn at_a_terminal_it_goes_on_where_it_stopped() {
    let newcomer = Newcomer::arrives().await;
    // The end of the input is no answer, and not the usual one either.
    let mut setup = newcomer.at_a_terminal();
    setup.until("Its number").await;
    setup.type_line("\u{4}").await;
    let ended = setup.end().await;
    assert!(ended.code == 1 && ended.out.contains("nothing was answered"), "{ended:?}");
    assert!(!ended.out.contains("remembered in"), "{}", ended.out);

    let mut setup = newcomer.at_a_terminal();
    setup.until("Its number").await;
    setup.type_line("1").await;
    setup.until("Folder for its store").await;
    setup.type_line(&newcomer.folder).await;
    setup.until("Its address").await;
    setup.type_line("http://connector.example.com").await;
    setup.until("That cannot be used").await;
    setup.until("Its address").await;
    setup.type_line(&newcomer.url).await;
    setup.until("✓ zoho is").await;
    setup.kill().await;

    let mut setup = newcomer.at_a_terminal();
    setup.until("Your Zoho's data centre").await;
    setup.type_line("us").await;
    // The id of before is proposed.
    for (id, secret) in [(CLIENT_ID, "wrong"), ("", CLIENT_SECRET)] {
        setup.until("Client ID").await;
        setup.type_line(id).await;
        setup.until("Client Secret").await;
        setup.type_line(secret).await;
    }
    setup.until("✓ Client").await;
    setup.kill().await;

    let mut setup = newcomer.at_a_terminal();
    let lines = setup.until("zoho-connector serve").await;
    assert!(!lines.iter().any(|line| line.contains("Client ID")), "{lines:#?}");
    let server = newcomer.serves(lines.last().unwrap()).await;
    setup.until("✓ It runs").await;
    setup.until("Its number").await;
    setup.type_line("3").await;
    setup.until("http").await;
    setup.press("\u{3}").await;
    let ended = setup.end().await;
    let how = "the client. `zoho-connector setup --access write` goes on from there.";
    assert!(ended.code == 130 && ended.out.contains(how), "{ended:?}");

    let mut setup = Running::at_a_terminal(&["setup", "--access", "write"], &newcomer.variables());
    let lines = consents(&mut setup).await;
    assert!(!lines.iter().any(|line| line.contains("Its number")), "it is not asked again: {lines:#?}");
    let shown = setup.until("Hook of the agent's gateway").await.join("\n");
    setup.kill().await;
    first_answer(&newcomer.url, &shown).await;

    let mut setup = newcomer.at_a_terminal();
    let lines = setup.until("Hook of the agent's gateway").await;
    assert!(lines.iter().any(|line| line.contains("✓ The key")), "{lines:#?}");
    let gateway = Gateway::start().await;
    setup.type_line(&gateway.url).await;
    for token in ["wrong", TOKEN] {
        setup.until("Token of the gateway's hooks").await;
        setup.type_line(token).await;
    }
    setup.until("✓ The agent is told at").await;
    setup.until("Its number").await;
    setup.type_line("2").await;
    let ended = setup.end().await;
    assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    assert!(ended.out.contains("All is well"), "{}", ended.out);
    server.kill().await;
}

/// At a question, at one for a secret, and where nothing is asked.
#[tokio::test]
async fn ctrl_c_says_what_is_kept_and_which_command_goes_on() {
    let newcomer = Newcomer::arrives().await;
    let interrupted = async |mut setup: Running, told: &str| {
        setup.press("\u{3}").await;
        let ended = setup.end().await;
        assert_eq!(ended.code, 130, "{ended:?}");
        assert!(ended.out.lines().any(|line| line == told), "{told}: {ended:?}");
        assert!(!ended.out.contains("cannot be used"), "it is no answer: {ended:?}");
        assert!(!ended.out.contains("left without an echo"), "{ended:?}");
    };
    // Setup asks neither for the name of the connection nor for its products.
    let args = ["setup", "--connection", "shop", "--products", "crm"];
    let mut setup = Running::at_a_terminal(&args, &newcomer.variables());
    setup.until("Its number").await;
    let told = "Interrupted: nothing was made yet. `zoho-connector setup --connection shop --products crm` begins anew.";
    interrupted(setup, told).await;

    let answers = [
        ("Its number", "1"),
        ("Folder for its store", newcomer.folder.as_str()),
        ("Its address", newcomer.url.as_str()),
        ("Your Zoho's data centre", "us"),
        ("Client ID", CLIENT_ID),
    ];
    let mut setup = newcomer.at_a_terminal();
    for (question, answer) in answers {
        setup.until(question).await;
        setup.type_line(answer).await;
    }
    setup.until("Client Secret").await;
    let told = "Interrupted. Kept: the store, its name and place. `zoho-connector setup` goes on from there.";
    interrupted(setup, told).await;

    let mut setup = newcomer.at_a_terminal();
    let lines = setup.until("Your Zoho's data centre").await;
    let about = format!("This is about zoho, {}; --name NAME sets up another.", newcomer.folder);
    assert!(lines.iter().any(|line| line.contains(&about)), "{about}: {lines:#?}");
    setup.kill().await;

    let mut setup = newcomer.at_a_terminal();
    for (question, answer) in
        [("Your Zoho's data centre", "us"), ("Client ID", CLIENT_ID), ("Client Secret", CLIENT_SECRET)]
    {
        setup.until(question).await;
        setup.type_line(answer).await;
    }
    setup.until("Waiting for it").await;
    let told = "Interrupted. Kept: the store, its name and place, the client. `zoho-connector setup` goes on from there.";
    interrupted(setup, told).await;
}

/// Whoever names the folder is still asked for the address, and whoever names both for neither.
#[tokio::test]
async fn what_no_flag_says_is_asked_for() {
    let newcomer = Newcomer::arrives().await;
    let (folder, url, variables) = (newcomer.folder.as_str(), newcomer.url.as_str(), newcomer.variables());
    let mut setup = Running::at_a_terminal(&["setup", "--data", folder], &variables);
    let lines = setup.until("Its address").await;
    let how = format!("Ctrl-C ends this at any time; `zoho-connector setup --data {folder}` goes on");
    assert!(lines.iter().any(|line| line.starts_with(&how)), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("Folder for its store")), "{lines:#?}");
    setup.type_line(url).await;
    setup.until("Your Zoho's data centre").await;
    setup.kill().await;
    let listed = process::run(&["installations", "list", "--json"], &variables, "").await;
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!((&listed[0]["data"], &listed[0]["public_url"]), (&folder.into(), &url.into()), "{listed}");

    // It is remembered, and the folder has one name.
    let mut again = Running::at_a_terminal(&["setup", "--data", folder], &variables);
    let lines = again.until("Your Zoho's data centre").await;
    assert!(!lines.iter().any(|line| line.contains("Its address")), "{lines:#?}");
    again.kill().await;
    let renamed = process::run(&["setup", "--name", "other", "--data", folder], &variables, "").await;
    assert!(renamed.code == 2 && renamed.err.contains("already, as zoho"), "{renamed:?}");

    let other = newcomer.home.path().join("other").to_str().unwrap().to_owned();
    let named = ["setup", "--name", "other", "--data", &other, "--public-url", url];
    let mut setup = Running::at_a_terminal(&named, &variables);
    let lines = setup.until("Your Zoho's data centre").await;
    assert!(!lines.iter().any(|line| line.contains("Its address")), "{lines:#?}");
    let how = format!("Ctrl-C ends this at any time; `zoho-connector setup --name other --data {other} ");
    assert!(lines.iter().any(|line| line.starts_with(&how)), "{lines:#?}");
    setup.kill().await;
}

#[tokio::test]
async fn a_file_in_the_folders_place_is_told_before_anything_else_is_asked() {
    let newcomer = Newcomer::arrives().await;
    let file = newcomer.home.path().join("afile").to_str().unwrap().to_owned();
    std::fs::write(&file, "").unwrap();
    let told = format!("{file} is a file, and no folder");
    let setup = Running::at_a_terminal(&["setup", "--data", &file], &newcomer.variables());
    let ended = setup.end().await;
    assert!(ended.code == 2 && ended.out.contains(&told), "{ended:?}");
    assert!(!ended.out.contains("Its address"), "{ended:?}");

    let mut setup = newcomer.at_a_terminal();
    setup.until("Its number").await;
    setup.type_line("1").await;
    for _ in 0..2 {
        setup.until("Folder for its store").await;
        setup.type_line(&file).await;
        let lines = setup.until("That cannot be used").await;
        assert!(lines.last().unwrap().contains(&told), "{lines:#?}");
    }
    setup.kill().await;
}

/// A second shell may be in any folder, and nothing has to be said to what is remembered.
#[tokio::test]
async fn what_was_asked_for_needs_no_flags_from_then_on() {
    let newcomer = Newcomer::arrives().await;
    let mut setup = newcomer.at_a_terminal();
    let (folder, url) = (newcomer.folder.as_str(), newcomer.url.as_str());
    let answers = [
        ("Its number", "1"),
        ("Folder for its store", folder),
        ("Its address", url),
        ("Your Zoho's data centre", "us"),
        ("Client ID", CLIENT_ID),
        ("Client Secret", CLIENT_SECRET),
    ];
    for (question, answer) in answers {
        setup.until(question).await;
        setup.type_line(answer).await;
    }
    let line = setup.until("zoho-connector serve").await.pop().unwrap();
    let listen = url.trim_start_matches("http://");
    assert_eq!(line.trim(), format!("zoho-connector serve --listen {listen}"));
    setup.kill().await;
}
