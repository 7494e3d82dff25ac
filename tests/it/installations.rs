//! Commands as people expect them: they find their connector by what is remembered, judge values before anything is made, ask
//! before something ends, and speak JSON.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use shared::base::clock::SystemClock;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::events::webhook_secrets::{WebhookSecrets, set_channel};
use shared::store::Stores;
use shared::store::sqlite::Sqlite;
use tempfile::TempDir;
use tests::connector::{CLIENT_ID, CLIENT_SECRET, Connector, free_port};
use tests::process::{Ended, Running, run};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn parsed(ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("no JSON: {}", ended.out))
}

#[tokio::test]
async fn what_is_remembered_needs_no_flag() {
    let connector = Connector::start().await;
    let home = TempDir::new().unwrap();
    let variables = connector.variables_at(&home);
    let data = text(connector.folder());
    let config = home.path().join("zoho-connector").join("config.toml");

    let none = run(&["installations", "list"], &variables, "").await;
    assert!(none.code == 0 && none.out.contains("None is remembered"), "{none:?}");
    let add = ["installations", "add", "here", "--data", data, "--public-url", &connector.url];
    let added = run(&add, &variables, "").await;
    assert!(added.code == 0 && added.out.contains(text(&config)), "{added:?}");
    assert!(!std::fs::read_to_string(&config).unwrap().contains(CLIENT_SECRET));
    let twice = run(&add, &variables, "").await;
    assert!(twice.code == 1 && twice.err.contains("installations forget here"), "{twice:?}");

    // Without a flag: the store and the address are those that are remembered.
    let link = parsed(&run(&["connect", "--json"], &variables, "").await);
    let address = link["link"].as_str().unwrap();
    assert!(address.starts_with(&format!("{}/oauth/start?link=", connector.url)), "{link}");
    assert_eq!((&link["connection"], &link["expires_in_seconds"]), (&json!("default"), &json!(600)));
    assert_eq!(parsed(&run(&["keys", "list", "--json"], &variables, "").await), json!([]));

    // With several, one is named.
    let other = home.path().join("other");
    let add = ["installations", "add", "other", "--data", text(&other)];
    let added = run(&add, &variables, "").await;
    assert!(added.code == 0 && added.err.contains("no store"), "{added:?}");
    let unclear = run(&["keys", "list"], &variables, "").await;
    assert!(unclear.code == 2 && unclear.err.contains("--installation: here, other"), "{unclear:?}");
    let named = run(&["keys", "list", "--json", "--installation", "here"], &variables, "").await;
    assert_eq!(parsed(&named), json!([]));
    let misspelt = run(&["keys", "list", "--installation", "hree"], &variables, "").await;
    assert!(misspelt.code == 2 && misspelt.err.contains("did you mean here?"), "{misspelt:?}");
    let empty = run(&["keys", "list", "--installation", "other"], &variables, "").await;
    assert!(empty.code == 1 && empty.err.contains("the folder of other"), "{empty:?}");
    let listed = parsed(&run(&["installations", "list", "--json"], &variables, "").await);
    assert_eq!(listed[0]["name"], "here");
    assert_eq!((&listed[1]["data"], &listed[1]["stack"]), (&json!(text(&other)), &Value::Null));

    let forgotten = run(&["installations", "forget", "other"], &variables, "").await;
    assert_eq!(forgotten.code, 0, "{}", forgotten.err);
    assert_eq!(run(&["installations", "forget", "other"], &variables, "").await.code, 1);
    assert_eq!(run(&["keys", "list"], &variables, "").await.code, 0);

    std::fs::write(&config, "[installations.here]\ndata = nowhere\n").unwrap();
    let broken = run(&["keys", "list"], &variables, "").await;
    assert!(broken.code == 2 && broken.err.contains(&format!("{}:2: ", config.display())), "{broken:?}");
    assert_eq!(broken.err.lines().count(), 1, "{broken:?}");
}

