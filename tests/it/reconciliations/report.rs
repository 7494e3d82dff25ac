//! What came of a comparison: a table, a page for people, for all who may read.

use serde_json::json;

use super::{PATH, counter, post, to_the_end};

#[tokio::test]
async fn who_may_only_read_sees_reconciliations_and_makes_none() {
    let (connector, agent) = counter(0).await;
    let body = json!({ "counts": [{ "sku": "SHELF-OAK-80", "location": "Main", "quantity": 30 }] });
    let made = to_the_end(&agent, post(&agent, PATH, &body).await).await;
    let id = made["id"].as_str().unwrap();
    let reader = connector.agent(&["--can", "inventory:read"]).await;
    assert_eq!(reader.get(&format!("{PATH}/{id}")).await.ok()["data"][0]["outcome"], "matched");
    for path in [
        PATH.to_owned(),
        format!("{PATH}/{id}/counts"),
        format!("{PATH}/{id}/compare"),
        format!("{PATH}/{id}/apply"),
    ] {
        post(&reader, &path, &body).await.problem("key_not_allowed");
    }
}

#[tokio::test]
async fn the_report_is_a_table_and_a_page_for_people() {
    let (_connector, agent) = counter(0).await;
    let body = json!({
        "name": "<b>Autumn</b> & more",
        "location": "Main",
        "counts": [
            { "sku": "RUG-FJORD", "quantity": 5 },
            { "sku": "SHELF-OAK-80", "quantity": 31 },
            { "sku": "STUHL-ÆRØ", "quantity": 14.5 },
            { "sku": "=cmd", "quantity": 1 },
        ],
    });
    let made = to_the_end(&agent, post(&agent, PATH, &body).await).await;
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    let (status, headers, table) = agent.bytes("GET", &path, &[("accept", "text/csv")], Vec::new()).await;
    let table = String::from_utf8(table).unwrap();
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/csv; charset=utf-8"));
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("\u{feff}line,sku,item_id"), "{}", lines[0]);
    assert!(
        lines[2]
            .starts_with("2,SHELF-OAK-80,3300000000070001,,Oak Shelf 80 cm,pcs,3300000000038080,Main,31,30,"),
        "{}",
        lines[2]
    );
    assert!(lines[4].starts_with("4,'=cmd,"), "{}", lines[4]);
    assert_eq!(lines.len(), 5);

    let (status, headers, page) = agent.bytes("GET", &path, &[("accept", "text/html")], Vec::new()).await;
    let page = String::from_utf8(page).unwrap();
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/html; charset=utf-8"));
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(
        page.contains("<h1>&lt;b&gt;Autumn&lt;/b&gt; &amp; more</h1>") && page.contains("<html lang=\"en\">")
    );
    assert!(
        !page.contains("<script") && !page.contains("http://") && !page.contains("https://"),
        "it loads nothing"
    );
    // What is worth most comes first: a rug of 95.00, then a shelf of 24.95.
    let (rug, oak) = (page.find("Fjord").unwrap(), page.find("Oak Shelf 80 cm").unwrap());
    assert!(rug < oak);
    for part in
        ["−95.00", "+24.95", "−70.05", "missing", "found", "<details>", "No item has exactly this SKU"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
}
