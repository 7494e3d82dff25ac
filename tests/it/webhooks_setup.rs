//! `webhooks setup`: Zoho tells of changes, by a channel of CRM and webhooks of Inventory, as far as it lets us.

use std::sync::Arc;

use sandbox::{BodyForm, Entity, Fault, FaultKind, ItemChange, SignatureEncoding, Webhook};
use serde_json::{Value, json};
use shared::base::clock::SystemClock;
use shared::base::id::ConnectionName;
use shared::core::connection::access_token::AccessToken;
use shared::store::Stores;
use shared::store::secret_record::load;
use shared::store::sqlite::Sqlite;
use shared::zoho::data_centre::DataCentres;
use tests::connector::Connector;
use tests::process::{self, Ended, Running};

const SHELF: &str = "3300000000070001";

/// Reads in both products, without what channels and settings need.
const READS: &str = "ZohoInventory.items.READ,ZohoInventory.salesorders.READ,ZohoInventory.settings.READ,\
ZohoCRM.modules.deals.READ,ZohoCRM.modules.contacts.READ,ZohoCRM.org.READ";

async fn setup(connector: &Connector, args: &[&str]) -> Ended {
    connector.run(&[&["webhooks", "setup"], args].concat(), "").await
}

async fn show(connector: &Connector) -> String {
    connector.run(&["webhooks", "show"], "").await.out
}

/// Changes an item. The command waits for one: it sees it and ends well, and the webhooks are believed from then on.
async fn sees_a_change(connector: &Connector, running: Running) {
    connector.zoho.sandbox.change_item(SHELF, ItemChange::Stock(-1.0)).await.unwrap();
    let ended = running.end().await;
    assert!(
        ended.code == 0 && ended.out.contains(&format!("✓ zoho.inventory.item.updated item/{SHELF}")),
        "{ended:?}"
    );
    assert!(show(connector).await.contains("told by webhooks"));
}

fn a_deal(connector: &Connector) -> String {
    connector.zoho.sandbox.deals()[0]["id"].as_str().unwrap().to_owned()
}

/// The value below a name, as it is printed for copying.
fn below<'a>(out: &'a str, name: &str) -> Vec<&'a str> {
    let lines: Vec<_> = out.lines().map(str::trim).collect();
    lines.windows(2).filter(|pair| pair[0].ends_with(name)).map(|pair| pair[1]).collect()
}

#[tokio::test]
async fn crm_gets_a_channel_once_and_the_first_change_is_seen() {
    let (connector, agent) = Connector::connected().await;
    let mut running = connector.start_command(&["webhooks", "setup", "--inventory", "none", "--wait", "25"]);
    let begun = running.until("Change one of each").await.join("\n");
    assert!(begun.contains("✓ Zoho CRM tells of changes in Deals, Contacts"), "{begun}");
    let deal = a_deal(&connector);
    assert!(connector.zoho.sandbox.change_deal(&deal, json!({ "Stage": "Closed Won" })));
    let ended = running.end().await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains(&format!("✓ zoho.crm.deal.updated deal/{deal} came")), "{}", ended.out);
    assert_eq!(
        agent.get("/v1/status").await.ok()["connections"][0]["last_event"]["type"],
        "zoho.crm.deal.updated"
    );

    // Again, for less: the channel is the same one.
    let channels = connector.zoho.sandbox.channels();
    assert_eq!(channels.len(), 1);
    for _ in 0..2 {
        let again = setup(&connector, &["--crm", "Deals", "--wait", "0"]).await;
        assert!(again.code == 0 && again.out.contains("tells of changes in Deals"), "{again:?}");
        assert!(!again.out.contains("Inventory's webhooks"), "nothing of it is watched: {}", again.out);
    }
    assert_eq!(connector.zoho.sandbox.channels(), channels);
    let shown = show(&connector).await;
    assert!(shown.contains(&channels[0]) && shown.contains(&format!("deal/{deal}")), "{shown}");
    connector.zoho.sandbox.clear_delivered();
    let contact = json!({ "Last_Name": "Nobody Hears" });
    connector.zoho.sandbox.insert_record("Contacts", contact).unwrap();
    connector.zoho.sandbox.flush().await;
    assert!(connector.zoho.sandbox.delivered().is_empty(), "contacts are not watched any more");
}