#[tokio::test]
async fn a_first_command_that_fails_makes_no_store() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let set = ["client", "set", "--data", text(&data)];
    for (more, secret, code, said) in [
        (["--id", "foo"].as_slice(), CLIENT_SECRET, 2, "looks like 1000."),
        (&["--id", "1000.A B"], CLIENT_SECRET, 2, "a space"),
        (&["--id", ""], CLIENT_SECRET, 2, "empty"),
        (&["--id", CLIENT_ID], "", 1, "no secret was given"),
        (&["--id", CLIENT_ID], "first\nsecond\n", 1, "a line break"),
        (&["--id", CLIENT_ID], CLIENT_ID, 1, "the client id again"),
        (&["--id", CLIENT_ID, "--only-for", "in"], CLIENT_SECRET, 1, "no store in"),
        (&["--id", CLIENT_ID, "--public-url", "http://example.com"], CLIENT_SECRET, 2, "https"),
    ] {
        let ended = run(&[&set, more].concat(), &[], secret).await;
        assert_eq!(ended.code, code, "{more:?}: {}", ended.err);
        assert!(ended.err.contains(said) && !ended.err.contains("second"), "{more:?}: {}", ended.err);
        assert!(!data.exists(), "{more:?}");
    }
    let loud =
        run(&[&set[..], &["--id", CLIENT_ID]].concat(), &[("ZOHO_CONNECTOR_LOG", "chatty")], "x").await;
    assert!(loud.code == 2 && loud.err.starts_with("ZOHO_CONNECTOR_LOG is "), "{loud:?}");
    let hook = ["agent", "set", "--url", "https://gateway.example.com/hooks/agent", "--data", text(&data)];
    let untold = run(&hook, &[], "").await;
    assert!(untold.code == 1 && untold.err.contains("no secret was given"), "{untold:?}");
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let serve = run(&["serve", "--listen", &port, "--data", text(&data)], &[], "").await;
    assert!(serve.code == 1 && serve.err.contains("cannot listen on"), "{serve:?}");
    assert!(!data.exists());
}

#[tokio::test]
async fn values_are_judged_before_anything_is_done() {
    let connector = Connector::start().await;
    for (args, said) in [
        (["connect", "--organization", "abc"].as_slice(), "number"),
        (&["keys", "create", "--label", ""], "empty"),
        (&["keys", "create", "--label", "two\nlines"], "one line"),
        (&["serve", "--listen", "connector.example.com"], "127.0.0.1:8083"),
        (&["installations", "add", "a b", "--stack", "x"], "letters"),
        (&["installations", "add", "a"], "--stack <NAME>"),
    ] {
        let ended = run(args, &[], "").await;
        assert!(ended.code == 2 && ended.err.contains(said), "{args:?}: {ended:?}");
    }
    connector.connect(&["--connection", "shop"]).await;
    let unheard = connector.run(&["events", "list", "--connection", "nope"], "").await;
    assert!(unheard.code == 0 && unheard.err.contains("connected is shop"), "{unheard:?}");
    let unmapped = connector.run(&["mappings", "export", "--connection", "nope"], "").await;
    assert!(
        unmapped.code == 1
            && unmapped.err.contains("there is no connection nope: connected is shop\nWhere shop is meant, say `--connection shop`."),
        "{unmapped:?}"
    );
    let other = ["client", "set", "--id", "1000.OTHER", "--only-for", "in"];
    let other = connector.run(&other, "").await;
    assert!(other.code == 1 && other.err.contains("there is no client 1000.OTHER yet"), "{other:?}");
    let dead = connector.run(&["events", "replay", "--dead", "--connection", "shop"], "").await;
    assert!(dead.code == 0 && dead.out.contains("No event of shop is dead."), "{dead:?}");
    let ended = connector.run(&["disconnect", "--connection", "shpo", "--yes"], "").await;
    assert!(ended.code == 1 && ended.err.contains("did you mean shop?"), "{ended:?}");
}

