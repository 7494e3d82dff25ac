//! What other systems call the items: said, imported, exported, held against Zoho, and used wherever an item is named.

use axum::http::StatusCode;
use sandbox::{Fault, FaultKind, ItemChange, Options};
use serde_json::{Value, json};
use shared::base::secret::Secret;
use shared::core::access::key::NewKey;
use tests::agent::Agent;
use tests::connector::Connector;
use tests::in_process;
use tests::inside::{Inside, any_key};

const MAPPINGS: &str = "/v1/inventory/mappings";
const RESOLVE: &str = "/v1/inventory/mappings/resolve";
const ITEMS: &str = "/v1/inventory/items";
const ORDERS: &str = "/v1/inventory/salesorders";
const SHELF: &str = "3300000000070001";
const BRACKET: &str = "3300000000070002";

/// A key that may change mappings.
async fn stock_key(inside: &Inside) -> Secret {
    let permissions = ["inventory:stock", "inventory:read", "events"].map(|text| text.parse().unwrap());
    inside.key(NewKey { permissions: permissions.to_vec(), ..any_key() }).await
}

/// A call with any body and headers: the status, and the answer as text.
async fn call(
    inside: &Inside,
    key: &Secret,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, String) {
    let bearer = format!("Bearer {}", key.expose());
    let headers = [&[("authorization", bearer.as_str())][..], headers].concat();
    let told = in_process::send(&inside.api(), method, path, &headers, body).await.unwrap();
    (told.status, String::from_utf8(told.body.to_vec()).unwrap())
}

async fn send(inside: &Inside, key: &Secret, route: (&str, &str), body: &Value) -> (u16, Value) {
    let (status, text) = call(inside, key, route, &[], &body.to_string()).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap_or_default())
}

async fn table(inside: &Inside, key: &Secret) -> String {
    let (status, text) = call(inside, key, ("GET", MAPPINGS), &[("accept", "text/csv")], "").await;
    assert_eq!(status, StatusCode::OK, "{text}");
    text
}

async fn import(inside: &Inside, key: &Secret, table: &str) -> (u16, Value) {
    let (status, text) =
        call(inside, key, ("POST", MAPPINGS), &[("content-type", "text/csv; charset=utf-8")], table).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap())
}