#[tokio::test]
async fn stopping_ends_the_channel_at_zoho_and_its_word_here() {
    let (connector, _agent) = Connector::connected().await;
    assert_eq!(setup(&connector, &["--inventory", "none", "--wait", "0"]).await.code, 0);
    let channel = connector.zoho.sandbox.channels().remove(0);
    let asked = setup(&connector, &["--stop"]).await;
    assert!(asked.code == 1 && asked.err.contains("--yes"), "{asked:?}");
    assert!(asked.err.contains("Deals, Contacts") && asked.err.contains(&channel), "{asked:?}");
    assert_eq!(connector.zoho.sandbox.channels().len(), 1, "nothing was changed");
    let stopped = setup(&connector, &["--stop", "--yes"]).await;
    assert!(stopped.code == 0 && stopped.out.contains("✓ Zoho CRM's channel is ended"), "{stopped:?}");
    assert!(connector.zoho.sandbox.channels().is_empty());
    assert!(show(&connector).await.contains("Nothing is watched"));
    let late = json!({ "module": "Deals", "operation": "update", "ids": ["1"], "channel_id": channel, "token": "x" });
    assert_eq!(connector.post("/webhooks/default/crm", &[], late.to_string()).await.status, 404);
    assert_eq!(setup(&connector, &["--stop"]).await.code, 0, "nothing is left to ask about");
    // And begins anew, with another channel.
    assert_eq!(setup(&connector, &["--inventory", "none", "--wait", "0"]).await.code, 0);
    assert_ne!(connector.zoho.sandbox.channels(), [channel]);
}

#[tokio::test]
async fn a_module_that_does_not_exist_changes_nothing() {
    let connector = Connector::start().await;
    let scopes = format!("{READS},ZohoCRM.modules.custom.READ,ZohoCRM.notifications.ALL");
    connector.connect(&["--scopes", &scopes]).await;
    assert_eq!(setup(&connector, &["--crm", "Deals", "--inventory", "none", "--wait", "0"]).await.code, 0);
    let before = connector.run(&["webhooks", "show", "--json"], "").await.out;
    for (name, said) in
        [("deals", "did you mean Deals?"), ("Deal", "did you mean Deals?"), ("Robots", "no module Robots")]
    {
        let refused = setup(&connector, &["--crm", name, "--wait", "0"]).await;
        assert!(refused.code == 1 && refused.err.contains(said), "{name}: {refused:?}");
        assert!(refused.err.contains("Nothing was changed"), "{name}: {refused:?}");
    }
    let after = connector.run(&["webhooks", "show", "--json"], "").await.out;
    assert_eq!(before, after);
    let shown: Value = serde_json::from_str(&after).unwrap();
    assert_eq!(shown[0]["crm"], json!(["Deals"]));
    assert!(shown[0]["channel"]["expires"].is_string() && shown[0]["last"]["crm"].is_null(), "{shown}");
}

#[tokio::test]
async fn looking_only_makes_nothing_at_zoho_and_needs_no_address() {
    let connector = Connector::start().await;
    connector.connect(&["--scopes", READS]).await;
    let asked = connector.zoho.sandbox.requests().len();
    let looking = setup(&connector, &["--look-only"]).await;
    assert!(looking.code == 0 && looking.out.contains("every 5 minutes"), "{looking:?}");
    assert_eq!(connector.zoho.sandbox.requests().len(), asked, "Zoho was not asked for anything");
    let shown = show(&connector).await;
    assert!(shown.contains("Deals, Contacts") && shown.contains("item, salesorder"), "{shown}");
    assert!(!shown.contains("Channel"), "{shown}");
}

#[tokio::test]
async fn what_is_told_can_be_looked_for_instead_and_back() {
    let (connector, _agent) = Connector::connected().await;
    assert_eq!(setup(&connector, &["--crm", "Deals", "--inventory", "none", "--wait", "0"]).await.code, 0);
    assert_eq!(connector.zoho.sandbox.channels().len(), 1);
    let looking = setup(&connector, &["--look-only"]).await;
    assert!(looking.code == 0 && looking.out.contains("Deals of Zoho CRM"), "{looking:?}");
    assert!(connector.zoho.sandbox.channels().is_empty());
    assert_eq!(setup(&connector, &["--wait", "0"]).await.code, 0);
    assert_eq!(connector.zoho.sandbox.channels().len(), 1);
    assert!(show(&connector).await.contains("until 20"), "{}", show(&connector).await);
}

