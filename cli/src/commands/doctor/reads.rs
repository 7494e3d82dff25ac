//! The first deals and items, read as an agent reads them: through the public address, with a key.

use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use shared::core::access::permission::Permission;
use shared::core::connection::{Connection, State};
use shared::zoho::http;
use shared::zoho::scope::{Access, Product};

use super::key_for_a_check::KeyForACheck;
use super::report::Report;
use crate::commands::installation::Opened;

const CALL_TIMEOUT: Duration = Duration::from_secs(40);

/// What is read of a product, and the fields of a record that are shown.
struct Sample {
    product: Product,
    what: &'static str,
    path: &'static str,
    name: &'static str,
    detail: (&'static str, &'static str),
}

const SAMPLES: [Sample; 2] = [
    Sample {
        product: Product::Inventory,
        what: "items",
        path: "/v1/inventory/items?per_page=5",
        name: "name",
        detail: ("SKU", "sku"),
    },
    Sample {
        product: Product::Crm,
        what: "deals",
        path: "/v1/crm/deals?per_page=5",
        name: "Deal_Name",
        detail: ("Stage", "Stage"),
    },
];

pub(super) async fn check(report: &mut Report, opened: &Opened, connections: &[Connection], is_ours: bool) {
    let read =
        |found: &&Connection| !matches!(found.state, State::ReconnectRequired { .. } | State::Disconnecting);
    let connections: Vec<_> = connections.iter().filter(read).collect();
    if connections.is_empty() {
        return;
    }
    if !is_ours {
        return report.neutral("Reads", "the public address must lead to this installation first");
    }
    let may = Product::ALL.map(|product| Permission::Product(product, Access::Read)).to_vec();
    let names = connections.iter().map(|found| found.name.clone()).collect();
    let key = match KeyForACheck::make(&opened.services, may, names).await {
        Ok(key) => key,
        Err(error) => return report.bad("Reads", error.to_string(), "see the check of the store"),
    };
    match http::browser() {
        Ok(client) => {
            for found in connections {
                for sample in SAMPLES.iter().filter(|one| found.scopes.products().contains(&one.product)) {
                    read_one(report, opened, &client, &key, (found, sample)).await;
                }
            }
        }
        Err(error) => report.bad("Reads", error, "build zoho-connector anew"),
    }
    key.end().await;
}

async fn read_one(
    report: &mut Report,
    opened: &Opened,
    client: &Client,
    key: &KeyForACheck,
    (found, sample): (&Connection, &Sample),
) {
    let check = format!("{} {}", capital(sample.what), found.name);
    let request = client
        .get(format!("{}{}", opened.public_url.as_str(), sample.path))
        .timeout(CALL_TIMEOUT)
        .bearer_auth(key.text.expose())
        .header("zoho-connection", found.name.as_str());
    let Ok(answer) = request.send().await else {
        let mend = "look at the connector's log: it began to answer, and did not end";
        return report.bad(check, "no answer came in time", mend);
    };
    let status = answer.status().as_u16();
    let document: Value = serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default();
    let rows = document.get("data").and_then(Value::as_array);
    let Some(rows) = rows.filter(|_| status == 200) else {
        let word = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
        let zoho = document.pointer("/zoho/message").and_then(Value::as_str);
        let zoho = zoho.map(|said| format!(" Zoho says: {said}")).unwrap_or_default();
        let found = format!("{status} {}: {}{zoho}", word("code"), word("detail"));
        return report.bad(check, found, word("hint"));
    };
    let shown = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    let mut lines = vec![match rows.len() {
        0 => format!("Zoho answers, and has no {}", sample.what),
        1 => format!("the first of the {}", sample.what),
        count => format!("the first {count} {}", sample.what),
    }];
    let (label, field) = sample.detail;
    lines.extend(
        rows.iter().map(|row| format!("{}  {label}: {}", shown(row, sample.name), shown(row, field))),
    );
    report.good(check, lines.join("\n"));
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
