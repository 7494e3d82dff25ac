//! Contacts, purchase orders, packages, shipments; items in bulk and their status.

use serde_json::{Value, json};

use crate::support::{Reply, Zoho, code};

fn names(reply: &Reply) -> Vec<String> {
    let rows = reply.json()["contacts"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["contact_name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn contacts_are_filtered_and_shown_in_full() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let (harbor, cafe, mill) = ("Harbor Interiors GmbH", "Café Grün & Söhne", "Sägewerk Lindholm");
    for (query, expected) in [
        ("", vec![cafe, harbor, mill]),
        ("contact_name=Harbor%20Interiors%20GmbH", vec![harbor]),
        ("contact_name=Harbor", vec![]),
        ("contact_name_startswith=harbor", vec![harbor]),
        ("contact_name_contains=gr%C3%BCn", vec![cafe]),
        ("email=ida@example.com", vec![mill]),
        ("contact_type=customer", vec![cafe, harbor]),
        ("search_text=lindholm", vec![mill]),
        ("sort_column=contact_name&sort_order=D", vec![mill, harbor, cafe]),
        ("vat_number=1", vec![cafe, harbor, mill]),
    ] {
        assert_eq!(names(&zoho.inventory(&format!("/contacts?{query}"), &token).await), expected, "{query}");
    }
    let vendor = zoho.inventory("/contacts/3300000000060212", &token).await;
    assert_eq!(
        (vendor.at("/contact/contact_type"), vendor.at("/contact/billing_address/city")),
        ("vendor".to_owned(), "Hamburg".to_owned())
    );
    assert_eq!(code(&zoho.inventory("/contacts/33", &token).await), (404, "1002".to_owned()));
    assert_eq!(code(&zoho.inventory("/contacts/Harbor", &token).await), (400, "2".to_owned()));
    zoho.add_contact(json!({ "contact_name": harbor }));
    let twice = zoho.inventory("/contacts?contact_name=Harbor%20Interiors%20GmbH", &token).await;
    assert_eq!(names(&twice), [harbor, harbor]);
    assert_ne!(twice.at("/contacts/0/contact_id"), twice.at("/contacts/1/contact_id"));
    zoho.switches(|switches| switches.contact_filters_substring = true);
    assert_eq!(names(&zoho.inventory("/contacts?contact_name=Harbor", &token).await).len(), 2);
    zoho.switches(|switches| switches.contact_filters_ignored = true);
    assert_eq!(names(&zoho.inventory("/contacts?contact_name=Harbor", &token).await).len(), 4);
}

#[tokio::test]
async fn purchase_orders_have_no_filters() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let list = zoho.inventory("/purchaseorders?status=draft", &token).await.json();
    let rows = list["purchaseorders"].as_array().unwrap();
    assert_eq!(
        rows.iter().map(|row| &row["purchaseorder_number"]).collect::<Vec<_>>(),
        ["PO-00042", "PO-00041"]
    );
    assert_eq!(rows[0].get("line_items"), None);
    let path = "/purchaseorders/3300000000083001";
    assert_eq!(zoho.inventory(path, &token).await.at("/purchaseorder/line_items/0/item_total"), "499.0");
    zoho.switches(|switches| switches.official_file_keys = true);
    assert_eq!(zoho.inventory(path, &token).await.at("/purchase_order/vendor_name"), "Sägewerk Lindholm");
    assert_eq!(code(&zoho.inventory("/purchaseorders/33", &token).await), (404, "1002".to_owned()));
}

#[tokio::test]
async fn packages_ignore_their_filters_and_shipments_have_no_list() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let row = zoho.inventory("/packages?status=shipped", &token).await;
    assert_eq!(row.at("/packages/0/package_number"), "PA-00001", "ignored");
    assert_eq!(row.at("/packages/0/line_items"), "");
    zoho.switches(|switches| switches.package_filters_ignored = false);
    assert_eq!(zoho.inventory("/packages?status=shipped", &token).await.at("/packages"), "[]");
    let package = zoho.inventory("/packages/3300000000084001", &token).await;
    let order = package.at("/package/salesorder_id");
    let order = zoho.inventory(&format!("/salesorders/{order}"), &token).await;
    assert_eq!(order.at("/salesorder/salesorder_number"), package.at("/package/salesorder_number"));
    assert_eq!(
        order.at("/salesorder/line_items/0/line_item_id"),
        package.at("/package/line_items/0/so_line_item_id")
    );
    let shipment = format!("/shipmentorders/{}", package.at("/package/shipment_order/shipment_id"));
    assert_eq!(zoho.inventory(&shipment, &token).await.at("/shipmentorder/carrier"), "DHL");
    assert_eq!(code(&zoho.inventory("/shipmentorders", &token).await), (404, "5".to_owned()));
    zoho.switches(|switches| switches.official_file_keys = true);
    assert_eq!(zoho.inventory("/packages", &token).await.at("/packagea/0/status"), "delivered");
    assert_eq!(
        zoho.inventory("/packages/3300000000084001", &token).await.at("/package/0/status"),
        "delivered"
    );
    assert_eq!(zoho.inventory(&shipment, &token).await.at("/shipment_order/carrier"), "DHL");
}

