//! CRM's search: looser than it looks, later than the records, and with a scope of its own.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Zoho;

fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn found(zoho: &Zoho, token: &str, module: &str, query: &str) -> Vec<String> {
    let reply = zoho.crm(&format!("/{module}/search?{query}"), token).await;
    if reply.status == 204 {
        assert_eq!(reply.text, "");
        return Vec::new();
    }
    let rows = reply.json()["data"].as_array().cloned().unwrap_or_else(|| panic!("{reply:?}"));
    rows.iter().map(|row| row["id"].as_str().unwrap().replace("61000000004", "")).collect()
}

#[tokio::test]
async fn criteria_find_more_than_they_say() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    zoho.add_deal(json!({ "Deal_Name": "Order (web), second", "id": "6100000000459999" }));
    for (criteria, expected) in [
        // Text: equals is contains.
        ("(Deal_Name:equals:spring)", vec!["51001"]),
        ("(Deal_Name:starts_with:show)", vec!["51002"]),
        ("(Deal_Name:starts_with:fit)", vec![]),
        ("(Deal_Name:equals:Order \\(web\\)\\, second)", vec!["59999"]),
        // A picklist is exact.
        ("(Stage:equals:Negotiation)", vec![]),
        ("(Stage:equals:Negotiation/Review)", vec!["51004"]),
        ("(Stage:in:Closed Lost,Value Proposition)", vec!["51005", "51006"]),
        ("(Amount:greater_than:4300)", vec!["51002", "51004"]),
        ("(Amount:between:99,4300)", vec!["51001", "51006"]),
        ("(Closing_Date:less_equal:2026-12-12)", vec!["51001", "51002", "59999"]),
        ("(Account_Name:equals:6100000000440012)", vec!["51003", "51005"]),
        ("((Account_Name:equals:6100000000440012)and(Amount:equals:0.1))", vec!["51005"]),
        (
            "((Amount:equals:0.1)or((Amount:equals:99.9)and(Stage:equals:Closed Lost)))",
            vec!["51005", "51006"],
        ),
        ("(Modified_Time:greater_than:2026-11-19T15:02:44+01:00)", vec![]),
    ] {
        let query = format!("criteria={}", encode(criteria));
        assert_eq!(found(&zoho, &token, "Deals", &query).await, expected, "{criteria}");
    }
}

#[tokio::test]
async fn wrong_criteria_are_refused() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let eleven = format!("({})", ["(Amount:equals:1)"; 11].join("or"));
    for (criteria, code) in [
        ("Deal_Name:equals:x", "INVALID_QUERY"),
        ("(Deal_Name:equals:x", "INVALID_QUERY"),
        ("(Colour:equals:x)", "INVALID_QUERY"),
        ("(Deal_Name:sounds_like:x)", "INVALID_QUERY"),
        ("((Amount:equals:1)and(Amount:equals:1)or(Amount:equals:1))", "INVALID_QUERY"),
        ("(Deal_Name:equals:x)x", "INVALID_QUERY"),
        (&eleven, "LIMIT_EXCEEDED"),
    ] {
        let reply = zoho.crm(&format!("/Deals/search?criteria={}", encode(criteria)), &token).await;
        assert_eq!((reply.status, reply.at("/code").as_str()), (400, code), "{criteria}");
    }
    for (query, code) in [
        ("", "EXPECTED_PARAM_MISSING"),
        ("word=x&per_page=201", "INVALID_DATA"),
        ("word=x&page=0", "INVALID_DATA"),
        ("word=x&page=11", "LIMIT_REACHED"),
    ] {
        assert_eq!(zoho.crm(&format!("/Deals/search?{query}"), &token).await.at("/code"), code, "{query}");
    }
}

