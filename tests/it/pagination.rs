//! Zoho can call a page the last one that is not. Nothing is missed by that: neither a twin nor the rest of a list.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::agent::Agent;
use tests::connector::Connector;

const ITEMS: &str = "/v1/inventory/items";

/// With this many rows a page, and each page said to be the last.
async fn short_pages(rows: usize) -> (Connector, Agent) {
    let (connector, agent) =
        Connector::start_without_limit().await.with_agent("write", "inventory:write").await;
    connector.zoho.sandbox.switches(|switches| {
        switches.rows_in_a_page = rows;
        switches.more_pages_denied = true;
    });
    (connector, agent)
}

fn asked(connector: &Connector, path: &str) -> usize {
    connector.zoho.sandbox.requests().iter().filter(|request| request.path.ends_with(path)).count()
}

/// All that a list gives, page after page.
async fn walked(agent: &Agent, path: &str, id: &str) -> Vec<String> {
    let (mut path, mut ids) = (path.to_owned(), Vec::new());
    loop {
        let page = agent.get(&path).await.ok();
        ids.extend(page["data"].as_array().unwrap().iter().map(|row| row[id].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut path),
            None => return ids,
        }
    }
}

#[tokio::test]
async fn an_exact_sku_is_found_behind_a_page_that_is_called_the_last() {
    let (connector, agent) = short_pages(2).await;
    for ignored in [true, false] {
        connector.zoho.sandbox.switches(|switches| switches.sku_filter_ignored = ignored);
        let found = agent.get(&format!("{ITEMS}?sku=RUG-FJORD")).await.ok();
        assert_eq!(found["data"][0]["item_id"], "3300000000070009");
        let problem = agent.get(&format!("{ITEMS}?sku=DUP-1")).await.problem("sku_ambiguous");
        let detail = problem["detail"].as_str().unwrap();
        for part in ["3300000000070006", "3300000000070007", "Hook, brass", "Hook, steel"] {
            assert!(detail.contains(part), "{detail}");
        }
        agent.get(&format!("{ITEMS}?sku=NO-SUCH")).await.problem("sku_not_found");
    }
    connector.zoho.sandbox.switches(|switches| switches.rows_in_a_page = 1);
    agent.get(&format!("{ITEMS}?sku=DUP-1")).await.problem("sku_ambiguous");
}

#[tokio::test]
async fn an_order_does_not_go_to_the_first_of_two_customers_of_a_name() {
    let (connector, agent) = short_pages(1).await;
    connector.zoho.sandbox.add_contact(json!({
        "contact_id": "3300000000060299", "contact_name": "Harbor Interiors GmbH", "company_name": "Harbor Interiors (old)",
    }));
    let order = json!({
        "customer": "Harbor Interiors GmbH", "line_items": [{ "item_id": "3300000000070001", "quantity": 1 }],
    });
    for ignored in [true, false] {
        connector.zoho.sandbox.switches(|switches| switches.contact_filters_ignored = ignored);
        let answer = agent.write("POST", "/v1/inventory/salesorders", &[], &order).await;
        let problem = answer.problem("customer_ambiguous");
        let detail = problem["detail"].as_str().unwrap();
        for part in ["3300000000060210", "3300000000060299", "Harbor Interiors (old)"] {
            assert!(detail.contains(part), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_list_goes_on_until_a_page_is_empty() {
    let (connector, agent) = short_pages(3).await;
    for (path, id, count) in [
        (ITEMS, "item_id", connector.zoho.sandbox.items().len()),
        ("/v1/inventory/salesorders", "salesorder_id", connector.zoho.sandbox.salesorders().len()),
        ("/v1/inventory/contacts", "contact_id", 3),
    ] {
        let ids = walked(&agent, path, id).await;
        assert_eq!(ids.len(), count, "{path}");
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), count, "{path}: each once");
    }
}

/// What proof costs: nothing where a first page is nearly empty, and one call at the end of a longer list.
#[tokio::test]
async fn a_short_list_costs_one_call() {
    let (connector, agent) = Connector::connected().await;
    connector.zoho.sandbox.clear_requests();
    for path in ["?sku=RUG-FJORD", "?search=oak", ""] {
        let page = agent.get(&format!("{ITEMS}{path}")).await.ok();
        assert_eq!(page["next"], Value::Null, "{path}");
    }
    assert_eq!(asked(&connector, "/items"), 3);
}