/// A typo makes no key and no secret for nothing.
#[tokio::test]
async fn nothing_is_made_for_a_connection_that_is_not_there() {
    let connector = Connector::start().await;
    let create = ["keys", "create", "--json"];
    let none = connector.run(&create, "").await;
    assert!(none.code == 1 && none.out.is_empty(), "{none:?}");
    for said in [
        "no connection default: nothing is connected yet\n",
        "`zoho-connector connect --connection default --data",
    ] {
        assert!(none.err.contains(said), "{said}: {}", none.err);
    }
    let keys = connector.run(&["keys", "list"], "").await.out;
    assert!(keys.contains("nothing is connected: begin with `zoho-connector connect "), "{keys}");
    connector.connect(&["--connection", "shop"]).await;
    let near = connector.run(&["keys", "create", "--connections", "shop,shpo"], "").await;
    assert!(near.code == 1 && near.err.contains("no connection shpo: did you mean shop?\n"), "{near:?}");
    assert!(!near.out.contains("zck_") && near.err.contains("--not-yet-connected"), "{near:?}");
    assert!(near.err.contains("Where shop is meant, say `--connections shop`."), "{near:?}");
    let rotate = ["webhooks", "rotate", "--source", "custom", "--connection", "nope"];
    let far = connector.run(&rotate, "").await;
    assert!(far.code == 1 && far.err.contains("no connection nope: connected is shop\n"), "{far:?}");
    assert!(far.out.is_empty() && far.err.contains("is meant, say `--connection shop`."), "{far:?}");
    let stop = ["webhooks", "setup", "--stop"];
    let stopped = connector.run(&stop, "").await;
    assert!(
        stopped.code == 0 && stopped.err.contains("no connection default yet: connected is shop"),
        "{stopped:?}"
    );
    let of_shop = connector.run(&[&stop[..], &["--connection", "shop", "--yes"]].concat(), "").await;
    assert!(!of_shop.err.contains("no connection"), "{of_shop:?}");
    let another = connector.run(&["connect", "--no-wait"], "").await;
    let told =
        "this makes another connection, default. To connect one anew that is there, say `--connection shop`.";
    assert!(another.code == 0 && another.err.contains(told), "{another:?}");
    let anew = connector.run(&["connect", "--no-wait", "--connection", "shop"], "").await;
    assert!(anew.code == 0 && !anew.err.contains("another connection"), "{anew:?}");
    let keys = connector.run(&["keys", "list"], "").await.out;
    assert!(keys.contains("No keys. `zoho-connector keys create --connections shop "), "{keys}");
    let stores: Stores = Sqlite::open(connector.folder(), Arc::new(SystemClock)).unwrap().into();
    let secrets = WebhookSecrets::read(&*stores.secrets).await.unwrap();
    assert!(secrets.custom(&"nope".parse().unwrap()).is_empty());

    // Who makes it before on purpose is told all the same.
    for before in [&create[..], &rotate] {
        let made = connector.run(&[before, &["--not-yet-connected"]].concat(), "").await;
        assert!(made.code == 0 && made.err.contains("Warning: there is no connection"), "{made:?}");
    }
    let secrets = WebhookSecrets::read(&*stores.secrets).await.unwrap();
    assert_eq!(secrets.custom(&"nope".parse().unwrap()).len(), 1);

    // What the consent does not allow is told when the key is made, and not first to the agent.
    let create = ["keys", "create", "--connections", "shop", "--can", "inventory:stock,crm:read"];
    let beyond = connector.run(&create, "").await;
    let told = "Warning: the key may inventory:stock, but the consent of shop does not hold it: `zoho-connector connect --connection shop --access stock ";
    assert!(beyond.code == 0 && beyond.err.contains(told), "{beyond:?}");
    assert!(!beyond.err.contains("may crm:read"), "{beyond:?}");
}

