//! What describes CRM and counts in it: modules, single fields, related lists, the number of records.

use serde_json::Value;

use crate::support::Zoho;

fn names(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["api_name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn modules_fields_and_related_lists_are_described() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let modules = zoho.crm("/settings/modules", &token).await.json();
    assert_eq!(names(&modules["modules"]), ["Deals", "Contacts", "Accounts", "Notes"]);
    let visible = zoho.crm("/settings/modules?status=visible", &token).await.json();
    assert_eq!(visible["modules"].as_array().unwrap().len(), 3);
    let wrong = zoho.crm("/settings/modules?status=blue", &token).await;
    assert_eq!((wrong.status, wrong.at("/code").as_str()), (400, "INVALID_DATA"));
    let id = modules["modules"][0]["id"].as_str().unwrap();
    for one in ["Deals", id] {
        let one = zoho.crm(&format!("/settings/modules/{one}"), &token).await;
        assert_eq!(one.json()["modules"], Value::from(vec![modules["modules"][0].clone()]));
    }
    let unknown = zoho.crm("/settings/modules/Trucks", &token).await;
    assert_eq!((unknown.status, unknown.at("/code").as_str()), (400, "INVALID_MODULE"));

    let fields = zoho.crm("/settings/fields?module=Deals", &token).await.json();
    let stage = &fields["fields"][2];
    let path = format!("/settings/fields/{}?module=Deals", stage["id"].as_str().unwrap());
    let one = zoho.crm(&path, &token).await.json();
    assert_eq!((names(&one["fields"]), &one["fields"][0]), (vec!["Stage"], stage));
    assert_eq!(zoho.crm("/settings/fields/1?module=Deals", &token).await.status, 204);
    assert_eq!(zoho.crm("/settings/fields/1", &token).await.at("/code"), "REQUIRED_PARAM_MISSING");

    let lists = zoho.crm("/settings/related_lists?module=Accounts", &token).await.json();
    assert_eq!(names(&lists["related_lists"]), ["Deals", "Contacts", "Notes"]);
    assert_eq!(lists["related_lists"][0]["href"], "Accounts/{ENTITYID}/Deals");
    assert_eq!(zoho.crm("/settings/related_lists?module=Notes", &token).await.status, 204);
    let missing = zoho.crm("/settings/related_lists", &token).await;
    assert_eq!(missing.at("/details/param_name"), "module");
}

#[tokio::test]
async fn records_below_a_record_are_those_that_lead_to_it() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let below = async |path: &str| zoho.crm(&format!("/{path}?fields=Account_Name"), &token).await;
    let deals = below("Accounts/6100000000440011/Deals").await.json();
    assert_eq!(deals["data"].as_array().unwrap().len(), 3);
    assert!(
        deals["data"].as_array().unwrap().iter().all(|deal| deal["Account_Name"]["id"] == "6100000000440011")
    );
    assert_eq!(below("Accounts/1/Deals").await.status, 204);
    assert_eq!(below("Deals/6100000000451001/Accounts").await.at("/code"), "INVALID_URL_PATTERN");
}

#[tokio::test]
async fn records_are_counted_all_or_as_a_search_finds_them() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let count =
        async |query: &str| zoho.crm(&format!("/Deals/actions/count{query}"), &token).await.at("/count");
    assert_eq!(count("").await, "6");
    assert_eq!(count("?word=showroom").await, "1");
    assert_eq!(count("?criteria=(Stage:equals:Qualification)").await, "1");
    assert_eq!(zoho.crm("/Trucks/actions/count", &token).await.at("/code"), "INVALID_MODULE");
}