/// The problems of an answer: product id, code, words.
fn problems(answer: &Value) -> Vec<(&str, &str, &str)> {
    answer["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| {
            (
                problem["product_id"].as_str().unwrap(),
                problem["code"].as_str().unwrap(),
                problem["detail"].as_str().unwrap(),
            )
        })
        .collect()
}

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
    for part in ["locations[1]: Zoho has no location 3300000000099999", "Main (3300000000038080)"] {
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

here_and_on_aws! {
async fn mappings_are_held_against_all_items() {
    let inside = Inside::with(Options { extra_items: 400, ..Options::new("") }).await;
    inside.connect().await;
    let key = stock_key(&inside).await;
    let gone = inside.zoho.sandbox.insert_item(json!({ "name": "Gone", "sku": "GONE" })).await.unwrap().0;
    inside.zoho.sandbox.change_item(&gone, ItemChange::Delete).await;
    let mut given = "product_id,sku,item_id\n".to_owned();
    for (product_id, sku, item_id) in [
        ("ambiguous", "DUP-1", ""),
        ("gone", "GONE", gone.as_str()),
        ("inactive", "SHELF-PINE-60", ""),
        ("known", "BRKT-STD", BRACKET),
        ("of id", "", "3300000000070004"),
        ("plain", "SHELF-OAK-80", ""),
        ("renamed", "SVC-OLD", "3300000000070003"),
        ("same a", "RUG-FJORD", ""),
        ("same b", "RUG-FJORD", ""),
        ("twin", " shelf-oak-80", ""),
        ("unknown", "NO-SUCH", ""),
        ("zz last", "GEN-00400", ""),
    ] {
        given.push_str(&format!("{product_id},{sku},{item_id}\n"));
    }
    assert_eq!(import(&inside, &key, &given).await.1["imported"], 12);
    let (status, answer) = send(&inside, &key, ("POST", RESOLVE), &json!({})).await;
    assert_eq!((status, &answer["next"], &answer["done"], &answer["total"]), (200, &Value::Null, &json!(12), &json!(12)), "{answer}");
    assert_eq!(answer["resolved"], 6, "{answer}");
    let told: Vec<_> = problems(&answer).into_iter().map(|(id, code, _)| (id, code)).collect();
    assert_eq!(
        told,
        [
            ("ambiguous", "sku_ambiguous"),
            ("gone", "mapping_stale"),
            ("inactive", "sku_inactive"),
            ("renamed", "mapping_stale"),
            ("twin", "sku_not_found"),
            ("unknown", "sku_not_found"),
            ("same a", "mapping_duplicate"),
            ("same b", "mapping_duplicate"),
        ]
    );
    for (product_id, words) in [
        ("ambiguous", "3300000000070006 (\"Hook, brass\", SKU \"DUP-1\"), 3300000000070007"),
        ("gone", "is not among Zoho's items any more"),
        ("inactive", "3300000000070005 (\"Pine Shelf"),
        ("renamed", "3300000000070003 (\"Mounting service\") has the SKU \"SVC-MOUNT\" now, not \"SVC-OLD\"."),
        ("twin", "SKU \"SHELF-OAK-80\""),
    ] {
        let (.., detail) = problems(&answer).into_iter().find(|problem| problem.0 == product_id).unwrap();
        assert!(detail.contains(words), "{product_id}: {detail}");
    }
    let after = table(&inside, &key).await;
    for line in [
        "ambiguous,DUP-1,,\r\n",
        "known,BRKT-STD,3300000000070002,\"Wall Bracket, pair\"\r\n",
        "of id,SHELF-OAK-80-XL,3300000000070004,\"Oak Shelf 80 cm, deep\"\r\n",
        "plain,SHELF-OAK-80,3300000000070001,Oak Shelf 80 cm\r\n",
        "renamed,SVC-OLD,3300000000070003,\r\n",
        "zz last,GEN-00400,",
    ] {
        assert!(after.contains(line), "{line}: {after}");
    }
    // A few are looked up one by one.
    let before = inside.zoho.sandbox.requests().len();
    let named = json!({ "product_ids": ["plain", "twin", "missing"] });
    let (status, answer) = send(&inside, &key, ("POST", RESOLVE), &named).await;
    assert_eq!((status, &answer["total"], &answer["resolved"]), (200, &json!(3), &json!(1)), "{answer}");
    let told: Vec<_> = problems(&answer).into_iter().map(|(id, code, _)| (id, code)).collect();
    assert_eq!(told, [("missing", "product_unmapped"), ("twin", "sku_not_found")]);
    // Where Zoho calls no page the last, each list takes one more.
    let most = if std::env::var_os("ZOHO_SANDBOX").is_some() { 5 } else { 3 };
    assert!(inside.zoho.sandbox.requests().len() - before <= most, "one by SKU, one for near twins, one by id");
}
}

/// Zoho's limit ends a call; the next one goes on where it ended.
#[tokio::test]
async fn a_run_goes_on_where_it_ended() {
    let inside = Inside::with(Options { extra_items: 900, ..Options::new("") }).await;
    inside.connect().await;
    inside.zoho.sandbox.switches(|switches| switches.rows_in_a_page = 20);
    let key = stock_key(&inside).await;
    let mut given = "product_id,sku\n".to_owned();
    (1..=900).for_each(|number| given.push_str(&format!("P{number},GEN-{number:05}\n")));
    import(&inside, &key, &given).await;
    let pages = || {
        let requests = inside.zoho.sandbox.requests();
        requests.iter().filter(|request| request.path.ends_with("/items")).count()
    };
    inside.zoho.sandbox.switches(|switches| switches.per_minute_limit = Some(20));
    let (mut status, mut answer) = send(&inside, &key, ("POST", RESOLVE), &json!({})).await;
    assert_eq!(status, 202, "{answer}");
    let (done, read) = (answer["done"].as_u64().unwrap(), pages());
    assert!(done > 0 && done < 900 && answer["notice"].is_string(), "{answer}");
    for _ in 0..20 {
        let Some(next) = answer["next"].as_str().map(str::to_owned) else { break };
        inside.advance(std::time::Duration::from_secs(90));
        (status, answer) = send(&inside, &key, ("POST", &next), &json!({})).await;
    }
    assert_eq!(
        (status, &answer["resolved"], &answer["problems"]),
        (200, &json!(900), &json!([])),
        "{answer}"
    );
    assert!(pages() - read < 40, "no page is read twice: {} and then {}", read, pages());
    let (status, answer) = send(&inside, &key, ("POST", &format!("{RESOLVE}?run=x")), &json!({})).await;
    assert_eq!((status, &answer["code"]), (400, &json!("invalid_parameter")));
}

here_and_on_aws! {
async fn events_are_completed_from_mappings() {
    let inside = Inside::connected().await;
    let key = stock_key(&inside).await;
    let given = format!("product_id,item_id\nP1,{SHELF}\nP2,{BRACKET}\nP3,{BRACKET}\n");
    import(&inside, &key, &given).await;
    let events = shared::core::events::Events::new(
        inside.services_of("webhook-intake").stores.events.clone(),
        inside.services.clock.clone(),
    );
    for (number, item_id) in [SHELF, BRACKET, SHELF].into_iter().enumerate() {
        events.store(tests::changes::of_item(item_id, number)).await.unwrap();
        inside.advance(std::time::Duration::from_secs(1));
    }
    inside.advance(std::time::Duration::from_secs(20));
    let (_, list) = inside.ask(inside.api(), &key, "/v1/events").await;
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|event| event["data"].get("product_id").cloned()).collect();
    assert_eq!(ids, [Some(json!("P1")), None, Some(json!("P1"))], "what two lead to is neither: {list}");
    assert_eq!(list["data"][0]["data"]["untrusted"], json!(["product_id"]));
    let one = format!("/v1/events/{}", list["data"][0]["id"].as_str().unwrap());
    let (_, event) = inside.ask(inside.api(), &key, &one).await;
    assert_eq!(event["data"]["product_id"], "P1", "{event}");
}
}