#[tokio::test]
async fn a_missing_scope_is_named_with_the_command_that_asks_for_it_and_for_all_the_rest() {
    let connector = Connector::start().await;
    connector.connect(&["--scopes", READS]).await;
    let refused = setup(&connector, &["--wait", "0"]).await;
    assert_eq!(refused.code, 1, "{}", refused.out);
    for words in ["does not hold ZohoCRM.notifications.ALL", "--look-only"] {
        assert!(refused.err.contains(words), "{}", refused.err);
    }
    assert!(show(&connector).await.contains("Nothing is watched"), "nothing was begun");
    let command = refused.err.split('`').nth(1).unwrap();
    assert!(command.contains(" --data ") && command.contains(" --public-url "), "{command}");
    let args: Vec<_> = command.split(' ').skip(2).take_while(|word| *word != "--data").collect();
    assert_eq!(args[..2], ["--connection", "default"], "{command}");
    connector.connect(&args).await;
    let done = setup(&connector, &["--inventory", "none", "--wait", "0"]).await;
    assert_eq!(done.code, 0, "{}", done.err);
    let status = connector.run(&["connections", "--json"], "").await.out;
    assert!(READS.split(',').all(|scope| status.contains(scope)), "nothing was lost: {status}");

    let stranger = setup(&connector, &["--crm", "Leads,Robots", "--wait", "0"]).await;
    assert!(
        stranger.err.contains("ZohoCRM.modules.leads.READ, ZohoCRM.modules.custom.READ"),
        "{}",
        stranger.err
    );
}

#[tokio::test]
async fn what_cannot_be_set_up_says_why() {
    let connector = Connector::start().await;
    let unconnected = setup(&connector, &[]).await;
    assert!(
        unconnected.code == 1
            && unconnected.err.contains("`zoho-connector connect --connection default --data "),
        "{}",
        unconnected.err
    );
    connector.connect(&["--products", "inventory"]).await;
    let args = ["webhooks", "setup", "--data", connector.folder().to_str().unwrap()];
    let unreachable = tests::process::run(&args, &connector.variables(), "").await;
    assert!(
        unreachable.code == 1
            && unreachable.err.contains("--public-url")
            && unreachable.err.contains("--look-only"),
        "{}",
        unreachable.err
    );
    let crm = setup(&connector, &["--crm", "Deals"]).await;
    assert!(crm.code == 1 && crm.err.contains("ZohoCRM.modules.deals.READ"), "{}", crm.err);
    for (args, words) in [
        (["--crm", "De als"], "API name"),
        (["--inventory", "orders"], "salesorder"),
        (["--wait", "soon"], "--wait"),
    ] {
        let refused = setup(&connector, &args).await;
        assert!(refused.code == 2 && refused.err.contains(words), "{args:?} {}", refused.err);
    }
}

/// The consent does not hold what Zoho's settings need: the operator makes the webhook by what is printed.
#[tokio::test]
async fn inventorys_webhooks_are_made_by_hand_and_believed_once_one_came() {
    let (connector, _agent) = Connector::connected().await;
    let args = ["webhooks", "setup", "--crm", "none", "--inventory", "item", "--wait", "25"];
    let mut running = connector.start_command(&args);
    let printed = running.until("Change one of each").await.join("\n");
    assert!(printed.contains("does not hold ZohoInventory.settings.CREATE"), "{printed}");
    let url = format!("{}/webhooks/default/inventory/item.updated", connector.url);
    assert_eq!(below(&printed, "URL"), [url.clone(), url.replace("updated", "deleted")]);
    let secret = below(&printed, "as secret:").remove(0).to_owned();
    assert!(
        (12..=50).contains(&secret.len()) && secret.bytes().all(|b| b.is_ascii_alphanumeric()),
        "{secret}"
    );
    connector.zoho.sandbox.add_webhook(Webhook {
        url,
        secret: secret.clone(),
        entity: Entity::Item,
        body: BodyForm::Json,
        encoding: SignatureEncoding::Hex,
    });
    sees_a_change(&connector, running).await;

    let again = setup(&connector, &["--wait", "2"]).await;
    assert!(again.out.contains(&secret), "the secret stays: {}", again.out);
    assert_eq!(again.code, 3, "nothing came: something is left to do");
    assert!(again.out.contains("✗ No change of item of Zoho Inventory came"), "{}", again.out);
    assert!(again.out.contains("`webhooks_refused`"), "{}", again.out);
    assert!(show(&connector).await.contains("told by webhooks"), "they worked at this address before");

    let folder = connector.folder().to_str().unwrap();
    let new = ["--wait", "0", "--data", folder, "--public-url", "http://127.0.0.1:9"];
    let moved = process::run(&[&["webhooks", "setup"][..], &new].concat(), &connector.variables(), "").await;
    assert_eq!(moved.code, 3, "{moved:?}");
    assert!(show(&connector).await.contains("looked for every 5 minutes"), "they post to the old address");
    let stopped = setup(&connector, &["--stop", "--yes"]).await;
    assert!(stopped.code == 3 && stopped.out.contains("inventory/item.updated"), "{stopped:?}");
    assert!(stopped.err.contains("left to be deleted"), "{stopped:?}");
}

