//! Mappings are held against all items of Zoho.

use sandbox::{ItemChange, Options};
use serde_json::{Value, json};
use tests::inside::Inside;

use super::{BRACKET, RESOLVE, import, send, stock_key, table};

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
