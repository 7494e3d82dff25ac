//! What is asked for: paths, parameters, records.

use sandbox::Options;
use serde_json::{Value, json};
use shared::base::id::ConnectionName;
use shared::base::problem::Code;
use shared::core::access::key::NewKey;
use shared::core::mappings::{Mapping, Mappings};
use tests::inside::{Inside, any_key};

use super::book::Book;
use super::{Ask, DEAL, DEALS, ITEMS, ORDERS, can, order};

pub(super) async fn provoke(book: &mut Book) {
    let inside = Inside::connected().await;
    let (api, key) = (inside.api(), inside.key(any_key()).await);
    let invalid = [
        ("/v1/inventory/items?colour=red", ""),
        ("/v1/inventory/items?per_page=500", ""),
        ("/v1/inventory/items?per_page=many", ""),
        ("/v1/inventory/items?cursor=2", ""),
        ("/v1/inventory/items?sku=", ""),
        ("/v1/inventory/items?sku=A&per_page=5", ""),
        ("/v1/inventory/items?status=gone", ""),
        ("/v1/inventory/items?stock=high", ""),
        ("/v1/inventory/items/SHELF-OAK-80", ""),
        ("/v1/inventory/items/%FF", ""),
        ("/v1/inventory/salesorders?colour=red", ""),
        ("/v1/inventory/salesorders?per_page=many", ""),
        ("/v1/crm/deals?search=%5C", ""),
        ("/v1/crm/deals?fields=Deal-Name", ""),
        ("/v1/crm/deals?cursor=2", ""),
        ("/v1/crm/contacts?email=a%40b.example&phone=123", ""),
        ("/v1/crm/contacts?search=Lea&cursor=1", ""),
        ("/v1/crm/fields", ""),
        ("/v1/crm/fields?module=De-als", ""),
        ("/v1/events?cursor=2", ""),
        ("/v1/audit?cursor=2", ""),
        ("/v1/audit?since=yesterday", ""),
    ];
    for (path, why) in invalid {
        book.note(Code::InvalidParameter, why, api.clone(), &key, Ask::get(path)).await;
    }
    let writer = inside.key(can(&["inventory:write", "crm:write"])).await;
    let long = "x".repeat(300);
    let asks = Ask::post(ORDERS, order()).with("idempotency-key", &long);
    book.note(Code::InvalidParameter, "an `Idempotency-Key` of 300 characters", api.clone(), &writer, asks)
        .await;
    let change = Ask { method: "PATCH", ..Ask::post(DEAL, json!({ "Amount": 1 })) };
    let since = change.clone().with("if-unmodified-since", "yesterday");
    book.note(Code::InvalidParameter, "`If-Unmodified-Since: yesterday`", api.clone(), &writer, since).await;
    book.note(Code::RouteNotFound, "", api.clone(), &key, Ask::get("/v1/inventory/things")).await;
    let delete = Ask { method: "DELETE", ..Ask::get(DEAL) };
    book.note(Code::MethodNotAllowed, "", api.clone(), &writer, delete).await;
    let large = Ask::post(DEALS, Value::String("x".repeat(200_000)));
    book.note(Code::BodyTooLarge, "200 KB", api.clone(), &writer, large).await;

    let named = Ask::get(ITEMS).with("zoho-connection", "other");
    book.note(Code::ConnectionUnknown, "`Zoho-Connection: other`", api.clone(), &key, named).await;
    let both = vec!["default".parse().unwrap(), "second".parse().unwrap()];
    let none = inside.key(NewKey { connections: vec!["second".parse().unwrap()], ..any_key() }).await;
    book.note(Code::ProductNotConnected, "nothing is connected", api.clone(), &none, Ask::get(ITEMS)).await;
    let two = inside.key(NewKey { connections: both, ..any_key() }).await;
    book.note(
        Code::ConnectionAmbiguous,
        "a key of two connections",
        api.clone(),
        &two,
        Ask::get("/v1/events"),
    )
    .await;
    let other = Ask::get(ITEMS).with("zoho-organization", "12345");
    book.note(Code::OrganizationMismatch, "`Zoho-Organization: 12345`", api.clone(), &key, other).await;

    let missing = "/v1/inventory/items/3300000000000001";
    book.note(Code::RecordNotFound, "", api.clone(), &key, Ask::get(missing)).await;
    book.note(Code::RecordNotFound, "", api.clone(), &key, Ask::get("/v1/crm/deals/6100000000000001")).await;
    book.note(Code::RecordNotFound, "", api.clone(), &key, Ask::get("/v1/crm/contacts/6100000000000001"))
        .await;
    book.note(Code::EventNotFound, "", api.clone(), &key, Ask::get("/v1/events/0")).await;
    for (id, sku, status) in [(1, "DUP-1", "active"), (2, "DUP-1", "active"), (3, "GONE-9", "inactive")] {
        let item = json!({ "item_id": format!("330000000099000{id}"), "name": "Twin", "sku": sku, "status": status });
        inside.zoho.sandbox.add_item(item);
    }
    for (code, sku) in
        [(Code::SkuNotFound, "NOPE"), (Code::SkuAmbiguous, "DUP-1"), (Code::SkuInactive, "GONE-9")]
    {
        let path = format!("{ITEMS}?sku={sku}");
        book.note(code, "", api.clone(), &key, Ask::get(&path)).await;
    }
    let nope = Ask::get("/v1/inventory/items?product_id=NOPE");
    book.note(Code::ProductUnmapped, "", api.clone(), &key, nope).await;
    let mappings = Mappings::new(inside.services.stores.state.clone(), inside.services.clock.clone());
    for (product_id, sku, item_id) in
        [("SHOP-1", "SHELF-OLD", "3300000000070001"), ("SHOP-2", "LAMP", "3300000000000001")]
    {
        let (sku, item_id) = (Some(sku.to_owned()), Some(item_id.to_owned()));
        let mapping = Mapping::new(product_id.to_owned(), sku, item_id, None);
        mappings.put(&ConnectionName::default(), mapping).await.unwrap();
        let path = format!("{ITEMS}?product_id={product_id}");
        book.note(Code::MappingStale, "", api.clone(), &key, Ask::get(&path)).await;
    }
    let mars = "/v1/inventory/items?location=Mars";
    book.note(Code::LocationNotFound, "", api.clone(), &key, Ask::get(mars)).await;

    let many = Inside::with(Options { extra_items: 41, ..Options::new("") }).await;
    many.connect().await;
    // As many pages as 4,100 items have, from a handful: a slow machine answers these in time, too.
    many.zoho.sandbox.switches(|switches| (switches.sku_filter_ignored, switches.rows_in_a_page) = (true, 2));
    let key = many.key(any_key()).await;
    let nope = Ask::get("/v1/inventory/items?sku=NOPE");
    book.note(Code::SkuUnresolved, "21 pages of items, and Zoho ignores the filter", many.api(), &key, nope)
        .await;
}