/// Where CRM refuses the channel, the rest goes on, and changes are looked for.
#[tokio::test]
async fn a_channel_that_crm_refuses_is_told_with_its_reason() {
    let (connector, _agent) = Connector::connected().await;
    let refused = setup(&connector, &["--crm", "Notes", "--inventory", "none", "--wait", "0"]).await;
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.out.contains("✗ Zoho CRM tells of nothing: CRM says"), "{}", refused.out);
    assert!(refused.out.contains("every 5 minutes"), "{}", refused.out);
    assert!(show(&connector).await.contains("Refused"), "{}", show(&connector).await);
}

/// All that is needed to make Inventory's webhooks, and a connection that holds it.
async fn with_settings() -> Connector {
    let connector = Connector::start().await;
    connector.zoho.sandbox.switches(|switches| switches.settings_api = true);
    let scopes = "ZohoInventory.items.READ,ZohoInventory.salesorders.ALL,ZohoInventory.settings.ALL";
    connector.connect(&["--scopes", scopes]).await;
    connector
}

/// Asks Zoho's settings with the connection's own token.
async fn settings(connector: &Connector, method: &str, path: &str) -> Value {
    let stores = Stores::from(Sqlite::open(connector.folder(), Arc::new(SystemClock)).unwrap());
    let name = AccessToken::secret_name(&ConnectionName::default());
    let (token, _) = load::<AccessToken>(&*stores.secrets, &name).await.unwrap().unwrap();
    let api = DataCentres::new(Some(connector.zoho.url.clone())).api(token.data_centre);
    let organization = &token.organization.as_ref().unwrap().id;
    let url = format!("{api}/inventory/v1/settings/{path}?organization_id={organization}");
    let request = shared::zoho::http::browser().unwrap().request(method.parse().unwrap(), url);
    let request = request.header("authorization", format!("Zoho-oauthtoken {}", token.token.expose()));
    serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
}

/// How many webhooks and workflows Zoho has.
async fn at_zoho(connector: &Connector) -> [usize; 2] {
    let mut counts = [0; 2];
    for (count, list) in counts.iter_mut().zip(["webhooks", "workflows"]) {
        *count = settings(connector, "GET", list).await[list].as_array().unwrap().len();
    }
    counts
}

#[tokio::test]
async fn inventorys_webhooks_are_made_once_each_with_its_rule_and_the_first_change_is_seen() {
    let connector = with_settings().await;
    let mut running = connector.start_command(&["webhooks", "setup", "--wait", "25"]);
    let begun = running.until("Change one of each").await.join("\n");
    assert!(begun.contains("✓ Zoho Inventory tells of changes"), "{begun}");
    assert!(begun.contains("on now: 4; there already: 0"), "{begun}");
    assert_eq!(at_zoho(&connector).await, [4; 2]);
    sees_a_change(&connector, running).await;

    let again = setup(&connector, &["--wait", "0"]).await;
    assert!(again.out.contains("on now: 0; there already: 4"), "{}", again.out);
    assert_eq!(at_zoho(&connector).await, [4; 2], "nothing twice");
    // Somebody has switched one off, and deleted another one's rule.
    let rules = settings(&connector, "GET", "workflows").await["workflows"].clone();
    let id = |index: usize| rules[index]["workflow_id"].as_str().unwrap().to_owned();
    assert_eq!(settings(&connector, "POST", &format!("workflows/{}/inactive", id(0))).await["code"], 0);
    assert_eq!(settings(&connector, "DELETE", &format!("workflows/{}", id(1))).await["code"], 0);
    let mended = setup(&connector, &["--wait", "0"]).await;
    assert!(mended.out.contains("on now: 2; there already: 2"), "{}", mended.out);
    assert_eq!(at_zoho(&connector).await, [4; 2]);
    // Each change has its own webhook.
    let sent = connector.zoho.sandbox.change_item(SHELF, ItemChange::Stock(1.0)).await.unwrap();
    assert_eq!(sent.len(), 1, "{sent:?}");
    let sent = connector.zoho.sandbox.change_item(SHELF, ItemChange::Delete).await.unwrap();
    let urls: Vec<_> = sent.iter().map(|sent| (sent.url.rsplit('/').next().unwrap(), sent.status)).collect();
    assert_eq!(urls, [("item.deleted", Some(200))]);

    let fewer = setup(&connector, &["--inventory", "salesorder", "--wait", "0"]).await;
    assert!(fewer.out.contains("✓ 2 webhooks of Zoho Inventory are deleted"), "{}", fewer.out);
    assert_eq!(at_zoho(&connector).await, [2; 2]);
    let stopped = setup(&connector, &["--stop", "--yes"]).await;
    assert!(stopped.code == 0 && stopped.out.contains("✓ 2 webhooks"), "{stopped:?}");
    assert_eq!(at_zoho(&connector).await, [0; 2]);
}