#[tokio::test]
async fn every_module_has_its_own_scope() {
    let zoho = Zoho::start().await;
    let routes = [
        ("contacts", "/contacts/3300000000060212"),
        ("purchaseorders", "/purchaseorders"),
        ("packages", "/packages"),
        ("shipmentorders", "/shipmentorders/3300000000084011"),
        ("items", "/itemdetails?item_ids=3300000000070001"),
    ];
    for (module, _) in routes {
        let (token, _) = zoho.connect(&format!("ZohoInventory.{module}.READ")).await;
        for (other, path) in routes {
            let status = zoho.inventory(path, &token).await.status;
            assert_eq!(status, if other == module { 200 } else { 401 }, "{module} {path}");
        }
    }
}

#[tokio::test]
async fn one_dead_id_fails_all_item_details() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let ids = "3300000000070003,3300000000070001";
    let both = zoho.inventory(&format!("/itemdetails?item_ids={ids}"), &token).await;
    assert_eq!(both.at("/items/0/sku"), "SVC-MOUNT");
    assert_eq!(both.at("/items/1/locations/0/location_name"), "Main", "in full");
    let dead = zoho.inventory(&format!("/itemdetails?item_ids={ids},33"), &token).await;
    assert_eq!((code(&dead), dead.text.contains("33\"")), ((404, "1002".to_owned()), false), "{dead:?}");
    zoho.switches(|switches| switches.missing_is_400 = true);
    assert_eq!(zoho.inventory(&format!("/itemdetails?item_ids={ids},33"), &token).await.status, 400);
    for wrong in [String::new(), vec!["3300000000070001"; 201].join(",")] {
        let reply = zoho.inventory(&format!("/itemdetails?item_ids={wrong}"), &token).await;
        assert_eq!(code(&reply), (400, "2".to_owned()));
    }
}

#[tokio::test]
async fn an_item_is_switched_off_and_on() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let path = "/items/3300000000070001";
    let before = zoho.inventory(path, &token).await.at("/item/last_modified_time");
    for status in ["inactive", "active"] {
        let reply = zoho.post_inventory(&format!("{path}/{status}"), &token, &Value::Null).await;
        assert_eq!(
            reply.json(),
            json!({ "code": 0, "message": format!("The item has been marked as {status}.") })
        );
        let item = zoho.inventory(path, &token).await;
        assert_eq!(item.at("/item/status"), status);
        assert_ne!(item.at("/item/last_modified_time"), before);
    }
    let (reader, _) = zoho.connect("ZohoInventory.items.READ,ZohoInventory.items.UPDATE").await;
    let refused = zoho.post_inventory(&format!("{path}/inactive"), &reader, &Value::Null).await;
    assert_eq!(code(&refused), (401, "57".to_owned()));
    let missing = zoho.post_inventory("/items/33/active", &token, &Value::Null).await;
    assert_eq!(code(&missing), (404, "1002".to_owned()));
    let get = zoho.inventory(&format!("{path}/active"), &token).await;
    assert_eq!(code(&get), (404, "5".to_owned()));
}
