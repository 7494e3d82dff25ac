//! Reading CRM: lists that miss nothing while records change, stages and parts of names, and what a deal is about.

use std::collections::BTreeSet;

use sandbox::{Fault, FaultKind, Options};
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::connector::Connector;

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// A connector in front of 2,500 deals and more.
async fn many_deals(connect: &[&str]) -> (Connector, Agent) {
    let connector = Connector::with(Options { extra_deals: 2_500, ..Options::new("") }).await;
    connector.connect(connect).await;
    let agent = connector.agent(&[]).await;
    (connector, agent)
}

/// Reads the list to its end, and lets records come, go and change after each page.
async fn read_while_it_changes(connector: &Connector, agent: &Agent, first: &str) -> Vec<String> {
    let sandbox = &connector.zoho.sandbox;
    let (mut found, mut path, mut round) = (Vec::new(), first.to_owned(), 0_usize);
    loop {
        let page = agent.get(&path).await.ok();
        found.extend(ids(&page));
        // Some of those that were seen vanish, some that were not change, and new ones come.
        for place in [round * 7, round * 11 + 3] {
            assert!(sandbox.delete_deal(&found[place % found.len()]) || round > 0);
        }
        let deals = sandbox.deals();
        let later = deals[deals.len() - 1 - round]["id"].as_str().unwrap();
        assert!(sandbox.change_deal(later, json!({ "Next_Step": format!("Round {round}") })));
        sandbox.add_deal(
            json!({ "id": (6_199_000_000_000_000_u64 + round as u64).to_string(), "Deal_Name": "New" }),
        );
        round += 1;
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return found,
        }
    }
}

#[tokio::test]
async fn a_list_misses_nothing_while_records_come_and_go() {
    for id_only in [false, true] {
        let (connector, agent) = many_deals(&[]).await;
        connector.zoho.sandbox.switches(|switches| {
            switches.per_minute_limit = None;
            switches.crm_coql_lookup_id_only = id_only;
        });
        let set = |deals: Vec<Value>| -> BTreeSet<String> {
            deals.iter().map(|deal| deal["id"].as_str().unwrap().to_owned()).collect()
        };
        let before = set(connector.zoho.sandbox.deals());
        assert!(before.len() >= 2_500);
        let found = read_while_it_changes(&connector, &agent, "/v1/crm/deals").await;
        let after = set(connector.zoho.sandbox.deals());
        let unique: BTreeSet<String> = found.iter().cloned().collect();
        assert_eq!(unique.len(), found.len(), "none twice");
        let throughout: Vec<_> = before.intersection(&after).collect();
        assert!(throughout.len() > 2_400);
        assert!(throughout.iter().all(|id| unique.contains(*id)), "none missing");
    }
}

