//! What is said of mappings: one by one, as a table, by whom.

use axum::http::StatusCode;
use sandbox::{Fault, FaultKind};
use serde_json::{Value, json};
use shared::core::access::key::NewKey;
use tests::inside::{Inside, any_key};

use super::{MAPPINGS, RESOLVE, SHELF, call, import, send, shop, stock_key, table};

here_and_on_aws! {
async fn a_mapping_is_said_read_and_removed() {
    let inside = Inside::connected().await;
    let key = stock_key(&inside).await;
    let one = format!("{MAPPINGS}?product_id=SHOP%2F1");
    let (status, said) = send(&inside, &key, ("PUT", &one), &json!({ "sku": "SHELF-OAK-80" })).await;
    assert_eq!((status, &said["product_id"], &said["sku"], &said["item_id"]), (200, &json!("SHOP/1"), &json!("SHELF-OAK-80"), &Value::Null));
    assert_eq!(said["untrusted"], json!(["product_id", "sku"]));
    let (_, again) = send(&inside, &key, ("PUT", &one), &json!({ "item_id": SHELF })).await;
    assert_eq!((&again["sku"], &again["item_id"]), (&Value::Null, &json!(SHELF)), "the new takes the place of the old");
    for filter in ["product_id=SHOP%2F1".to_owned(), format!("item_id={SHELF}")] {
        let (status, found) = inside.get(&format!("{MAPPINGS}?{filter}")).await;
        assert_eq!((status.as_u16(), &found["data"]), (200, &json!([again])), "{filter}");
    }
    let (_, none) = inside.get(&format!("{MAPPINGS}?sku=SHELF-OAK-80")).await;
    assert_eq!(none["data"], json!([]));
    for (body, words) in [
        (json!({}), "neither sku nor item_id"),
        (json!({ "item_id": "A" }), "1 to 19 digits"),
        (json!({ "sku": "" }), "the sku is empty"),
        (json!({ "skus": "A" }), "Did you mean `sku`?"),
    ] {
        let (status, problem) = send(&inside, &key, ("PUT", &one), &body).await;
        assert_eq!((status, &problem["code"]), (400, &json!("body_invalid")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    let (status, _) = call(&inside, &key, ("DELETE", &one), &[], "").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, problem) = send(&inside, &key, ("DELETE", &one), &Value::Null).await;
    assert_eq!((status, &problem["code"]), (404, &json!("product_unmapped")));
}
}

here_and_on_aws! {
async fn what_is_imported_is_exported_and_imported_again() {
    let inside = Inside::connected().await;
    let key = stock_key(&inside).await;
    let given = "\u{feff}sku;product_id;item_id\r\n\"A;1\";007;\r\n;\"8 \"\"x\"\"\";33\r\nC;9;34\r\n";
    let (status, answer) = import(&inside, &key, given).await;
    assert_eq!((status, &answer), (200, &json!({ "imported": 3, "unchanged": 0, "left": 0, "next": null })));
    let exported = table(&inside, &key).await;
    assert_eq!(
        exported,
        "product_id,sku,item_id,name\r\n007,\"A;1\",,\r\n\"8 \"\"x\"\"\",,33,\r\n9,C,34,\r\n"
    );
    let (_, again) = import(&inside, &key, &exported).await;
    assert_eq!((&again["imported"], &again["unchanged"]), (&json!(0), &json!(3)));
    // The list as JSON, and the names of places.
    let places = json!([{ "name": "shop-hamburg", "location_id": "3300000000038080" }]);
    let (_, answer) = send(&inside, &key, ("POST", MAPPINGS), &json!({ "locations": places })).await;
    assert_eq!(answer["imported"], 1);
    let (_, list) = inside.get(MAPPINGS).await;
    assert_eq!(list["locations"][0]["name"], "shop-hamburg");
    let back = json!({ "mappings": list["data"], "locations": list["locations"] });
    let (status, answer) = send(&inside, &key, ("POST", MAPPINGS), &back).await;
    assert_eq!((status, &answer["unchanged"]), (200, &json!(3)), "{answer}");
    let (_, answer) =
        send(&inside, &key, ("POST", MAPPINGS), &json!({ "locations": [{ "name": "shop-hamburg", "location_id": null }] })).await;
    assert_eq!(answer["imported"], 1);
    assert_eq!(inside.get(MAPPINGS).await.1.get("locations"), None);
    // By page, in the order of the product ids.
    let (_, first) = inside.get(&format!("{MAPPINGS}?per_page=2")).await;
    let (_, second) = inside.get(first["next"].as_str().unwrap()).await;
    assert_eq!((first["data"].as_array().unwrap().len(), &second["data"][0]["product_id"], &second["next"]), (2, &json!("9"), &Value::Null));
    // A line that says less keeps what is known; one that says otherwise does not.
    import(&inside, &key, "product_id,sku\n9,C\n").await;
    assert!(table(&inside, &key).await.ends_with("9,C,34,\r\n"));
    import(&inside, &key, "product_id,sku\n9,D\n").await;
    assert!(table(&inside, &key).await.ends_with("9,D,,\r\n"));
    // A key that hides data of contacts has both forms, too.
    let hiding = inside.key(NewKey { redact_contacts: true, ..any_key() }).await;
    assert_eq!(table(&inside, &hiding).await, table(&inside, &key).await);
    let (status, seen) = inside.ask(inside.api(), &hiding, MAPPINGS).await;
    assert_eq!((status, seen), inside.get(MAPPINGS).await);
}
}

#[tokio::test]
async fn a_place_that_zoho_does_not_have_is_refused_as_far_as_zoho_tells() {
    let inside = Inside::connected().await;
    let key = stock_key(&inside).await;
    let body = |ids: &[&str]| {
        let named =
            |(index, id): (usize, &&str)| json!({ "name": format!("shop-{index}"), "location_id": id });
        let locations: Vec<Value> = ids.iter().enumerate().map(named).collect();
        json!({ "mappings": [{ "product_id": "7", "sku": "A" }], "locations": locations })
    };
    let (main, none) = ("3300000000038080", "3300000000099999");
    let (status, problem) = send(&inside, &key, ("POST", MAPPINGS), &body(&[main, none])).await;
    assert_eq!((status, &problem["code"]), (404, &json!("location_not_found")), "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    for part in ["locations[1]: Zoho has no location 3300000000099999", "\"Main\" (3300000000038080)"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    let (_, list) = inside.get(MAPPINGS).await;
    assert_eq!((&list["data"], list.get("locations")), (&json!([]), None), "nothing was taken");
    let (status, answer) = send(&inside, &key, ("POST", MAPPINGS), &body(&[main])).await;
    assert_eq!((status, &answer["imported"], answer.get("notice")), (200, &json!(2), None), "{answer}");

    // An adjustment of the outlet would be made in the main one.
    let outlet = json!({ "locations": [{ "name": "Outlet", "location_id": main }] });
    let (status, problem) = send(&inside, &key, ("POST", MAPPINGS), &outlet).await;
    assert_eq!((status, &problem["code"]), (400, &json!("body_invalid")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("\"Outlet\" is Zoho's own name"), "{problem}");

    // An organisation that lists none cannot be asked.
    let text = r#"{"code":0,"message":"success","locations":[]}"#.to_owned();
    let kind = FaultKind::Body(200, "application/json".to_owned(), text);
    inside.zoho.sandbox.inject(Fault { path_contains: "/locations".to_owned(), times: 1, kind });
    let (status, answer) = send(&inside, &key, ("POST", MAPPINGS), &body(&[main, none])).await;
    assert!(status == 200 && answer["notice"].as_str().unwrap().contains("could not be read"), "{answer}");
}

here_and_on_aws! {
async fn a_file_with_a_mistake_changes_nothing() {
    let inside = Inside::connected().await;
    let key = stock_key(&inside).await;
    import(&inside, &key, "product_id,sku\n7,A\n").await;
    let before = table(&inside, &key).await;
    for (given, words) in [
        ("product_id,sku\n8,B\n\n9,\n", "One row is wrong, and nothing was taken. line 4: it has neither sku nor item_id."),
        ("product_id,sku\n8,B\n7,C\n8,B\n", "line 4: the product_id \"8\" stands at line 2 already"),
        ("product_id,sku\n8,B,C\n", "line 2: it has 3 values, and the header 2"),
        ("product_id,sku\n8,\"B\n9,C\n", "line 2: a quotation mark is opened here and never closed"),
        ("product,sku\n8,B\n", "the column \"product\" is unknown here. Did you mean `product_id`?"),
        ("sku\nB\n", "The table needs the column `product_id`"),
        ("product_id,sku\n", "The body holds no mapping."),
    ] {
        let (status, problem) = import(&inside, &key, given).await;
        assert_eq!((status, &problem["code"]), (400, &json!("body_invalid")), "{given:?}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{given:?}: {problem}");
    }
    let document = json!({ "mappings": [{ "product_id": "8", "sku": "B" }, { "product_id": "8", "sku": "C" }] });
    let (status, problem) = send(&inside, &key, ("POST", MAPPINGS), &document).await;
    assert!(status == 400 && problem["detail"].as_str().unwrap().contains("mappings[1]"), "{problem}");
    assert_eq!(table(&inside, &key).await, before);
    let large = format!("product_id,sku\n{}", "x".repeat(4 * 1024 * 1024));
    let (status, problem) = import(&inside, &key, &large).await;
    assert_eq!((status, &problem["code"]), (413, &json!("body_too_large")));
}
}

#[tokio::test]
async fn who_may_only_read_changes_no_mapping() {
    let (connector, _) = shop().await;
    let reader = connector.agent(&["--can", "inventory:read"]).await;
    reader.get(MAPPINGS).await.ok();
    let one = format!("{MAPPINGS}?product_id=shelf");
    for (method, path) in [("PUT", one.as_str()), ("POST", RESOLVE), ("DELETE", &one)] {
        let body = if method == "PUT" { json!({ "sku": "A" }) } else { json!({}) };
        reader.write(method, path, &[], &body).await.problem("key_not_allowed");
    }
    let body = json!({ "mappings": [{ "product_id": "shelf", "sku": "A" }] });
    reader.write("POST", MAPPINGS, &[], &body).await.problem("key_not_allowed");
    let crm = connector.agent(&["--can", "crm:read"]).await;
    crm.get(MAPPINGS).await.problem("key_not_allowed");
    let stock = connector.agent(&["--can", "inventory:stock"]).await;
    stock.write("POST", MAPPINGS, &[], &body).await.ok();
    assert_eq!(reader.get(&one).await.ok()["data"][0]["sku"], "A");
}
