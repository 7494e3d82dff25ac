//! Reading CRM: lists that miss nothing while records change, stages and parts of names, and what a deal is about.

use std::collections::BTreeSet;

use sandbox::Options;
use serde_json::{Value, json};
use tests::connector::{Agent, Connector};

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