#[tokio::test]
async fn what_ends_something_says_what_is_lost_and_waits_for_a_yes() {
    let (connector, agent) = Connector::connected().await;
    let id = agent.key.split('_').nth(1).unwrap();
    assert_eq!(connector.run(&["webhooks", "rotate"], "").await.code, 0);

    let named = format!("key {id} (agent)");
    let asked = connector.run(&["disconnect"], "y\n").await;
    assert_eq!(asked.code, 1, "{}", asked.out);
    for said in [named.as_str(), "can do nothing then", "owner@example.com", "webhooks", "--yes"] {
        assert!(asked.err.contains(said), "{said}: {}", asked.err);
    }
    let asked = connector.run(&["keys", "revoke", id], "y\n").await;
    assert!(asked.code == 1 && asked.err.contains("--yes") && asked.err.contains(id), "{asked:?}");
    agent.get("/v1/crm/deals").await.ok();

    assert_eq!(connector.run(&["disconnect", "--yes"], "").await.code, 0);
    assert_eq!(connector.run(&["keys", "revoke", id, "--yes"], "").await.code, 0);

    // Who died before the secrets of its webhooks were ended has them ended by the same command.
    let gone = connector.run(&["disconnect", "--yes"], "").await;
    assert!(gone.code == 1 && gone.err.contains("there is no connection default"), "{gone:?}");
    assert_eq!(connector.run(&["webhooks", "rotate", "--not-yet-connected"], "").await.code, 0);
    let asked = connector.run(&["disconnect"], "y\n").await;
    assert!(asked.code == 1 && asked.err.contains("default is not connected. Lost"), "{asked:?}");
    let rest = connector.run(&["disconnect", "--yes"], "").await;
    assert!(rest.code == 0 && rest.out.contains("webhooks are refused from now on"), "{rest:?}");

    // Also where all that is left is the token of a channel of CRM.
    let stores: Stores = Sqlite::open(connector.folder(), Arc::new(SystemClock)).unwrap().into();
    let (secrets, name) = (&*stores.secrets, ConnectionName::default());
    set_channel(secrets, &name, "1795287600123", Secret::new("token")).await.unwrap();
    let rest = connector.run(&["disconnect", "--yes"], "").await;
    assert!(rest.code == 0 && rest.out.contains("webhooks are refused from now on"), "{rest:?}");
    let left = WebhookSecrets::read(secrets).await.unwrap();
    assert_eq!(left.channel(&name, "1795287600123").len(), 0, "nobody connects it later under this name");
    assert_eq!(connector.run(&["disconnect", "--yes"], "").await.code, 1);
}

#[tokio::test]
async fn commands_speak_json() {
    let (connector, _agent) = Connector::connected().await;
    let made = parsed(&connector.run(&["keys", "create", "--label", "Desk", "--json"], "").await);
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with(&format!("zck_{}_", made["id"].as_str().unwrap())), "{made}");
    assert_eq!(made["url"], connector.url);
    let listed = parsed(&connector.run(&["keys", "list", "--json"], "").await);
    let desk = listed.as_array().unwrap().iter().find(|key| key["label"] == "Desk").unwrap();
    assert_eq!(desk["permissions"], json!(["inventory:read", "crm:read", "events"]));
    assert_eq!(desk["connections"], json!(["default"]));
    assert!(desk["created"].is_string() && desk["expires"].is_null() && desk.get("key").is_none(), "{desk}");

    let shown = parsed(&connector.run(&["client", "show", "--json"], "").await);
    assert_eq!(shown["redirect_uri"], format!("{}/oauth/callback", connector.url));
    assert_eq!(shown["clients"][0]["id"], CLIENT_ID);
    assert_eq!(shown["clients"][0]["used_for_new_connections"], true);
    assert!(!shown.to_string().contains(CLIENT_SECRET));
    let refreshed = parsed(&connector.run(&["refresh", "--json"], "").await);
    assert!(refreshed["connection"] == "default" && refreshed["token_expires"].is_string(), "{refreshed}");
    assert_eq!(parsed(&connector.run(&["webhooks", "show", "--json"], "").await), json!([]));

    let table = connector.run(&["keys", "list"], "").await.out;
    let head: Vec<_> = table.lines().next().unwrap().split_whitespace().collect();
    assert!(head.starts_with(&["Id", "Label", "Connections", "Created"]), "{table}");
    let client = connector.run(&["client", "show"], "").await.out;
    assert!(client.contains(CLIENT_ID) && client.contains("/oauth/callback"), "{client}");
}