#[tokio::test]
async fn a_list_reads_the_same_however_crm_gives_its_lookups() {
    let connector = Connector::with(Options { extra_deals: 20, ..Options::new("") }).await;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    let whole = agent.get("/v1/crm/deals").await.ok();
    for id_only in [false, true] {
        connector.zoho.sandbox.switches(|switches| switches.crm_coql_lookup_id_only = id_only);
        let (mut rows, mut path) = (Vec::new(), "/v1/crm/deals?per_page=3".to_owned());
        loop {
            let page = agent.get(&path).await.ok();
            rows.extend(page["data"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { break };
            path = next.to_owned();
        }
        let names = |rows: &[Value]| -> Vec<Value> {
            rows.iter()
                .map(|row| json!([row["id"], row["Account_Name"], row["Account_Name_id"], row["Owner"]]))
                .collect()
        };
        assert_eq!(names(&rows), names(whole["data"].as_array().unwrap()), "{id_only}");
    }
}

#[tokio::test]
async fn without_the_scope_of_queries_a_list_goes_on_by_page_tokens() {
    let (_connector, agent) =
        many_deals(&["--products", "crm", "--scopes", "ZohoCRM.modules.deals.READ,ZohoCRM.org.READ"]).await;
    let (mut found, mut path) = (Vec::new(), "/v1/crm/deals".to_owned());
    loop {
        let page = agent.get(&path).await.ok();
        found.extend(ids(&page));
        let Some(next) = page["next"].as_str() else { break };
        path = next.to_owned();
    }
    let unique: BTreeSet<_> = found.iter().collect();
    assert!(found.len() > 2_500 && unique.len() == found.len(), "{} of {}", unique.len(), found.len());
    let problem = agent.get("/v1/crm/deals?stage=Qualification").await.problem("scope_missing");
    assert!(problem["detail"].as_str().unwrap().contains("ZohoCRM.coql.READ"), "{problem}");
}

#[tokio::test]
async fn deals_are_found_by_stage_and_by_a_part_of_their_name() {
    let (connector, agent) = Connector::connected().await;
    connector.zoho.sandbox.add_deal(
        json!({ "id": "6100000000990002", "Deal_Name": "O'Hara's spring 100%", "Stage": "Closed Won" }),
    );
    let won = agent.get("/v1/crm/deals?stage=Closed+Won").await.ok();
    assert!(ids(&won).contains(&"6100000000990002".to_owned()), "{won}");
    assert!(won["data"].as_array().unwrap().iter().all(|deal| deal["Stage"] == "Closed Won"));
    for part in ["O'Hara", "spring", "'s s", "100%"] {
        let part = part.replace('%', "%25").replace(' ', "+");
        let found = agent.get(&format!("/v1/crm/deals?search={part}&stage=Closed%20Won")).await.ok();
        assert_eq!(ids(&found), ["6100000000990002"], "{part}");
    }
    let one = agent.get("/v1/crm/deals?search=r&per_page=1").await.ok();
    let next = one["next"].as_str().unwrap();
    assert!(next.contains("search=r"), "{next}");
    let two = agent.get(next).await.ok();
    assert_ne!(ids(&one), ids(&two));
    let none = agent.get("/v1/crm/deals?stage=Closed+Won&search=nothing").await.ok();
    assert_eq!(none, json!({ "data": [], "next": null }));
    let wrong = agent.get("/v1/crm/deals?stage=Won").await.problem("value_not_allowed");
    assert!(wrong["detail"].as_str().unwrap().contains("Closed Won"), "{wrong}");
    agent.get("/v1/crm/deals?search=%5C").await.problem("invalid_parameter");
}

const DEAL: &str = "/v1/crm/deals/6100000000451001";

#[tokio::test]
async fn a_brief_is_four_calls_and_says_what_it_lacks() {
    let (connector, agent) = Connector::start().await.with_agent("write", "crm:write").await;
    for number in 0..12 {
        connector.zoho.sandbox.advance(std::time::Duration::from_secs(60));
        let note = json!({ "Note_Content": format!("Call {number}") });
        assert_eq!(agent.write("POST", &format!("{DEAL}/notes"), &[], &note).await.status, 201);
    }
    agent.get("/v1/status").await.ok();
    for newest_first in [false, true] {
        connector.zoho.sandbox.switches(|switches| switches.crm_notes_newest_first = newest_first);
        connector.zoho.sandbox.clear_requests();
        let brief = agent.get(&format!("{DEAL}/brief")).await.ok();
        assert_eq!(connector.zoho.sandbox.requests().len(), 4);
        assert_eq!(brief["deal"]["Deal_Name"], "Spring reorder");
        assert_eq!(brief["account"]["Account_Name"], "Harbor Interiors GmbH");
        assert_eq!(brief["contacts"][0]["Full_Name"], "Lea Sommer", "{brief}");
        let notes: Vec<_> =
            brief["notes"].as_array().unwrap().iter().map(|note| &note["Note_Content"]).collect();
        assert_eq!((notes.len(), notes[0]), (10, &json!("Call 11")), "{notes:?}");
        assert_eq!(brief["missing"], json!([]));
    }
    let lonely = agent.get("/v1/crm/deals/6100000000451006/brief").await.ok();
    assert_eq!(
        (&lonely["account"], &lonely["contacts"], &lonely["missing"]),
        (&Value::Null, &json!([]), &json!([]))
    );
    agent.get("/v1/crm/deals/6100000000999999/brief").await.problem("record_not_found");
}

#[tokio::test]
async fn a_brief_without_all_scopes_says_which_part_is_missing() {
    let connector = Connector::start().await;
    let scopes = "ZohoCRM.modules.deals.READ,ZohoCRM.modules.contacts.READ,ZohoCRM.org.READ";
    connector.connect(&["--products", "crm", "--scopes", scopes]).await;
    let agent = connector.agent(&[]).await;
    let brief = agent.get(&format!("{DEAL}/brief")).await.ok();
    assert_eq!(brief["contacts"][0]["Full_Name"], "Lea Sommer", "{brief}");
    let missing: Vec<_> = brief["missing"].as_array().unwrap().iter().map(|part| &part["part"]).collect();
    assert_eq!(missing, ["notes", "account"]);
    assert!(
        brief["missing"][1]["detail"].as_str().unwrap().contains("ZohoCRM.modules.accounts.READ"),
        "{brief}"
    );
}

#[tokio::test]
async fn fields_tell_what_can_be_written() {
    let (connector, agent) = Connector::connected().await;
    let fields = agent.get("/v1/crm/fields?module=Deals").await.ok();
    let field = |name: &str| {
        let all = fields["data"].as_array().unwrap();
        all.iter().find(|field| field["api_name"] == name).unwrap().clone()
    };
    assert!(field("Stage")["values"].as_array().unwrap().contains(&json!("Closed Won")));
    assert_eq!((&field("Stage")["required"], &field("Stage")["writable"]), (&json!(true), &json!(true)));
    assert_eq!(field("Account_Name")["lookup"], "Accounts");
    assert_eq!(field("Created_Time")["writable"], false);
    assert_eq!(field("External_Order_ID")["unique"], true);
    let calls = connector.zoho.sandbox.requests().len();
    agent.get("/v1/crm/fields?module=Deals").await.ok();
    assert_eq!(connector.zoho.sandbox.requests().len(), calls, "known for a minute");
    let other = agent.get_with("/v1/crm/fields?module=Deals", &[("Zoho-Organization", "12345")]).await;
    other.problem("organization_mismatch");
    agent.get("/v1/crm/fields").await.problem("invalid_parameter");
    agent.get("/v1/crm/fields?module=De/als").await.problem("invalid_parameter");
    agent.get("/v1/crm/fields?module=Nothing").await.problem("zoho_rejected");
}

#[tokio::test]
async fn queries_bind_their_values() {
    let connector = Connector::with(Options { extra_deals: 300, ..Options::new("") }).await;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    let ask = async |body: Value| agent.write("POST", "/v1/crm/query", &[], &body).await;
    let found = ask(json!({
        "query": "select Deal_Name, Account_Name, Amount from Deals where Stage = :stage and Amount >= :least",
        "params": { "stage": "Proposal/Price Quote", "least": 10000 },
    }))
    .await
    .ok();
    assert_eq!(found["data"][0]["Deal_Name"], "Showroom fit-out", "{found}");
    assert_eq!(found["data"][0]["Account_Name_id"], "6100000000440011");
    assert!(found["data"][0]["untrusted"].as_array().unwrap().contains(&json!("Deal_Name")));
    let none = ask(json!({
        "query": "select id from Deals where Deal_Name = :name",
        "params": { "name": "x' or Deal_Name != 'y" },
    }))
    .await
    .ok();
    assert_eq!(none["data"], json!([]), "a value stays a value");
    let all = "select id from Deals where id is not null";
    let cut = ask(json!({ "query": all })).await.ok();
    assert_eq!(cut["data"].as_array().unwrap().len(), 200);
    assert!(cut["notice"].as_str().unwrap().contains("200 rows"), "{cut}");
    let whole = ask(json!({ "query": all, "max_rows": 2000 })).await.ok();
    assert!(whole["data"].as_array().unwrap().len() > 300 && whole["notice"].is_null());
    for (body, named) in [
        (json!({ "query": "update Deals" }), "select"),
        (json!({ "query": all, "max_rows": 2001 }), "max_rows"),
        (json!({ "query": format!("{all} limit 300") }), "limit"),
        (json!({ "query": "select id from Deals where id = :id" }), ":id"),
        (json!({ "query": all, "params": { "x": 1 } }), "x"),
        (json!({ "query": all, "rows": 1 }), "rows"),
        (json!({}), "query"),
    ] {
        let problem = ask(body).await.problem("body_invalid");
        assert!(problem["detail"].as_str().unwrap().contains(named), "{problem}");
    }
    let wrong = ask(json!({ "query": "select Nothing from Deals where id is not null" }))
        .await
        .problem("zoho_rejected");
    assert_eq!(wrong["zoho"]["code"], "INVALID_QUERY", "{wrong}");
    let unknown =
        ask(json!({ "query": "select id from Leads where id is not null" })).await.problem("scope_missing");
    assert!(unknown["detail"].as_str().unwrap().contains("ZohoCRM.modules.Leads.READ"), "{unknown}");
    // What one module lacks is no reason to refuse another.
    ask(json!({ "query": all })).await.ok();
}

#[tokio::test]
async fn a_key_can_be_kept_from_the_data_of_people() {
    let (connector, open) = Connector::connected().await;
    let agent = connector.agent(&["--redact", "contacts"]).await;
    for path in ["/v1/crm/contacts", "/v1/inventory/contacts", "/v1/crm/deals/6100000000451001/brief"] {
        let (seen, hidden) = (open.get(path).await.ok().to_string(), agent.get(path).await.ok().to_string());
        assert!(seen.contains('@') && !hidden.contains('@'), "{path}: {hidden}");
        assert!(hidden.contains("[redacted]"), "{path}");
    }
    let sommer = agent.get("/v1/crm/contacts?search=Sommer").await.ok();
    assert_eq!(sommer["data"][0]["Full_Name"], "Lea Sommer");
    for query in [
        "select Email from Contacts where id is not null",
        "select Last_Name from Contacts where Mobile like '%1%'",
    ] {
        agent
            .write("POST", "/v1/crm/query", &[], &json!({ "query": query }))
            .await
            .problem("key_not_allowed");
    }
    let contacts = agent.get("/v1/crm/contacts?fields=Full_Name,Phone,Mobile").await.ok();
    for contact in contacts["data"].as_array().unwrap() {
        for field in ["Phone", "Mobile"].iter().filter(|field| !contact[**field].is_null()) {
            assert_eq!(contact[*field], "[redacted]", "{contact}");
        }
    }
    for path in [
        "/v1/crm/contacts?phone=1234",
        "/v1/crm/contacts?email=lea%40x.example",
        "/v1/inventory/contacts?email=a%40b.example",
    ] {
        agent.get(path).await.problem("key_not_allowed");
    }
    let passing = connector
        .agent(&["--redact", "contacts", "--can", "crm:read,zoho:*:crm/**,zoho:*:inventory/**"])
        .await;
    let query = json!({ "select_query": "select Phone from Contacts where id is not null" });
    passing.write("POST", "/v1/zoho/crm/coql", &[], &query).await.problem("key_not_allowed");
    let searched = passing.get("/v1/zoho/crm/Contacts/search?word=Lea").await;
    searched.problem("key_not_allowed");
    let seen = passing.get("/v1/zoho/inventory/contacts").await.ok().to_string();
    assert!(seen.contains("[redacted]") && !seen.contains('@'), "{seen}");
    // What is public stays as it is.
    let document = agent.get("/openapi.json").await.ok();
    assert!(document["paths"]["/v1/status"].is_object() && !document.to_string().contains("[redacted]"));
    assert_eq!(agent.get("/v1/status").await.ok()["key"]["redact"], "contacts");
}

/// The open pipeline in one call, whatever the stages are called.
#[tokio::test]
async fn deals_are_summed_by_stage_as_crm_says_what_is_open() {
    let (connector, agent) = Connector::connected().await;
    let sandbox = &connector.zoho.sandbox;
    sandbox
        .switches(|switches| (switches.crm_stages_untold, switches.crm_coql_lookup_id_only) = (false, false));
    let deals = sandbox.deals();
    let expected = |stage: &str| {
        let own: Vec<&Value> = deals.iter().filter(|deal| deal["Stage"] == stage).collect();
        let amounts: Vec<f64> = own.iter().filter_map(|deal| deal["Amount"].as_f64()).collect();
        (u64::try_from(own.len()).unwrap(), (!amounts.is_empty()).then(|| amounts.iter().sum::<f64>()))
    };
    sandbox.clear_requests();
    let all = agent.get("/v1/crm/deals/summary").await.ok();
    let calls = || sandbox.requests().iter().filter(|one| one.path.contains("/crm/v8/")).count();
    assert_eq!(calls(), 2, "the fields, and one query");
    assert_eq!((&all["next"], &all["notice"]), (&Value::Null, &Value::Null), "{all}");
    let rows = all["data"].as_array().unwrap();
    assert!(rows.len() > 2, "{all}");
    for row in rows {
        let stage = row["Stage"].as_str().unwrap();
        assert_eq!((row["count"].as_u64().unwrap(), row["sum"].as_f64()), expected(stage), "{row}");
        assert_eq!(row["open"], !stage.starts_with("Closed"), "{row}");
    }
    let told: u64 = rows.iter().map(|row| row["count"].as_u64().unwrap()).sum();
    assert_eq!(usize::try_from(told).unwrap(), deals.len());

    sandbox.clear_requests();
    let open = agent.get("/v1/crm/deals/summary?open=true").await.ok();
    assert_eq!(calls(), 1, "the fields are known");
    assert!(open["data"].as_array().unwrap().iter().all(|row| row["open"] == true), "{open}");
    assert_eq!(open["totals"].as_array().unwrap().len(), 1, "{open}");
    let total: u64 = open["data"].as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap()).sum();
    assert_eq!(open["totals"][0]["count"], total);
    let closed = agent.get("/v1/crm/deals/summary?open=false").await.ok();
    assert!(closed["data"].as_array().unwrap().iter().all(|row| row["open"] == false), "{closed}");

    // By whom it is with, and by who looks after it.
    let by_account =
        agent.get("/v1/crm/deals/summary?by=Account_Name&sum=Expected_Revenue&open=true").await.ok();
    let row = &by_account["data"][0];
    assert!(
        row["Account_Name_id"].is_string() && row["untrusted"] == json!(["Account_Name"]),
        "{by_account}"
    );
    let by_owner = agent.get("/v1/crm/deals/summary?by=Owner").await.ok();
    assert!(by_owner["data"].as_array().unwrap().len() <= 2, "open and closed: {by_owner}");

    for (query, word) in [
        ("by=Stag", "did you mean `Stage`?"),
        ("sum=Amout", "did you mean `Amount`?"),
        ("sum=Stage", "is of the kind `picklist`"),
        ("by=Description", "CRM cannot group by `Description`"),
        ("by=count", "a row has something else"),
        ("by=Stage%20from", "the API name of a field"),
        ("by=", "the API name of a field"),
        ("open=perhaps", "`open` is `true` or `false`"),
        ("stage=Won", "`stage` is unknown here"),
    ] {
        let problem = agent.get(&format!("/v1/crm/deals/summary?{query}")).await.problem("invalid_parameter");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{query}: {problem}");
    }
}

#[tokio::test]
async fn sums_say_what_crm_does_not_tell() {
    let (connector, agent) = Connector::connected().await;
    let sandbox = &connector.zoho.sandbox;
    sandbox.switches(|switches| switches.crm_stages_untold = true);
    let untold = agent.get("/v1/crm/deals/summary?open=true").await.ok();
    assert!(untold["data"].as_array().unwrap().iter().all(|row| row["open"].is_null()), "{untold}");
    assert!(untold["notice"].as_str().unwrap().contains("does not say of every stage"), "{untold}");

    // Amounts of several currencies are not added up.
    let (connector, agent) = Connector::connected().await;
    let sandbox = &connector.zoho.sandbox;
    sandbox.switches(|switches| (switches.crm_currencies, switches.crm_stages_untold) = (true, false));
    for (place, deal) in sandbox.deals().iter().enumerate() {
        let currency = if place == 0 { "USD" } else { "EUR" };
        assert!(sandbox.change_deal(deal["id"].as_str().unwrap(), json!({ "Currency": currency })));
    }
    let sums = agent.get("/v1/crm/deals/summary").await.ok();
    let rows = sums["data"].as_array().unwrap();
    let dollars: Vec<&Value> = rows.iter().filter(|row| row["Currency"] == "USD").collect();
    assert_eq!((dollars.len(), &dollars[0]["count"]), (1, &json!(1)), "{sums}");
    let currencies: BTreeSet<&str> =
        sums["totals"].as_array().unwrap().iter().map(|total| total["Currency"].as_str().unwrap()).collect();
    assert_eq!(currencies, BTreeSet::from(["EUR", "USD"]));

    // A key that hides contacts counts by nothing that people wrote.
    let hidden = connector.agent(&["--redact", "contacts"]).await;
    hidden.get("/v1/crm/deals/summary?by=Type").await.ok();
    for by in ["Account_Name", "Next_Step", "Contact_Name"] {
        hidden.get(&format!("/v1/crm/deals/summary?by={by}")).await.problem("key_not_allowed");
    }
    // Where CRM tells no fields nobody knows what is open, and the sums are there all the same.
    let (connector, agent) = Connector::connected().await;
    let refused =
        json!({ "code": "NOT_TODAY", "message": "no", "details": {}, "status": "error" }).to_string();
    let kind = FaultKind::Body(400, "application/json".to_owned(), refused);
    connector.zoho.sandbox.inject(Fault { path_contains: "settings/fields".to_owned(), times: 9, kind });
    let sums = agent.get("/v1/crm/deals/summary").await.ok();
    assert!(sums["data"][0]["count"].is_u64() && sums["data"][0]["open"].is_null(), "{sums}");
    assert!(sums["notice"].as_str().unwrap().contains("several currencies"), "{sums}");
}

#[tokio::test]
async fn a_list_of_crm_says_what_changed_since() {
    let connector = Connector::with(Options { extra_deals: 30, ..Options::new("") }).await;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    let sandbox = &connector.zoho.sandbox;
    let since = "2027-01-01T00:00:00Z";
    for path in ["/v1/crm/deals", "/v1/crm/contacts", "/v1/crm/accounts"] {
        let none = agent.get(&format!("{path}?modified_since={since}")).await.ok();
        assert_eq!(none["data"], json!([]), "{path}: {none}");
        let all = agent.get(&format!("{path}?modified_since=2020-01-01T00:00:00%2B01:00")).await.ok();
        assert!(!all["data"].as_array().unwrap().is_empty(), "{path}: {all}");
        agent.get(&format!("{path}?modified_since=yesterday")).await.problem("invalid_parameter");
    }
    let changed: Vec<String> =
        (0..8).map(|number: u64| (6_199_000_000_000_000 + number).to_string()).collect();
    for id in &changed {
        sandbox
            .add_deal(json!({ "id": id, "Deal_Name": "New", "Modified_Time": "2027-01-02T10:00:00+01:00" }));
    }
    let mut path = format!("/v1/crm/deals?modified_since={since}&per_page=3&fields=Deal_Name");
    let mut found = Vec::new();
    loop {
        let page = agent.get(&path).await.ok();
        assert!(page["data"].as_array().unwrap().iter().all(|row| row["Modified_Time"].is_null()), "{page}");
        found.extend(ids(&page));
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    found.sort();
    let mut expected = changed;
    expected.sort();
    assert_eq!(found, expected);
}