#[tokio::test]
async fn a_rule_that_zoho_refuses_leaves_no_webhook_behind() {
    let connector = with_settings().await;
    for (path, kind) in [
        ("settings/webhooks", FaultKind::ResetAfter),
        ("settings/webhooks", FaultKind::Body(201, "application/json".to_owned(), "{\"code\":0}".to_owned())),
        ("settings/workflows", FaultKind::Status(500)),
        ("settings/workflows", FaultKind::ResetAfter),
        ("settings/workflows", FaultKind::Html200After),
    ] {
        let fault = Fault { path_contains: path.to_owned(), times: 1, kind };
        connector.zoho.sandbox.inject_on("POST", fault.clone());
        let refused = setup(&connector, &["--wait", "0"]).await;
        assert_eq!(refused.code, 3, "{}", refused.err);
        assert!(refused.out.contains("✗ Zoho Inventory's webhooks cannot be made from here"), "{fault:?}");
        assert_eq!(below(&refused.out, "URL").len(), 4, "{fault:?}");
        assert_eq!(at_zoho(&connector).await, [0; 2], "{fault:?}");
    }
    assert!(setup(&connector, &["--wait", "0"]).await.out.contains("on now: 4;"));
    assert_eq!(at_zoho(&connector).await, [4; 2]);
}

/// Zoho documents these settings for another product only: where they are not there, the operator makes the webhooks.
#[tokio::test]
async fn without_zohos_settings_the_steps_are_printed() {
    let connector = with_settings().await;
    connector.zoho.sandbox.switches(|switches| switches.settings_api = false);
    let printed = setup(&connector, &["--wait", "0"]).await;
    assert_eq!(printed.code, 3, "{}", printed.err);
    let base = format!("{}/webhooks/default/inventory", connector.url);
    assert_eq!(
        below(&printed.out, "URL"),
        ["item.updated", "item.deleted", "salesorder.updated", "salesorder.deleted"]
            .map(|end| format!("{base}/{end}"))
    );
    let secret = below(&printed.out, "as secret:").remove(0).to_owned();
    let shown = show(&connector).await;
    assert!(shown.contains("item, salesorder") && shown.contains("looked for"), "{shown}");

    // What was rotated is what is asked for, and what Zoho lets us make later has it.
    connector.zoho.sandbox.switches(|switches| switches.settings_api = true);
    assert!(setup(&connector, &["--wait", "0"]).await.out.contains("on now: 4;"));
    let requests = connector.zoho.sandbox.requests();
    let sent = requests.iter().filter(|request| request.body.contains(&secret)).count();
    assert_eq!(sent, 4);
    let signed = connector.zoho.sandbox.change_item(SHELF, ItemChange::Stock(-1.0)).await.unwrap();
    assert_eq!(signed.iter().map(|sent| sent.status).collect::<Vec<_>>(), [Some(200)]);
}

/// Zoho's words may name people and records of the company, and whoever reads the log need not know them.
#[tokio::test]
async fn a_channel_that_does_not_end_is_logged_by_its_code_without_zohos_words() {
    let (connector, _) = Connector::connected().await;
    assert_eq!(setup(&connector, &["--inventory", "none", "--wait", "0"]).await.code, 0);
    let said = json!({ "code": "NO_PERMISSION", "message": "Quentin Marlow may not do this", "status": "error", "details": {} });
    let kind = FaultKind::Body(403, "application/json".to_owned(), said.to_string());
    let fault = Fault { path_contains: "actions/watch".to_owned(), times: 10, kind };
    connector.zoho.sandbox.inject_on("DELETE", fault);
    let mut variables = connector.variables();
    variables.retain(|(name, _)| *name != "ZOHO_CONNECTOR_LOG");
    let folder = connector.folder().to_str().unwrap();
    let ended = tests::process::run(&["disconnect", "--yes", "--data", folder], &variables, "").await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let told = ended.err.lines().find(|line| line.contains("the channel was not ended at Zoho"));
    assert!(told.is_some_and(|line| line.contains("NO_PERMISSION")), "{}", ended.err);
    assert!(!ended.err.contains("Quentin"), "{}", ended.err);
}