#[tokio::test]
async fn a_folder_is_served_once_and_its_front_says_what_it_is() {
    let mut connector = Connector::start().await;
    let second = connector.run(&["serve", "--listen", "127.0.0.1:0"], "").await;
    assert_eq!(second.code, 1, "{}", second.out);
    let holder =
        format!("process {}, listening on {}", connector.pid(), connector.url.trim_start_matches("http://"));
    assert!(second.err.contains(&holder) && second.err.contains("--beside-another"), "{}", second.err);
    // Whoever was killed holds nothing.
    connector.kill().await;
    connector.boot().await;

    let browser = shared::zoho::http::browser().unwrap();
    let front = browser.get(&connector.url).send().await.unwrap();
    let document: Value = serde_json::from_str(&front.text().await.unwrap()).unwrap();
    assert_eq!((&document["name"], &document["api"]), (&json!("zoho-connector"), &json!("/v1")));
    let page = browser.get(&connector.url).header("accept", "text/html,*/*").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let page = page.text().await.unwrap();
    assert!(page.contains("/openapi.json") && page.contains("zoho-connector console"), "{page}");
}

#[tokio::test]
async fn a_link_to_nowhere_comes_with_a_word() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let connector = Connector::prepare(sandbox::Options::new(""), url.clone()).await;
    let nobody = connector.run(&["connect", "--no-wait"], "").await;
    assert!(nobody.code == 0 && nobody.err.contains(&format!("nothing answers at {url}")), "{nobody:?}");
    let listen = url.trim_start_matches("http://");
    assert!(nobody.err.contains(&format!("`zoho-connector serve --listen {listen} --data ")), "{nobody:?}");
    // Something else than a connector.
    let elsewhere =
        ["connect", "--no-wait", "--data", text(connector.folder()), "--public-url", &connector.zoho.url];
    let other = run(&elsewhere, &connector.variables(), "").await;
    assert!(other.code == 0 && other.err.contains("no Zoho Connector"), "{other:?}");
}

#[tokio::test]
async fn shells_complete_and_have_a_manual() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell], &[], "").await;
        assert!(script.code == 0 && script.out.contains("disconnect"), "{shell}: {script:?}");
    }
    let folder = TempDir::new().unwrap();
    let manual = folder.path().join("man1");
    let made = run(&["man", text(&manual)], &[], "").await;
    assert_eq!(made.code, 0, "{}", made.err);
    let twice = run(&["man", text(&manual)], &[], "").await;
    assert!(twice.code == 2 && twice.err.contains("zoho-connector.1 is there already"), "{twice:?}");
    let forced = run(&["man", text(&manual), "--force"], &[], "").await;
    assert_eq!(forced.code, 0, "{}", forced.err);
    for page in ["zoho-connector.1", "zoho-connector-keys-create.1", "zoho-connector-webhooks-setup.1"] {
        let text =
            std::fs::read_to_string(manual.join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(text.contains(".TH"), "{page}");
    }
}

#[tokio::test]
async fn a_command_answers_without_lines_of_the_log() {
    let (connector, _) = Connector::connected().await;
    let mut variables = connector.variables();
    variables.retain(|(name, _)| *name != "ZOHO_CONNECTOR_LOG");
    let refresh = ["refresh", "--data", text(connector.folder())];
    let quiet = run(&refresh, &variables, "").await;
    assert!(quiet.code == 0 && !quiet.err.contains("INFO"), "{quiet:?}");
    variables.push(("ZOHO_CONNECTOR_LOG", "info"));
    let loud = run(&refresh, &variables, "").await;
    assert!(loud.code == 0 && loud.err.contains("INFO"), "{loud:?}");
}

/// Logs and mends speak of the network in words, not in the names of the code.
#[tokio::test]
async fn without_a_network_commands_say_so_in_words() {
    let (connector, _) = Connector::connected().await;
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let mut variables = connector.variables();
    variables.retain(|(name, _)| !["ZOHO_CONNECTOR_LOG", "ZOHO_CONNECTOR_SANDBOX_URL"].contains(name));
    variables.push(("ZOHO_CONNECTOR_SANDBOX_URL", &nowhere));
    let place = ["--data", text(connector.folder()), "--public-url", &connector.url];
    let refresh = run(&[&["refresh"], &place[..]].concat(), &variables, "").await;
    assert_eq!(refresh.code, 1, "{refresh:?}");
    assert!(refresh.err.contains("WARN") && refresh.err.contains("token not renewed"), "{refresh:?}");
    assert!(refresh.err.contains("could not be asked: no connection could be made"), "{refresh:?}");
    let doctor = run(&[&["doctor"], &place[..]].concat(), &variables, "").await;
    assert!(doctor.out.contains("let this machine reach Zoho over HTTPS"), "{doctor:?}");
    assert!(doctor.out.contains("let what renews the tokens reach Zoho over HTTPS"), "{doctor:?}");
    for told in [&refresh.err, &doctor.out, &doctor.err] {
        assert!(!told.contains("Unreachable") && !told.contains("refusal: "), "{told}");
    }
}

