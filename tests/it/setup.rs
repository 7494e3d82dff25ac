//! `zoho-connector setup`: from an empty home folder to an agent's first answer, by flags and at a terminal, in one go and
//! interrupted after each step.

use sandbox::Options;
use serde_json::Value;
use shared::zoho::crm::channel;
use shared::zoho::scope::{Access, Product, ScopeSet};
use tempfile::TempDir;
use tests::browser::Browser;
use tests::connector::{CLIENT_ID, CLIENT_SECRET, Connector, free_port};
use tests::deployed::Deployed;
use tests::gateway::{Gateway, TOKEN};
use tests::lambda::Cloud;
use tests::process::{self, Running};

use crate::machine::RECIPIENT;

/// Somebody new, whose home is empty, and a Zoho that knows their client.
struct Newcomer {
    home: TempDir,
    connector: Connector,
    url: String,
    folder: String,
}

impl Newcomer {
    async fn arrives() -> Self {
        let url = format!("http://127.0.0.1:{}", free_port());
        let home = TempDir::new().unwrap();
        let folder = home.path().join("store").to_str().unwrap().to_owned();
        let connector = Connector::unset(Options::new(""), url.clone()).await;
        Self { home, connector, url, folder }
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        let home = self.home.path().to_str().unwrap();
        let mut variables = self.connector.variables();
        variables.extend([("HOME", home), ("XDG_CONFIG_HOME", home)]);
        variables
    }

    /// Starts what setup says is to be started, to the word.
    async fn serves(&self, line: &str) -> Running {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        assert_eq!(words.first(), Some(&"serve"), "{line}");
        let mut server = Running::start(&words, &self.variables());
        server.until("Store in").await;
        server
    }

    fn at_a_terminal(&self) -> Running {
        Running::at_a_terminal(&["setup"], &self.variables())
    }
}

/// Setup of a connector whose client is there, so that nothing is asked.
fn without_questions(connector: &Connector) -> [&str; 8] {
    let data = connector.folder().to_str().unwrap();
    ["setup", "--data", data, "--public-url", &connector.url, "--no-hook", "--changes", "none"]
}

/// Consents, and returns what was shown before.
async fn consents(setup: &mut Running) -> Vec<String> {
    let lines = setup.until("http").await;
    let page = Browser::default().consent(lines.last().unwrap().trim()).await;
    assert!(page.text.contains("<h1>Connected</h1>"), "{}", page.text);
    lines
}

/// The first answer of the agent whose key was shown.
async fn first_answer(url: &str, shown: &str) -> Value {
    let mut words = shown.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let key = words.find(|word| word.starts_with("zck_")).expect("a key");
    let http = shared::zoho::http::browser().unwrap();
    let asked = http.get(format!("{url}/v1/crm/deals?per_page=5")).bearer_auth(key);
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

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
async fn a_missing_answer_is_told_by_its_flag() {
    let newcomer = Newcomer::arrives().await;
    let place = ["setup", "--data", &newcomer.folder, "--public-url", &newcomer.url];
    let ended = process::run(&place, &newcomer.variables(), "").await;
    assert_eq!(ended.code, 2, "{} {}", ended.out, ended.err);
    assert!(ended.err.contains("--client-id"), "{}", ended.err);

    let wrong = [&place[..], &["--client-id", CLIENT_ID, "--wait", "1"]].concat();
    let ended = process::run(&wrong, &newcomer.variables(), "wrong\n").await;
    assert_eq!(ended.code, 1, "{} {}", ended.out, ended.err);
    assert!(ended.out.contains("the secret is wrong"), "{}", ended.out);
    let ended = process::run(&wrong, &newcomer.variables(), "two words\n").await;
    assert!(ended.code == 1 && ended.err.contains("a space"), "{} {}", ended.out, ended.err);
    let ended = process::run(&wrong, &newcomer.variables(), &format!("\u{feff}{CLIENT_SECRET}\n")).await;
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("zoho-connector serve"), "it waits for the server: {}", ended.out);
    assert!(ended.err.contains("goes on here"), "{}", ended.err);
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
    let args = ["setup", "--connection", "shop"];
    let mut setup = Running::at_a_terminal(&args, &newcomer.variables());
    setup.until("Its number").await;
    let told = "Interrupted: nothing was made yet. `zoho-connector setup --connection shop` begins anew.";
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

    let new = process::run(&[&setup[..], &["--new-key"]].concat(), &variables, "").await;
    assert_eq!(new.code, 0, "{} {}", new.out, new.err);
    assert!(new.out.contains("openclaw.json") && new.out.contains("in the folder of the connector's source"));
    first_answer(&connector.url, &new.out).await;
    let again = process::run(&setup, &variables, "").await;
    assert!(again.out.contains("(openclaw) is there, and may "), "{}", again.out);
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
