//! What these tests found, each told as it is right.

use serde_json::{Value, json};

use super::line::Mood;
use super::proper::{ID, ITEM, ORDER};
use super::said::Said;
use super::{Desk, check::Told};

fn json_of(status: u16, body: &str) -> Option<Said> {
    Some(Said::json(status, body))
}

fn html(status: u16) -> Option<Said> {
    let mut said = Said::json(status, "<html>");
    said.headers.insert("content-type", "text/html".parse().unwrap());
    Some(said)
}

fn demand(what: &str, told: &Told, code: &str, zoho: &str) {
    let problem = told.problem.as_ref().unwrap_or_else(|| panic!("{what}: {told}"));
    assert_eq!(problem["code"], code, "{what}: {told}");
    assert_eq!(problem["zoho"]["code"].as_str().unwrap_or_default(), zoho, "{what}: {told}");
}

#[tokio::test(start_paused = true)]
async fn what_zoho_did_not_say_is_not_told() {
    let desk = Desk::open().await;
    let (deal, confirm) =
        (format!("/v1/crm/deals/{ID}"), format!("/v1/inventory/salesorders/{ORDER}/confirm"));
    let item = format!("/v1/inventory/items/{ITEM}");
    let lead = format!("/v1/zoho/crm/Leads/{ID}");
    let (step, query) =
        (json!({ "Next_Step": "x" }), json!({ "query": "select Stge from Deals where id > 0" }));
    let new = json!({ "Deal_Name": "x", "Stage": "Qualification" });
    let name = json!({ "data": [{ "Last_Name": "x" }] });
    let group = json!({ "group_name": "x" });
    let column =
        r#"{"code":"INVALID_QUERY","message":"invalid","details":{"column_name":"Stge"},"status":"error"}"#;
    let page_of_json = html(200).map(|said| Said { body: br#"{"code":2,"message":"no"}"#.to_vec(), ..said });
    let forbidden = r#"{"code":"NO_PERMISSION","message":"no","status":"error"}"#;
    let none = Value::Null;
    for (method, path, body, script, code, zoho) in [
        // Nobody confirmed it.
        ("POST", &*confirm, &none, vec![None, json_of(200, "{}")], "write_uncertain", ""),
        ("POST", &*confirm, &none, vec![None, json_of(200, r#"{"code":null}"#)], "write_uncertain", ""),
        ("PUT", &*lead, &name, vec![json_of(304, "")], "write_uncertain", ""),
        (
            "PATCH",
            &*deal,
            &step,
            vec![None, json_of(403, r#"{"code":"","message":"x"}"#)],
            "write_uncertain",
            "",
        ),
        // Words that do not tell whether it was done.
        (
            "PATCH",
            &*deal,
            &step,
            vec![None, json_of(500, r#"{"code":"INTERNAL_ERROR","message":"x"}"#)],
            "write_uncertain",
            "INTERNAL_ERROR",
        ),
        // Refusals by a number, beside an empty list, in another list, and under another type.
        (
            "POST",
            "/v1/crm/deals",
            &new,
            vec![json_of(400, r#"{"code":4711,"message":"x"}"#)],
            "zoho_rejected",
            "4711",
        ),
        (
            "POST",
            "/v1/crm/deals",
            &new,
            vec![json_of(200, r#"{"data":[],"errors":[{"code":"X","status":"error"}]}"#)],
            "zoho_rejected",
            "X",
        ),
        (
            "PUT",
            &*lead,
            &name,
            vec![json_of(200, r#"{"tags":[{"code":"X","status":"error"}]}"#)],
            "zoho_rejected",
            "X",
        ),
        ("POST", "/v1/zoho/inventory/itemgroups", &group, vec![page_of_json], "zoho_rejected", "2"),
        // Nothing that could be read.
        ("GET", "/v1/crm/deals", &none, vec![json_of(304, "")], "zoho_unreadable", ""),
        (
            "GET",
            "/v1/crm/deals",
            &none,
            vec![json_of(200, r#"{"code":null,"data":[]}"#)],
            "zoho_unreadable",
            "",
        ),
        ("GET", &*item, &none, vec![json_of(200, r#"{"code":0,"item":{}}"#)], "zoho_unreadable", ""),
        (
            "GET",
            "/v1/inventory/items?location=Other",
            &none,
            vec![None, None, json_of(200, r#"{"code":0,"locations":null}"#)],
            "zoho_unreadable",
            "",
        ),
        (
            "GET",
            "/v1/inventory/items?location=Other",
            &none,
            vec![None, None, html(200)],
            "zoho_unreadable",
            "",
        ),
        // Words of the call itself.
        (
            "GET",
            &*deal,
            &none,
            vec![json_of(400, r#"{"code":"INVALID_DATA","message":"the id given seems to be invalid"}"#)],
            "record_not_found",
            "INVALID_DATA",
        ),
        (
            "GET",
            &*item,
            &none,
            vec![
                json_of(401, r#"{"code":57,"message":"no"}"#),
                json_of(400, r#"{"code":2,"message":"other"}"#),
            ],
            "zoho_unavailable",
            "57",
        ),
        ("POST", "/v1/crm/query", &query, vec![json_of(400, column)], "zoho_rejected", "INVALID_QUERY"),
    ] {
        desk.line.set(Mood::scripted(script));
        let told = desk.ask(method, path, None, Some(body)).await;
        demand(&format!("{method} {path}"), &told, code, zoho);
        if zoho == "INVALID_QUERY" {
            assert_eq!(
                told.problem.as_ref().unwrap()["detail"],
                "`Stge` is no field of Deals: did you mean `Stage`?",
                "{told}"
            );
        }
        desk.house.tidy().await;
    }
    // Only the look for it is refused, and the repetition with the same key says no more than that.
    let mut script = vec![html(503)];
    script.extend((0..8).map(|_| json_of(403, forbidden)));
    desk.line.set(Mood::scripted(script));
    let (notes, note) = (format!("{deal}/notes"), json!({ "Note_Content": "x" }));
    let told = desk.ask("POST", &notes, Some("one"), Some(&note)).await;
    demand("a note", &told, "write_uncertain", "");
    let again = desk.ask("POST", &notes, Some("one"), Some(&note)).await;
    demand("a note, again", &again, "write_uncertain", "NO_PERMISSION");
    assert_eq!(desk.line.sent().iter().filter(|sent| sent.write).count(), 1);
}
