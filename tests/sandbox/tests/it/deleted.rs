//! What a sweep reads of CRM: what changed since, in order and through all pages, and what was deleted.

use std::time::Duration;

use sandbox::Options;
use serde_json::{Value, json};

use crate::support::{Reply, Zoho};

const DEALS: [&str; 3] = ["6100000000451001", "6100000000451002", "6100000000451003"];

async fn since(zoho: &Zoho, path: &str, token: &str, since: &str) -> Reply {
    let token = format!("Zoho-oauthtoken {token}");
    let headers = [("authorization", token.as_str()), ("if-modified-since", since)];
    zoho.send("GET", &format!("/eu/api/crm/v8{path}"), &headers, "").await.unwrap()
}

fn ids(reply: &Reply) -> Vec<String> {
    let rows = reply.json()["data"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_deleted_record_leaves_its_name_and_time() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let none = zoho.crm("/Deals/deleted?type=all", &token).await;
    assert_eq!((none.status, none.text.as_str()), (204, ""));
    for (place, id) in DEALS.iter().enumerate() {
        zoho.advance(Duration::from_secs(60));
        if place == 0 {
            zoho.call("DELETE", &format!("/crm/v8/Deals/{id}"), &token, &Value::Null).await;
        } else {
            assert!(zoho.delete_deal(id));
        }
    }
    let reply = zoho.crm("/Deals/deleted?type=all", &token).await;
    assert_eq!(ids(&reply), [DEALS[2], DEALS[1], DEALS[0]], "newest first");
    let person = json!({ "name": "Nora Beck", "id": "6100000000123001" });
    let row = &reply.json()["data"][2];
    assert_eq!(
        row,
        &json!({ "deleted_by": person, "id": DEALS[0], "display_name": "Spring reorder",
        "type": "recycle", "created_by": person, "deleted_time": row["deleted_time"] })
    );
    assert_eq!(
        reply.json()["info"],
        json!({ "per_page": 200, "count": 3, "page": 1, "more_records": false })
    );

    let second = reply.at("/data/1/deleted_time");
    let later = since(&zoho, "/Deals/deleted?type=all", &token, &second).await;
    assert_eq!(ids(&later), [DEALS[2]]);
    let last = reply.at("/data/0/deleted_time");
    let nothing = since(&zoho, "/Deals/deleted", &token, &last).await;
    assert_eq!((nothing.status, nothing.text.as_str()), (304, ""));
    zoho.switches(|switches| {
        switches.crm_nothing_newer_204 = true;
        switches.crm_deleted_oldest_first = true;
    });
    assert_eq!(since(&zoho, "/Deals/deleted", &token, &last).await.status, 204);
    assert_eq!(since(&zoho, "/Deals?fields=id", &token, &last).await.status, 204);
    assert_eq!(ids(&zoho.crm("/Deals/deleted", &token).await), DEALS);
    assert_eq!(zoho.crm("/Contacts/deleted", &token).await.status, 204, "a list for each module");
}

#[tokio::test]
async fn the_bin_is_emptied_after_sixty_days() {
    let zoho = Zoho::start().await;
    zoho.delete_records("Deals", &DEALS);
    zoho.advance(Duration::from_secs(61 * 86_400));
    zoho.delete_records("Contacts", &["6100000000440025"]);
    let token = zoho.connected().await;
    assert_eq!(zoho.crm("/Deals/deleted?type=recycle", &token).await.status, 204);
    let gone = zoho.crm("/Deals/deleted?type=permanent", &token).await;
    assert_eq!((ids(&gone).len(), gone.at("/data/0/type")), (3, "permanent".to_owned()));
    assert_eq!(zoho.crm("/Contacts/deleted?type=permanent", &token).await.status, 204);
    assert_eq!(
        zoho.crm("/Contacts/deleted?type=recycle", &token).await.at("/data/0/display_name"),
        "Lea Sommer"
    );
}

#[tokio::test]
async fn deleted_records_come_in_pages() {
    let zoho = Zoho::start_with(Options { extra_deals: 450, ..Options::new("") }).await;
    let token = zoho.connected().await;
    let deals = zoho.deals();
    let all: Vec<&str> = deals.iter().map(|deal| deal["id"].as_str().unwrap()).collect();
    assert_eq!(zoho.delete_records("Deals", &all), 456);
    let mut found = Vec::new();
    for page in 1..=3 {
        let reply = zoho.crm(&format!("/Deals/deleted?type=all&page={page}&per_page=200"), &token).await;
        assert_eq!(reply.at("/info/more_records"), (page < 3).to_string());
        found.extend(ids(&reply));
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 456);
    assert_eq!(zoho.crm("/Deals/deleted?page=4", &token).await.status, 204);
    for wrong in ["type=bin", "per_page=201", "page=0"] {
        assert_eq!(
            zoho.crm(&format!("/Deals/deleted?{wrong}"), &token).await.at("/code"),
            "INVALID_DATA",
            "{wrong}"
        );
    }
    let (contacts, _) = zoho.connect("ZohoCRM.modules.contacts.READ").await;
    assert_eq!(zoho.crm("/Deals/deleted", &contacts).await.at("/code"), "OAUTH_SCOPE_MISMATCH");
}

#[tokio::test]
async fn what_changed_since_comes_in_order_through_all_pages() {
    let zoho = Zoho::start_with(Options { extra_deals: 2_300, ..Options::new("") }).await;
    let token = zoho.connected().await;
    let list =
        "/Deals?fields=id,Modified_Time,Created_Time&sort_by=Modified_Time&sort_order=asc&per_page=200";
    let then = zoho.crm("/Deals?fields=Modified_Time&sort_by=Modified_Time&per_page=1", &token).await;
    let then = then.at("/data/0/Modified_Time");
    assert_eq!(since(&zoho, list, &token, &then).await.status, 304);
    let deals = zoho.deals();
    let all: Vec<&str> = deals.iter().rev().map(|deal| deal["id"].as_str().unwrap()).collect();
    let mut changed = Vec::new();
    for part in all.chunks(300).take(7) {
        zoho.advance(Duration::from_secs(2));
        assert_eq!(zoho.update_records("Deals", part, &json!({ "Next_Step": "Call" })), part.len());
        changed.extend(part.iter().map(|id| (*id).to_owned()));
    }
    let (mut found, mut times, mut next) = (Vec::new(), Vec::new(), String::from("&page=1"));
    let mut page = 1;
    while !next.is_empty() {
        let reply = since(&zoho, &format!("{list}{next}"), &token, &then).await;
        assert_eq!(reply.status, 200, "{next}: {reply:?}");
        found.extend(ids(&reply));
        times.extend(
            reply.json()["data"].as_array().unwrap().iter().map(|row| row["Modified_Time"].to_string()),
        );
        page += 1;
        next = match reply.at("/info/more_records").as_str() {
            "true" if page <= 10 => format!("&page={page}"),
            "true" => format!("&page_token={}", reply.at("/info/next_page_token")),
            _ => String::new(),
        };
    }
    assert_eq!(found.len(), 2_100);
    assert!(times.is_sorted(), "oldest change first");
    found.sort();
    changed.sort();
    assert_eq!(found, changed);
}
