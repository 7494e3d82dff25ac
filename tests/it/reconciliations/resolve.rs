//! The item and the place that a count names are found, or nothing of it is compared.

use serde_json::{Value, json};

use super::{PATH, counter, post, post_csv, rows, to_the_end};

#[tokio::test]
async fn a_near_sku_is_named_however_few_are_counted() {
    let (_connector, agent) = counter(0).await;
    let (status, found) = post_csv(&agent, "", "sku,location,quantity\nbrkt-std,Main,4\n").await;
    assert_eq!(status, 201, "{found}");
    let rows = rows(&agent, found["id"].as_str().unwrap(), "unknown").await;
    assert!(rows[0]["why"].as_str().unwrap().contains(r#"Near to it: "BRKT-STD""#), "{}", rows[0]);
}

#[tokio::test]
async fn one_item_under_two_names_is_counted_by_neither() {
    let (_connector, agent) = counter(0).await;
    let body = json!({ "location": "Main", "counts": [{ "sku": "SHELF-OAK-80", "quantity": 29 }, { "item_id": "3300000000070001", "quantity": 3 }] });
    let made = to_the_end(&agent, post(&agent, PATH, &body).await).await;
    assert_eq!(made["summary"]["ambiguous"], 2);
    let all = rows(&agent, made["id"].as_str().unwrap(), "ambiguous").await;
    assert!(all[0]["why"].as_str().unwrap().contains("Line 2"), "{}", all[0]);
    assert!(all[1]["why"].as_str().unwrap().contains("Line 1"), "{}", all[1]);
}

#[tokio::test]
async fn many_skus_are_found_in_the_list_of_all_items_with_their_near_twins() {
    let (connector, agent) = counter(250).await;
    let mut counts: Vec<Value> =
        (1..=30).map(|row| json!({ "sku": format!("GEN-{row:05}"), "quantity": 5 })).collect();
    counts.push(json!({ "sku": "gen-00031", "quantity": 5 }));
    counts.push(json!({ "sku": "DUP-1", "quantity": 5 }));
    connector.zoho.sandbox.clear_requests();
    let body = json!({ "location": "Main", "counts": counts });
    let made = to_the_end(&agent, post(&agent, PATH, &body).await).await;
    assert_eq!((&made["summary"]["matched"], &made["summary"]["unknown"]), (&json!(30), &json!(1)), "{made}");
    let requests = connector.zoho.sandbox.requests();
    let of = |path: &str| requests.iter().filter(|request| request.path.ends_with(path)).count();
    // Two pages, and one more because Zoho's word for the end is not believed.
    assert!((2..=3).contains(&of("/items")), "{}", of("/items"));
    assert_eq!((of("/itemdetails"), of("/locations")), (1, 1));
    let unknown = rows(&agent, made["id"].as_str().unwrap(), "unknown").await;
    assert!(unknown[0]["why"].as_str().unwrap().contains("\"GEN-00031\""), "{}", unknown[0]);
}

#[tokio::test]
async fn an_organisation_without_locations_is_counted_as_a_whole() {
    let (connector, agent) = counter(0).await;
    connector.zoho.sandbox.switches(|switches| switches.legacy_warehouses = true);
    let body = json!({ "counts": [{ "sku": "SHELF-OAK-80", "location": "Main", "quantity": 29 }, { "sku": "RUG-FJORD", "quantity": 6 }] });
    let made = to_the_end(&agent, post(&agent, PATH, &body).await).await;
    let all = rows(&agent, made["id"].as_str().unwrap(), "all").await;
    assert_eq!((&all[0]["outcome"], &all[0]["location"]), (&json!("drifted"), &json!("Main")), "{}", all[0]);
    assert_eq!(all[1]["outcome"], "ambiguous", "{}", all[1]);
    assert!(all[1]["why"].as_str().unwrap().contains("\"Main\", \"Outlet\""), "{}", all[1]);
}

/// Without a list of places, only the items show that Zoho has the name for another one.
#[tokio::test]
async fn a_mapped_name_that_is_another_warehouses_own_is_not_counted_at_either() {
    let (connector, agent) = counter(0).await;
    connector.zoho.sandbox.switches(|switches| switches.legacy_warehouses = true);
    let main = "3300000000038080";
    let named = json!({ "locations": [{ "name": "Outlet", "location_id": main }, { "name": "till 1", "location_id": main }] });
    agent.write("POST", "/v1/inventory/mappings", &[], &named).await.ok();
    let body = json!({ "counts": [
        { "sku": "SHELF-OAK-80", "location": "Outlet", "quantity": 29 },
        { "sku": "SHELF-OAK-80", "location": "till 1", "quantity": 29 },
    ] });
    let made = to_the_end(&agent, post(&agent, PATH, &body).await).await;
    let all = rows(&agent, made["id"].as_str().unwrap(), "all").await;
    assert_eq!(
        (&all[0]["outcome"], &all[0]["location"]),
        (&json!("ambiguous"), &json!("Outlet")),
        "{}",
        all[0]
    );
    assert!(all[0]["why"].as_str().unwrap().contains("Zoho's own name of another"), "{}", all[0]);
    assert_eq!((&all[1]["outcome"], &all[1]["location"]), (&json!("drifted"), &json!("Main")), "{}", all[1]);
}

#[tokio::test]
async fn counts_name_items_and_places_as_another_system_does() {
    let (connector, agent) = counter(0).await;
    let mappings = "/v1/inventory/mappings";
    let body = json!({
        "mappings": [
            { "product_id": "shop-7", "sku": "SHELF-OAK-80" },
            { "product_id": "shop-8", "item_id": "3300000000070009" },
            { "product_id": "shop-9", "sku": "STUHL-ÆRØ", "item_id": "3300000000070010" },
        ],
        "locations": [{ "name": "Warehouse 1", "location_id": "3300000000038080" }],
    });
    assert_eq!(post(&agent, mappings, &body).await.status, 200);
    let renamed = sandbox::ItemChange::Sku("STUHL-2".to_owned());
    connector.zoho.sandbox.change_item("3300000000070010", renamed).await.unwrap();
    let counts = json!({
        "location": "Warehouse 1",
        "counts": [
            { "product_id": "shop-7", "quantity": 30 },
            { "product_id": "shop-8", "quantity": 6 },
            { "product_id": "shop-9", "quantity": 14.5 },
            { "product_id": "SHOP-7", "quantity": 1 },
        ],
    });
    let made = to_the_end(&agent, post(&agent, PATH, &counts).await).await;
    let all = rows(&agent, made["id"].as_str().unwrap(), "all").await;
    let told: Vec<_> = all.iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(told, ["matched", "matched", "unknown", "unknown"], "{all:?}");
    assert_eq!(
        (&all[0]["location"], &all[0]["sku"], &all[0]["product_id"]),
        (&json!("Main"), &json!("SHELF-OAK-80"), &json!("shop-7"))
    );
    assert!(all[2]["why"].as_str().unwrap().contains("another SKU"), "{}", all[2]);
    assert!(all[3]["why"].as_str().unwrap().contains("\"shop-7\""), "{}", all[3]);
}
