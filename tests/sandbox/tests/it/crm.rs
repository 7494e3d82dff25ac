//! CRM: mandatory fields, pages, empty answers, credits.

use std::time::Duration;

use sandbox::Options;
use serde_json::json;

use crate::support::{SCOPES, Zoho};

#[tokio::test]
async fn fields_are_mandatory_in_lists() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let reply = zoho.crm("/Deals", &token).await;
    assert_eq!((reply.status, reply.at("/code").as_str()), (400, "REQUIRED_PARAM_MISSING"));
    assert_eq!(reply.at("/details/param_name"), "fields");
    zoho.switches(|switches| switches.crm_missing_param_api_name = true);
    assert_eq!(zoho.crm("/Deals?fields=", &token).await.at("/details/api_name"), "fields");
    let many = vec!["Stage"; 51].join(",");
    assert_eq!(zoho.crm(&format!("/Deals?fields={many}"), &token).await.at("/code"), "LIMIT_EXCEEDED");
    let reply =
        zoho.crm("/Deals?fields=Deal_Name,Amount&sort_by=Created_Time&sort_order=asc", &token).await.json();
    assert_eq!(
        reply["data"][3],
        json!({ "id": "6100000000451004", "Deal_Name": "Nationwide framework",
        "Amount": "1234567890123.45".parse::<serde_json::Number>().unwrap() })
    );
    assert_eq!((&reply["info"]["count"], &reply["info"]["more_records"]), (&json!(6), &json!(false)));
    assert_eq!(reply["info"]["next_page_token"], json!(null));
}

#[tokio::test]
async fn beyond_two_thousand_only_a_token_leads_on() {
    let zoho = Zoho::start_with(Options { extra_deals: 2_100, ..Options::new("") }).await;
    let token = zoho.connected().await;
    let tenth = zoho.crm("/Deals?fields=Stage&page=10", &token).await;
    assert_eq!(tenth.at("/info/more_records"), "true");
    let eleventh = zoho.crm("/Deals?fields=Stage&page=11", &token).await;
    assert_eq!(eleventh.at("/code"), "DISCRETE_PAGINATION_LIMIT_EXCEEDED");
    let next = tenth.at("/info/next_page_token");
    let last = zoho.crm(&format!("/Deals?fields=Stage&page_token={next}"), &token).await.json();
    assert_eq!((&last["info"]["count"], &last["info"]["more_records"]), (&json!(106), &json!(false)));
    for (query, error) in [
        (format!("fields=Stage&page=2&page_token={next}"), "AMBIGUITY_DURING_PROCESSING"),
        (format!("fields=Amount&page_token={next}"), "TOKEN_BOUND_DATA_MISMATCH"),
        (format!("fields=Stage&page_token={next}0"), "INVALID_DATA"),
        ("fields=Stage&per_page=201".to_owned(), "INVALID_DATA"),
        ("fields=Stage&sort_by=Amount".to_owned(), "INVALID_DATA"),
    ] {
        assert_eq!(zoho.crm(&format!("/Deals?{query}"), &token).await.at("/code"), error, "{query}");
    }
    zoho.advance(Duration::from_secs(86_401));
    let token = zoho.connected().await;
    let late = zoho.crm(&format!("/Deals?fields=Stage&page_token={next}"), &token).await;
    assert_eq!(late.at("/code"), "EXPIRED_VALUE");
}

#[tokio::test]
async fn nothing_is_204_and_nothing_new_is_304() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let empty = zoho.crm("/Deals?fields=Stage&page=2", &token).await;
    assert_eq!((empty.status, empty.text.as_str()), (204, ""));
    let auth = format!("Zoho-oauthtoken {token}");
    for (since, status) in [("2026-11-19T15:02:44+01:00", 304), ("2026-11-19T15:02:43+01:00", 200)] {
        let headers = [("authorization", auth.as_str()), ("if-modified-since", since)];
        for path in ["/eu/api/crm/v8/Deals?fields=Stage", "/eu/api/crm/v8/Deals/6100000000451001"] {
            assert_eq!(zoho.send("GET", path, &headers, "").await.unwrap().status, status, "{since} {path}");
        }
    }
}

#[tokio::test]
async fn one_record_is_an_array_of_one() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let deal = zoho.crm("/Deals/6100000000451002", &token).await.json();
    assert_eq!(
        (&deal["data"][0]["Contact_Name"], &deal["data"][0]["Stage"]),
        (&json!(null), &json!("Proposal/Price Quote"))
    );
    assert_eq!(zoho.crm("/Contacts/6100000000440026", &token).await.at("/data/0/Full_Name"), "Jörg Grün");
    assert_eq!(zoho.crm("/Accounts?fields=Account_Name", &token).await.at("/info/count"), "2");
    assert_eq!(zoho.crm("/Deals/610000000045", &token).await.status, 204);
    zoho.switches(|switches| switches.crm_unknown_id_invalid_data = true);
    for id in ["610000000045", "abc"] {
        let reply = zoho.crm(&format!("/Deals/{id}"), &token).await;
        assert_eq!((reply.status, reply.at("/code").as_str()), (400, "INVALID_DATA"));
    }
}

#[tokio::test]
async fn scopes_modules_and_paths_have_their_own_errors() {
    let zoho = Zoho::start().await;
    let (deals, _) = zoho.connect("ZohoCRM.modules.deals.READ").await;
    assert_eq!(zoho.crm("/Deals?fields=Stage", &deals).await.status, 200);
    for path in ["/Contacts?fields=Email", "/org"] {
        let reply = zoho.crm(path, &deals).await;
        assert_eq!((reply.status, reply.at("/code").as_str()), (401, "OAUTH_SCOPE_MISMATCH"), "{path}");
    }
    for (path, status, code) in [
        ("/Trucks?fields=id", 400, "INVALID_MODULE"),
        ("/Deals/1/2/3", 404, "INVALID_URL_PATTERN"),
        ("/", 404, "INVALID_URL_PATTERN"),
    ] {
        let reply = zoho.crm(path, &deals).await;
        assert_eq!((reply.status, reply.at("/code").as_str()), (status, code), "{path}");
    }
    let nobody = zoho.send("GET", "/eu/api/crm/v8/org", &[], "").await.unwrap();
    assert_eq!(nobody.at("/code"), "AUTHENTICATION_FAILURE");
}

#[tokio::test]
async fn credits_show_only_after_half_is_used() {
    let zoho = Zoho::start().await;
    let (token, _) = zoho.connect(SCOPES).await;
    zoho.switches(|switches| switches.crm_credits = 4);
    let mut left = Vec::new();
    for _ in 0..4 {
        left.push(zoho.crm("/org", &token).await.header("x-api-credits-remaining").to_owned());
    }
    assert_eq!(left, ["", "2", "1", "0"]);
    let reply = zoho.crm("/org", &token).await;
    assert_eq!((reply.status, reply.at("/code").as_str()), (429, "TOO_MANY_REQUESTS"));
}

#[tokio::test]
async fn an_added_deal_is_listed() {
    let zoho = Zoho::start().await;
    zoho.add_deal(json!({ "Deal_Name": "Added", "Description": "x".repeat(600) }));
    let token = zoho.connected().await;
    let reply = zoho.crm("/Deals?fields=Deal_Name,Description&per_page=1", &token).await.json();
    assert_eq!(reply["data"][0]["Deal_Name"], "Added");
    assert_eq!(reply["data"][0]["Description"].as_str().unwrap().len(), 500);
}