/// A connector with everything, and agents who may write, and move stock.
async fn shop() -> (Connector, Agent) {
    let (connector, agent) =
        Connector::start_without_limit().await.with_agent("write", "inventory:write,events").await;
    for (product_id, body) in [
        ("shelf", json!({ "sku": "SHELF-OAK-80" })),
        ("bracket", json!({ "sku": "BRKT-STD", "item_id": BRACKET })),
        ("twin", json!({ "sku": "shelf-oak-80" })),
    ] {
        let path = format!("{MAPPINGS}?product_id={product_id}");
        assert_eq!(agent.write("PUT", &path, &[], &body).await.status, 200);
    }
    (connector, agent)
}

fn order(lines: &Value) -> Value {
    json!({ "customer": "Harbor Interiors GmbH", "line_items": lines })
}

#[tokio::test]
async fn an_order_and_an_item_are_named_by_another_systems_id() {
    let (connector, agent) = shop().await;
    let item = agent.get(&format!("{ITEMS}?product_id=shelf&fields=sku")).await.ok();
    assert_eq!((&item["data"][0]["item_id"], &item["next"]), (&json!(SHELF), &Value::Null));
    let mapping = agent.get(&format!("{MAPPINGS}?product_id=shelf")).await.ok();
    assert_eq!(mapping["data"][0]["item_id"], SHELF, "what was found is kept");

    let before = connector.zoho.sandbox.requests().len();
    let lines = json!([
        { "product_id": "shelf", "quantity": 2 },
        { "product_id": "bracket", "quantity": 1 },
        { "sku": "BRKT-STD", "quantity": 3 },
        { "item_id": SHELF, "quantity": 1 },
    ]);
    let made = agent.write("POST", ORDERS, &[], &order(&lines)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let ids: Vec<_> = made.body["line_items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["item_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [SHELF, BRACKET, BRACKET, SHELF]);
    let asked = connector.zoho.sandbox.requests();
    let items = asked[before..].iter().filter(|request| request.path.contains("/item")).count();
    assert_eq!(items, 2, "one by SKU, one for all that are mapped");

    let preview = agent.write("POST", &format!("{ORDERS}?dry_run=true"), &[], &order(&lines)).await;
    assert_eq!(preview.body["lines"][0]["sku"], "SHELF-OAK-80", "{}", preview.body);
    let found = agent.get(&format!("{ITEMS}?product_id=shelf&sku=A")).await.problem("invalid_parameter");
    assert!(found["detail"].as_str().unwrap().contains("finds one item"), "{found}");
    let two = json!([{ "product_id": "shelf", "sku": "BRKT-STD", "quantity": 1 }]);
    agent.write("POST", ORDERS, &[], &order(&two)).await.problem("body_invalid");
}

#[tokio::test]
async fn a_stale_mapping_is_told_and_never_remapped() {
    let (connector, agent) = shop().await;
    let sandbox = &connector.zoho.sandbox;
    let line = |id: &str| order(&json!([{ "product_id": id, "quantity": 1 }]));
    let item = json!({ "name": "Lamp", "sku": "LAMP" });
    let lamp = sandbox.insert_item(item).await.unwrap().0;
    let path = format!("{MAPPINGS}?product_id=lamp");
    agent.write("PUT", &path, &[], &json!({ "sku": "LAMP-OLD", "item_id": lamp })).await.ok();
    let orders = sandbox.salesorders().len();
    let told = agent.write("POST", ORDERS, &[], &line("lamp")).await.problem("mapping_stale");
    let detail = told["detail"].as_str().unwrap();
    for words in ["`line_items[0].product_id` \"lamp\"", &lamp, "\"LAMP\"", "\"LAMP-OLD\""] {
        assert!(detail.contains(words), "{words}: {detail}");
    }
    agent.get(&format!("{ITEMS}?product_id=lamp")).await.problem("mapping_stale");
    agent.write("PUT", &path, &[], &json!({ "sku": "LAMP", "item_id": lamp })).await.ok();
    agent.get(&format!("{ITEMS}?product_id=lamp")).await.ok();

    sandbox.change_item(&lamp, ItemChange::Active(false)).await.unwrap();
    agent.write("POST", ORDERS, &[], &line("lamp")).await.problem("sku_inactive");
    sandbox.change_item(&lamp, ItemChange::Delete).await.unwrap();
    // Another item has the SKU by now: the order must not go there.
    sandbox.insert_item(json!({ "name": "Other lamp", "sku": "LAMP" })).await.unwrap();
    let told = agent.write("POST", ORDERS, &[], &line("lamp")).await.problem("mapping_stale");
    assert!(told["detail"].as_str().unwrap().contains("is gone from Zoho"), "{told}");
    agent.get(&format!("{ITEMS}?product_id=lamp")).await.problem("mapping_stale");
    let kept = agent.get(&path).await.ok();
    assert_eq!(kept["data"][0]["item_id"], json!(lamp), "nothing is remapped");
    assert_eq!(sandbox.salesorders().len(), orders);
}

/// It is no other place's when it is imported; people make and rename places afterwards.
#[tokio::test]
async fn a_name_that_zoho_has_for_another_place_by_now_leads_to_neither() {
    let (connector, agent) =
        Connector::start_without_limit().await.with_agent("stock", "inventory:stock").await;
    let sandbox = &connector.zoho.sandbox;
    let (main, outlet) = ("3300000000038080", "3300000000038095");
    // Where Zoho's list cannot be read, the name is taken as if the other place had got it later.
    let none = r#"{"code":0,"message":"success","locations":[]}"#.to_owned();
    let kind = FaultKind::Body(200, "application/json".to_owned(), none);
    sandbox.inject(Fault { path_contains: "/locations".to_owned(), times: 1, kind });
    let named = json!({ "locations": [{ "name": "Outlet", "location_id": main }, { "name": "till 1", "location_id": main }] });
    agent.write("POST", MAPPINGS, &[], &named).await.ok();

    let before = sandbox.requests().len();
    let adjust =
        |place: &str| json!({ "item_id": SHELF, "location": place, "reason": "Damaged goods", "delta": -1 });
    let transfer = |from: &str, to: &str| json!({ "from": from, "to": to, "lines": [{ "item_id": SHELF, "quantity": 1 }] });
    let (adjustments, transfers) = ("/v1/inventory/adjustments", "/v1/inventory/transferorders");
    for (path, body) in [
        (adjustments, adjust("Outlet")),
        (transfers, transfer("Outlet", outlet)),
        (transfers, transfer(outlet, "Outlet")),
    ] {
        for path in [path.to_owned(), format!("{path}?dry_run=true")] {
            let told = agent.write("POST", &path, &[], &body).await.problem("mapping_stale");
            assert_eq!(
                told["detail"],
                format!(
                    "The name \"Outlet\" is mapped to location {main}, and is Zoho's own name of location {outlet} now."
                ),
                "{path}"
            );
        }
    }
    for query in ["location=Outlet", "sku=SHELF-OAK-80&location=Outlet"] {
        agent.get(&format!("{ITEMS}?{query}")).await.problem("mapping_stale");
    }
    let asked = sandbox.requests();
    let mut calls = asked[before..].iter().filter(|request| request.path.contains("/inventory/"));
    assert!(calls.all(|request| request.method == "GET"), "nothing was written");

    let moved = agent.write("POST", adjustments, &[], &adjust("till 1")).await;
    assert_eq!((moved.status, &moved.body["lines"][0]["location_id"]), (201, &json!(main)), "{}", moved.body);
    let moved = agent.write("POST", transfers, &[], &transfer("till 1", outlet)).await;
    assert_eq!(
        (moved.status, &moved.body["lines"][0]["to"]["location_id"]),
        (201, &json!(outlet)),
        "{}",
        moved.body
    );
}

#[tokio::test]
async fn near_twins_are_named_and_never_chosen() {
    let (connector, agent) = shop().await;
    let sandbox = &connector.zoho.sandbox;
    for (name, sku) in [("Zero", "123"), ("Accent", "CAF\u{c9}-1"), ("Blank", "TWO WORDS")] {
        sandbox.insert_item(json!({ "name": name, "sku": sku })).await.unwrap();
    }
    for (asked, named) in [
        ("shelf-oak-80", "\"SHELF-OAK-80\", \"Oak Shelf 80 cm\""),
        ("00123", "\"123\", \"Zero\""),
        ("CAFE%CC%81-1", "\"CAF\u{c9}-1\", \"Accent\""),
        ("TWO%20WORDS%20", "\"TWO WORDS\", \"Blank\""),
    ] {
        let before = sandbox.requests().len();
        let problem = agent.get(&format!("{ITEMS}?sku={asked}")).await.problem("sku_not_found");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("These differ only by") && detail.contains(named), "{asked}: {detail}");
        assert!(sandbox.requests().len() - before <= 2, "one call more at most");
    }
    let none = agent.get(&format!("{ITEMS}?sku=SHELF-OAK")).await.problem("sku_not_found");
    assert_eq!(none["detail"], "No item in Zoho Inventory has exactly this SKU.");
    let unmapped = agent.get(&format!("{ITEMS}?product_id=%20Shelf")).await.problem("product_unmapped");
    let detail = unmapped["detail"].as_str().unwrap();
    assert!(detail.contains("\"shelf\" (SKU \"SHELF-OAK-80\")"), "{detail}");
    let lines = json!([{ "product_id": "twin", "quantity": 1 }]);
    let refused = agent.write("POST", ORDERS, &[], &order(&lines)).await.problem("sku_not_found");
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("is mapped to the SKU \"shelf-oak-80\"") && detail.contains("\"SHELF-OAK-80\""),
        "{detail}"
    );
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