#[tokio::test]
async fn people_are_found_by_email_phone_and_word_and_the_first_kind_counts() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    for (query, expected) in [
        ("email=LEA@example.com", vec!["40025"]),
        ("email=lea", vec![]),
        ("phone=5550100", vec!["40025"]),
        ("phone=%2B49+40+555", vec!["40025"]),
        ("phone=0", vec!["40025"]),
        ("phone=x", vec![]),
        ("word=gr%C3%BCn", vec!["40026"]),
        ("word=harbor", vec!["40025"]),
        ("word=harbor&email=joerg@example.com", vec!["40026"]),
        ("phone=5550100&word=gr%C3%BCn", vec!["40025"]),
        ("criteria=(Last_Name:equals:Gr%C3%BCn)&email=lea@example.com", vec!["40026"]),
    ] {
        assert_eq!(found(&zoho, &token, "Contacts", query).await, expected, "{query}");
    }
    let picked = zoho.crm("/Contacts/search?word=lea&fields=Email", &token).await.json();
    assert_eq!(picked["data"][0], json!({ "id": "6100000000440025", "Email": "lea@example.com" }));
}

#[tokio::test]
async fn the_index_lags_behind_the_records() {
    let zoho = Zoho::start().await;
    zoho.switches(|switches| switches.crm_index_lag = Duration::from_secs(30));
    let token = zoho.connected().await;
    let names = async |word: &str| found(&zoho, &token, "Deals", &format!("word={word}")).await.len();
    let body = json!({ "data": [{ "Deal_Name": "Brandnew", "Stage": "Qualification" }] });
    let id = zoho.post_crm("/Deals", &token, &body).await.at("/data/0/details/id");
    assert_eq!(zoho.crm(&format!("/Deals/{id}"), &token).await.status, 200, "the record is there");
    assert_eq!(names("brandnew").await, 0);
    assert!(zoho.change_deal("6100000000451001", json!({ "Deal_Name": "Autumn" })));
    assert!(zoho.delete_deal("6100000000451002"));
    assert_eq!((names("spring").await, names("autumn").await, names("showroom").await), (1, 0, 1));
    let coql = json!({ "select_query": "select id from Deals where Deal_Name = 'Autumn'" });
    assert_eq!(zoho.post_crm("/coql", &token, &coql).await.status, 200, "COQL does not");
    zoho.advance(Duration::from_secs(31));
    assert_eq!(names("brandnew").await, 1);
    assert_eq!((names("spring").await, names("autumn").await, names("showroom").await), (0, 1, 0));
}

#[tokio::test]
async fn search_pages_and_needs_its_own_scope() {
    let zoho = Zoho::start_with(sandbox::Options { extra_deals: 2_100, ..sandbox::Options::new("") }).await;
    let token = zoho.connected().await;
    let first = zoho.crm("/Deals/search?word=generated&page=1", &token).await.json();
    assert_eq!((&first["info"]["count"], &first["info"]["more_records"]), (&json!(200), &json!(true)));
    let second = zoho.crm("/Deals/search?word=generated&page=10", &token).await.json();
    assert_eq!(second["info"]["more_records"], json!(true), "there is more, but not for a search");
    assert_ne!(first["data"][0]["id"], second["data"][0]["id"]);
    for scopes in ["ZohoCRM.modules.deals.READ", "ZohoSearch.securesearch.READ"] {
        let (token, _) = zoho.connect(scopes).await;
        let reply = zoho.crm("/Deals/search?word=spring", &token).await;
        assert_eq!((reply.status, reply.at("/code").as_str()), (401, "OAUTH_SCOPE_MISMATCH"), "{scopes}");
    }
    let (both, _) = zoho.connect("ZohoCRM.modules.deals.READ,ZohoSearch.securesearch.READ").await;
    assert_eq!(
        zoho.crm("/Deals/search?word=spring", &both).await.json()["data"][0]["Deal_Name"],
        "Spring reorder"
    );
    zoho.add_deal(json!({ "Deal_Name": "Long", "Description": "ä".repeat(600) }));
    let long: Value = zoho.crm("/Deals/search?word=long", &both).await.json();
    assert_eq!(long["data"][0]["Description"].as_str().unwrap().chars().count(), 500);
}