#[tokio::test]
async fn a_server_on_a_new_store_names_the_one_that_may_be_meant() {
    let connector = Connector::start().await;
    let home = TempDir::new().unwrap();
    let variables = connector.variables_at(&home);
    let data = text(connector.folder());
    let added = run(&["installations", "add", "here", "--data", data], &variables, "").await;
    assert_eq!(added.code, 0, "{added:?}");
    let typo = home.path().join("typo");
    let serve = ["serve", "--listen", "0", "--data", text(&typo)];
    let mut server = Running::start(&serve, &variables);
    let lines = server.until("Store in").await;
    assert!(lines.last().unwrap().ends_with("typo, which is new"), "{lines:#?}");
    let lines = server.until("Warning: there was a store already").await;
    assert!(lines.last().unwrap().contains(data), "{lines:#?}");
    assert_eq!(server.interrupt().await, 0);
    let mut server = Running::start(&serve, &variables);
    let lines = server.until("Store in").await;
    assert!(lines.last().unwrap().ends_with("typo"), "the second time it is known: {lines:#?}");
    assert_eq!(server.interrupt().await, 0);
}

/// It was moved, or its disk is not mounted: a second store would take what belongs into the first.
#[tokio::test]
async fn a_remembered_folder_that_lost_its_store_gets_no_new_one() {
    let home = TempDir::new().unwrap();
    let folder = home.path().join("gone");
    let (data, variables) = (text(&folder), [("XDG_CONFIG_HOME", text(home.path()))]);
    let url = "https://connector.example.com";
    let add = ["installations", "add", "shop", "--data", data, "--public-url", url];
    let added = run(&add, &variables, "").await;
    assert_eq!(added.code, 0, "{added:?}");
    let first = run(&["keys", "list"], &variables, "").await;
    assert!(first.code == 1 && first.err.contains("begin with `zoho-connector setup`"), "{first:?}");
    let serve = ["serve", "--listen", "0", "--data", data];
    for start in ["is new", "is known"] {
        let mut server = Running::start(&serve, &variables);
        let lines = server.until("Store in").await;
        assert_eq!(lines.last().unwrap().ends_with(", which is new"), start == "is new", "{lines:#?}");
        assert_eq!(server.interrupt().await, 0);
    }

    // The folder itself stays, as that in which a disk is mounted.
    let away = home.path().join("away");
    std::fs::rename(&folder, &away).unwrap();
    std::fs::create_dir(&folder).unwrap();
    let listed = run(&["keys", "list", "--data", data], &variables, "").await;
    let lead = "`zoho-connector installations forget shop` and `zoho-connector installations add shop --data FOLDER \
                --public-url https://connector.example.com`";
    assert!(listed.code == 1 && listed.err.contains(lead), "{listed:?}");
    let checked = run(&["doctor", "--data", data], &variables, "").await;
    let restore = format!("`zoho-connector restore FILE --data {data}`");
    for part in ["the store of shop is not in", lead, restore.as_str()] {
        assert!(checked.out.contains(part), "{part}: {checked:?}");
    }
    assert!(checked.code == 1 && !checked.out.contains("zoho-connector setup"), "it is refused: {checked:?}");
    let copy = home.path().join("copy.age");
    let backup = run(&["backup", text(&copy), "--passphrase", "--data", data], &variables, "").await;
    assert!(backup.code == 1 && backup.err.contains(lead), "{backup:?}");
    let set = ["client", "set", "--id", CLIENT_ID, "--data-centre", "eu"];
    for args in [&serve[..], &["serve"], &["setup"], &["setup", "--name", "shop"], &set] {
        let refused = run(args, &variables, CLIENT_SECRET).await;
        assert!(
            refused.code == 1 && refused.err.contains("the store of shop is not in"),
            "{args:?}: {refused:?}"
        );
        assert!(refused.err.contains("mount it") && refused.err.contains(&restore), "{args:?}: {refused:?}");
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing was made");

    // It comes back, or a new one is wanted.
    std::fs::remove_dir(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    assert_eq!(run(&["keys", "list"], &variables, "").await.code, 0);
    std::fs::rename(&folder, &away).unwrap();
    assert_eq!(run(&["installations", "forget", "shop"], &variables, "").await.code, 0);
    let mut server = Running::start(&serve, &variables);
    let lines = server.until("Store in").await;
    assert!(lines.last().unwrap().ends_with(", which is new"), "{lines:#?}");
    assert_eq!(server.interrupt().await, 0);
}

/// What it says is to be pasted, and leads there: to the port, or to a folder that has one name.
#[tokio::test]
async fn a_server_on_another_port_says_how_both_agree() {
    let connector = Connector::start().await;
    let home = TempDir::new().unwrap();
    let variables = connector.variables_at(&home);
    let (folder, port) = (home.path().join("store"), free_port());
    let (data, url) = (text(&folder), format!("http://localhost:{port}"));
    let warned = async |args: &[&str]| {
        let mut server = Running::start(&[&["serve", "--listen", "0"], args].concat(), &variables);
        let log = server.log();
        server.until("Store in").await;
        assert_eq!(server.interrupt().await, 0);
        for _ in 0..200 {
            if log.lock().unwrap().contains("have all commands know it: ") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let log = log.lock().unwrap().clone();
        assert!(log.contains(&format!("start it with --listen 127.0.0.1:{port}; or")), "{log}");
        log
    };
    let unknown = warned(&["--data", data, "--public-url", &url]).await;
    assert!(
        unknown.contains(&format!("installations add here --data {data} --public-url http://")),
        "{unknown}"
    );
    let add = ["installations", "add", "zoho", "--data", data, "--public-url", &url];
    let added = run(&add, &variables, "").await;
    assert_eq!(added.code, 0, "{added:?}");
    let known = warned(&[]).await;
    assert!(known.contains("know it: zoho-connector setup --name zoho --public-url http://"), "{known}");

    let twice = run(&["installations", "add", "here", "--data", data], &variables, "").await;
    assert!(twice.code == 1 && twice.err.contains("is remembered already, as zoho"), "{twice:?}");
    assert!(twice.err.contains("setup --name zoho --public-url URL"), "{twice:?}");
    assert_eq!(parsed(&run(&["installations", "list", "--json"], &variables, "").await)[1], Value::Null);
}

#[tokio::test]
async fn a_file_is_no_folder_for_any_command() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("counts.csv");
    std::fs::write(&file, "sku,quantity\n").unwrap();
    let config = [("XDG_CONFIG_HOME", text(folder.path()))];
    for (args, mend) in [
        (["keys", "list", "--data", text(&file)].as_slice(), "name the folder of the store with --data"),
        (&["doctor", "--data", text(&file)], "name the folder of the store with --data"),
        (&["installations", "add", "a", "--data", text(&file)], "name the folder of a store with --data"),
        (&["man", text(&file)], "name the folder to write the manual to"),
        (&["man", "--force", text(&file)], "name the folder to write the manual to"),
    ] {
        let ended = run(args, &config, "").await;
        let told = format!("{} is a file, and no folder: {mend}", file.display());
        assert!(ended.code == 2 && ended.err.contains(&told), "{args:?}: {ended:?}");
        assert!(!ended.err.contains("setup"), "{args:?}: {ended:?}");
    }
}

#[tokio::test]
async fn a_log_that_nobody_looks_at_has_no_colours() {
    let connector = Connector::start().await;
    let mut variables = connector.variables();
    variables.retain(|(name, _)| *name != "ZOHO_CONNECTOR_LOG");
    variables.push(("ZOHO_CONNECTOR_LOG", "debug"));
    let ended = run(&["refresh", "--data", text(connector.folder())], &variables, "").await;
    assert!(!ended.err.contains('\u{1b}') && !ended.out.contains('\u{1b}'), "{ended:?}");
}
