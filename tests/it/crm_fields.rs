//! Writes that mean what they say, and reads that say what is missing: names, types and values are judged by the fields of the
//! module, what CRM made of a write is compared with what was asked, and what a profile hides is named.

use sandbox::{Fault, FaultKind, Recorded};
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::connector::Connector;

const DEALS: &str = "/v1/crm/deals";
const DEAL: &str = "/v1/crm/deals/6100000000451001";
const NOTES: &str = "/v1/crm/deals/6100000000451001/notes";
const UPSERT: &str = "/v1/crm/deals/upsert?by=External_Order_ID";

async fn writer() -> (Connector, Agent) {
    Connector::start().await.with_agent("write", "crm:write").await
}

fn answer(connector: &Connector, method: &str, path: &str, status: u16, body: &str) {
    let kind = FaultKind::Body(status, "application/json".to_owned(), body.to_owned());
    connector.zoho.sandbox.inject_on(method, Fault { path_contains: path.to_owned(), times: 1, kind });
}

/// The calls to Zoho with this in their path.
fn calls(connector: &Connector, method: &str, path: &str) -> usize {
    let fits = |request: &&Recorded| request.method == method && request.path.contains(path);
    connector.zoho.sandbox.requests().iter().filter(fits).count()
}

fn hide(connector: &Connector, fields: &[&str]) {
    let fields = fields.iter().map(|field| (*field).to_owned()).collect();
    connector.zoho.sandbox.switches(|switches| switches.crm_hidden_fields = fields);
}

fn detail(problem: &Value) -> &str {
    problem["detail"].as_str().unwrap()
}

#[tokio::test]
async fn a_misspelt_field_is_refused_and_named_before_anything_leaves() {
    let (connector, agent) = writer().await;
    let deal = |name: &str| json!({ "Deal_Name": "Web", "Stage": "Qualification", name: "x" });
    let upserted = |name: &str| json!({ "Deal_Name": "W", "Stage": "Qualification", "External_Order_ID": "W-7", name: "x" });
    for (name, meant) in [
        ("Next_Stp", Some("Next_Step")),
        ("next_step", Some("Next_Step")),
        ("Colour", Some("Colours")),
        ("Foo_Bar", None),
    ] {
        for (method, path, body) in [
            ("PATCH", DEAL, json!({ name: "x" })),
            ("PATCH", "/v1/crm/deals/6100000000451001?dry_run=true", json!({ name: "x" })),
            ("POST", DEALS, deal(name)),
            ("POST", UPSERT, upserted(name)),
        ] {
            let problem = agent.write(method, path, &[], &body).await.problem("body_invalid");
            let expected = match meant {
                Some(meant) => format!("`{name}` is no field of Deals: did you mean `{meant}`?"),
                None => format!("`{name}` is no field of Deals that the user who connected can see."),
            };
            assert_eq!(detail(&problem), expected, "{path}");
            assert!(problem["hint"].as_str().unwrap().contains("/v1/crm/fields?module="), "{problem}");
        }
    }
    assert_eq!(calls(&connector, "PUT", "/Deals") + calls(&connector, "POST", "/Deals"), 0);
    assert_eq!(calls(&connector, "GET", "/settings/fields"), 1, "known for a while");
}

#[tokio::test]
async fn a_preview_of_a_passed_write_names_what_crm_would_ignore() {
    let (_connector, agent) = Connector::start().await.with_agent("write", "zoho:*:crm/**").await;
    for path in ["/v1/zoho/crm/Deals", "/v1/zoho/crm/Deals/upsert"] {
        let body = json!({ "data": [{ "id": "61", "stage": "Closed Won", "Amount": 1 }, { "Foo_Bar": 1 }] });
        let shown = agent.write("POST", &format!("{path}?dry_run=true"), &[], &body).await.ok();
        let warnings = shown["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), 2, "{shown}");
        assert!(
            warnings[1]
                .as_str()
                .unwrap()
                .starts_with("`stage` is no field of Deals: did you mean `Stage`? CRM"),
            "{shown}"
        );
        let fit = json!({ "data": [{ "Amount": 1 }] });
        let shown = agent.write("POST", &format!("{path}?dry_run=true"), &[], &fit).await.ok();
        assert!(shown["warnings"].is_null(), "{shown}");
    }
}

#[tokio::test]
async fn types_lengths_and_values_are_judged_before_anything_leaves() {
    let (connector, agent) = writer().await;
    for (body, code, words) in [
        (json!({ "Next_Step": ["a"] }), "body_invalid", "`Next_Step` must be a text."),
        (json!({ "Next_Step": "x".repeat(101) }), "body_invalid", "at most 100 characters and has 101."),
        (json!({ "Probability": 12.5 }), "body_invalid", "`Probability` must be a whole number."),
        (json!({ "Amount": "12.50" }), "body_invalid", "`Amount` must be a number."),
        (json!({ "Is_Rush": "yes" }), "body_invalid", "`Is_Rush` must be true or false."),
        (json!({ "Closing_Date": "24.12.2026" }), "body_invalid", "`Closing_Date` must be a date"),
        (json!({ "Account_Name": "Harbor" }), "body_invalid", "`Account_Name_id`"),
        (json!({ "Account_Name_id": "Harbor" }), "body_invalid", "`Account_Name_id` must be an id"),
        (json!({ "Modified_Time": "2026-11-19T15:02:44+01:00" }), "body_invalid", "CRM fills it itself."),
        (json!({ "Stage": null }), "body_invalid", "`Stage` must have a value"),
        (
            json!({ "Grade": "C" }),
            "value_not_allowed",
            "Gold (in CRM also A), Silver (in CRM also B), Bronze.",
        ),
        (
            json!({ "Colours": ["Oak", "Pink"] }),
            "value_not_allowed",
            "`Colours` takes one of: Oak, Black, Sea blue",
        ),
        (json!({ "Colours": "Pink" }), "value_not_allowed", "`Colours` takes one of"),
        (
            json!({ "Next_Step": 7, "Amount": "x" }),
            "body_invalid",
            "`Next_Step` must be a text. `Amount` must be a number.",
        ),
    ] {
        let problem = agent.write("PATCH", DEAL, &[], &body).await.problem(code);
        assert!(detail(&problem).contains(words), "{body}: {problem}");
    }
    assert_eq!(calls(&connector, "PUT", "/Deals"), 0);
}

#[tokio::test]
async fn what_is_meant_is_taken_in_either_form() {
    let (_connector, agent) = writer().await;
    for (body, shown) in [
        // By the name that people see, and by the one that CRM keeps.
        (json!({ "Grade": "Gold" }), json!({ "Grade": "Gold" })),
        (json!({ "Grade": "B" }), json!({ "Grade": "Silver" })),
        (json!({ "Colours": ["Blue", "Oak"] }), json!({ "Colours": ["Sea blue", "Oak"] })),
        (json!({ "Colours": "Oak;Black" }), json!({ "Colours": ["Oak", "Black"] })),
        (json!({ "Colours": [] }), json!({ "Colours": [] })),
        // A text whose own name ends in `_id`.
        (json!({ "legacy_id": "x-77" }), json!({ "legacy_id": "x-77" })),
        (json!({ "legacy_id": "6100000000440012" }), json!({ "legacy_id": "6100000000440012" })),
        (json!({ "Account_Name_id": "6100000000440012" }), json!({ "Account_Name": "Café Grün & Söhne" })),
        (json!({ "Account_Name_id": null }), json!({ "Account_Name": null })),
        (json!({ "Probability": 50.0, "Is_Rush": true }), json!({ "Probability": 50, "Is_Rush": true })),
    ] {
        let changed = agent.write("PATCH", DEAL, &[], &body).await.ok();
        for (field, value) in shown.as_object().unwrap() {
            assert_eq!(&changed[field], value, "{body}: {changed}");
        }
        assert!(changed["not_applied"].is_null(), "{body}: {changed}");
    }
}

/// A scope or fields that are missing hold nobody up: then the record that is read back says what was not taken.
#[tokio::test]
async fn what_crm_did_not_take_is_told() {
    let (connector, agent) = writer().await;
    // Nobody knows the fields: under 204, and where CRM fails.
    for status in [403, 204] {
        let refusal =
            if status == 204 { "" } else { r#"{"code":"NO_PERMISSION","message":"no","status":"error"}"# };
        answer(&connector, "GET", "/settings/fields", status, refusal);
        let changed =
            agent.write("PATCH", DEAL, &[], &json!({ "stage": "Closed Won", "Amount": 7 })).await.ok();
        assert_eq!(changed["not_applied"], json!(["stage"]), "{changed}");
        assert!(changed["notice"].as_str().unwrap().contains("`stage`"), "{changed}");
        assert_eq!(changed["Amount"].as_f64(), Some(7.0));
    }
    // A rule of CRM made something else of it.
    answer(
        &connector,
        "GET",
        "/Deals/6100000000451001",
        200,
        r#"{"data":[{"id":"6100000000451001","Deal_Name":"Spring reorder"}]}"#,
    );
    answer(
        &connector,
        "GET",
        "/Deals/6100000000451001",
        200,
        r#"{"data":[{"id":"6100000000451001","Deal_Name":"Spring reorder","Amount":9.00}]}"#,
    );
    let changed =
        agent.write("PATCH", DEAL, &[("idempotency-key", "k")], &json!({ "Amount": 8.5 })).await.ok();
    assert_eq!(changed["not_applied"], json!(["Amount"]), "{changed}");
    let again = agent.write("PATCH", DEAL, &[("idempotency-key", "k")], &json!({ "Amount": 8.5 })).await.ok();
    assert_eq!(again, changed, "given again with the answer");
    let short = format!("{DEAL}?fields=Deal_Name");
    let short =
        agent.write("PATCH", &short, &[("idempotency-key", "k")], &json!({ "Amount": 8.5 })).await.ok();
    assert_eq!(
        (&short["not_applied"], &short["notice"]),
        (&changed["not_applied"], &changed["notice"]),
        "{short}"
    );
    assert!(short["notice"].is_string() && short.get("Amount").is_none(), "{short}");
    let entry = &agent.get("/v1/audit?details=true").await.ok()["data"][0];
    assert_eq!(entry["after"]["not_applied"], json!(["Amount"]), "{entry}");
}

#[tokio::test]
async fn rows_of_a_subform_that_would_disappear_need_a_preview() {
    let (_connector, agent) = writer().await;
    let rows = json!({ "Lines": [{ "Product": "Oak", "Qty": 1 }, { "Product": "Pine", "Qty": 2 }] });
    let deal = agent.write("PATCH", DEAL, &[], &rows).await.ok();
    assert!(deal["not_applied"].is_null(), "{deal}");
    let (first, second) = (deal["Lines"][0]["id"].clone(), deal["Lines"][1]["id"].clone());
    // All rows that are to stay are there: nothing is lost.
    let more =
        json!({ "Lines": [{ "id": first }, { "id": second, "Qty": 3 }, { "Product": "Ash", "Qty": 4 }] });
    let deal = agent.write("PATCH", DEAL, &[], &more).await.ok();
    assert_eq!((deal["Lines"].as_array().unwrap().len(), &deal["Lines"][1]["Qty"]), (3, &json!(3)), "{deal}");

    let fewer = json!({ "Lines": [{ "id": second }] });
    let problem = agent.write("PATCH", DEAL, &[], &fewer).await.problem("preview_required");
    assert!(
        detail(&problem).contains("`Lines`") && detail(&problem).contains(first.as_str().unwrap()),
        "{problem}"
    );
    assert_eq!(agent.get(DEAL).await.ok()["Lines"].as_array().unwrap().len(), 3);
    agent.write("PATCH", DEAL, &[], &json!({ "Lines": null })).await.problem("preview_required");

    let shown = agent.write("PATCH", &format!("{DEAL}?dry_run=true"), &[], &fewer).await.ok();
    assert_eq!(shown["dropped_rows"]["Lines"].as_array().unwrap().len(), 2, "{shown}");
    assert!(shown["warnings"][0].as_str().unwrap().contains("delete 2 of the rows"), "{shown}");
    let id = [("idempotency-key", shown["preview_id"].as_str().unwrap())];
    let deal = agent.write("PATCH", DEAL, &id, &fewer).await.ok();
    assert_eq!(deal["Lines"].as_array().unwrap().len(), 1, "{deal}");
}

#[tokio::test]
async fn a_preview_of_a_deal_refuses_what_performing_would() {
    let (connector, agent) = writer().await;
    let first = json!({ "Deal_Name": "A", "Stage": "Qualification", "External_Order_ID": "W-1" });
    assert_eq!(agent.write("POST", DEALS, &[], &first).await.status, 201);
    let preview = async |path: &str, headers: &[(&str, &str)], body: &Value| {
        let method = if path == DEAL { "PATCH" } else { "POST" };
        agent.write(method, &format!("{path}?dry_run=true"), headers, body).await
    };
    let taken = preview(DEALS, &[], &first).await.problem("value_not_allowed");
    assert!(detail(&taken).contains("`External_Order_ID`"), "{taken}");
    preview(DEAL, &[], &json!({ "External_Order_ID": "W-1" })).await.problem("value_not_allowed");
    let nowhere = json!({ "Account_Name_id": "6100000000999999" });
    let nowhere = preview(DEAL, &[], &nowhere).await.problem("record_not_found");
    assert!(detail(&nowhere).contains("`Account_Name`"), "{nowhere}");
    let since = [("if-unmodified-since", "2020-01-01T00:00:00+00:00")];
    preview(DEAL, &since, &json!({ "Amount": 1 })).await.problem("record_modified");
    let note = json!({ "Note_Content": "x" });
    preview("/v1/crm/deals/6100000000999999/notes", &[], &note).await.problem("record_not_found");
    preview(NOTES, &[], &note).await.ok();
    let fit = json!({ "Account_Name_id": "6100000000440012", "External_Order_ID": "W-2" });
    preview(DEAL, &[], &fit).await.ok();
    assert_eq!(calls(&connector, "PUT", "/Deals"), 0);
}

#[tokio::test]
async fn fields_that_are_asked_for_are_judged_without_a_call_more() {
    let (connector, agent) = writer().await;
    agent.get("/v1/crm/deals?fields=Deal_Name,Grade,legacy_id").await.ok();
    agent.get(&format!("{DEAL}?fields=Deal_Name,Account_Name_id")).await.ok();
    agent.get("/v1/crm/contacts?fields=Phone,Owner").await.ok();
    assert_eq!(calls(&connector, "GET", "/settings/fields"), 0);
    for (path, words) in [
        ("/v1/crm/deals?fields=Deal_Name,stage", "`stage` is no field of Deals: did you mean `Stage`?"),
        ("/v1/crm/deals?stage=Qualification&fields=Amout", "did you mean `Amount`?"),
        ("/v1/crm/deals/6100000000451001?fields=Amout", "did you mean `Amount`?"),
        ("/v1/crm/contacts?fields=Emial", "`Emial` is no field of Contacts: did you mean `Email`?"),
        ("/v1/crm/contacts/6100000000440025?fields=Nothing_Here", "`Nothing_Here` is no field of Contacts"),
        ("/v1/crm/contacts?search=Sommer&fields=Emial", "did you mean `Email`?"),
    ] {
        let problem = agent.get(path).await.problem("invalid_parameter");
        assert!(detail(&problem).contains(words), "{path}: {problem}");
    }
}

#[tokio::test]
async fn what_a_profile_hides_is_left_out_and_named() {
    let (connector, agent) = writer().await;
    hide(&connector, &["Amount", "Phone"]);
    for path in ["/v1/crm/deals?stage=Qualification", "/v1/crm/deals", "/v1/crm/deals?search=r&per_page=1"] {
        let list = agent.get(path).await.ok();
        assert!(list["notice"].as_str().unwrap().contains("`Amount`"), "{path}: {list}");
        assert!(!list["data"].as_array().unwrap().is_empty() && list["data"][0]["Amount"].is_null());
        if let Some(next) = list["next"].as_str() {
            assert!(agent.get(next).await.ok()["notice"].as_str().unwrap().contains("`Amount`"));
        }
    }
    let brief = agent.get(&format!("{DEAL}/brief")).await.ok();
    assert_eq!((&brief["contacts"][0]["Full_Name"], &brief["missing"]), (&json!("Lea Sommer"), &json!([])));
    assert!(brief["notice"].as_str().unwrap().contains("`Phone`"), "{brief}");
    let one = agent.get(&format!("{DEAL}?fields=Deal_Name,Amount")).await.ok();
    assert!(one["notice"].as_str().unwrap().contains("`Amount`"), "{one}");
    let refused = agent.write("PATCH", DEAL, &[], &json!({ "Amount": 1 })).await.problem("body_invalid");
    assert!(detail(&refused).contains("that the user who connected can see"), "{refused}");

    // Nothing can be chosen by what is hidden: CRM's words and the field are told.
    hide(&connector, &["Stage"]);
    let refused = agent.get("/v1/crm/deals?stage=Qualification").await.problem("zoho_forbidden");
    assert!(detail(&refused).contains("`Stage`"), "{refused}");
    assert_eq!(refused["zoho"]["details"]["column_name"], "Stage", "{refused}");
}

#[tokio::test]
async fn a_passing_refusal_of_a_query_of_ours_is_tried_once_more() {
    let (connector, agent) = writer().await;
    let wrong = r#"{"code":"SYNTAX_ERROR","details":{"near":"limit"},"message":"error occurred while parsing the query","status":"error"}"#;
    answer(&connector, "POST", "/coql", 400, wrong);
    let list = agent.get("/v1/crm/deals?stage=Qualification").await.ok();
    assert!(!list["data"].as_array().unwrap().is_empty());
    answer(&connector, "POST", "/coql", 400, wrong);
    assert_eq!(agent.get(&format!("{DEAL}/brief")).await.ok()["missing"], json!([]));
    // Twice is no accident: the part that is missing says what CRM said.
    answer(&connector, "POST", "/coql", 400, wrong);
    answer(&connector, "POST", "/coql", 400, wrong);
    let missing = &agent.get(&format!("{DEAL}/brief")).await.ok()["missing"][0];
    assert_eq!(
        (&missing["part"], &missing["zoho"]["code"]),
        (&json!("contacts"), &json!("SYNTAX_ERROR")),
        "{missing}"
    );
    assert_eq!(missing["zoho"]["details"]["near"], "limit");
}

#[tokio::test]
async fn a_multi_select_is_a_list_on_every_page() {
    let (connector, agent) = writer().await;
    for id in ["6100000000451001", "6100000000451002", "6100000000451003"] {
        connector.zoho.sandbox.change_deal(id, json!({ "Colours": ["Oak", "Black"], "Next_Step": "a;b" }));
    }
    let check = |deal: &Value| {
        assert_eq!(
            (&deal["Colours"], &deal["Next_Step"]),
            (&json!(["Oak", "Black"]), &json!("a;b")),
            "{deal}"
        );
    };
    let first = agent.get("/v1/crm/deals?fields=Colours,Next_Step&per_page=1").await.ok();
    check(&first["data"][0]);
    check(&agent.get(first["next"].as_str().unwrap()).await.ok()["data"][0]);
    check(&agent.get("/v1/crm/deals?fields=Colours,Next_Step&stage=Qualification").await.ok()["data"][0]);
    let query = json!({ "query": "select Colours, Next_Step from Deals where id = :id", "params": { "id": "6100000000451002" } });
    check(&agent.write("POST", "/v1/crm/query", &[], &query).await.ok()["data"][0]);
    check(&agent.get(DEAL).await.ok());

    // Where nobody knows which texts are lists, the records are read whole.
    let blind = Connector::start().await;
    let scopes = "ZohoCRM.modules.deals.READ,ZohoCRM.coql.READ,ZohoCRM.org.READ";
    blind.connect(&["--products", "crm", "--scopes", scopes]).await;
    blind
        .zoho
        .sandbox
        .change_deal("6100000000451001", json!({ "Colours": ["Oak", "Black"], "Next_Step": "a;b" }));
    let list =
        blind.agent(&[]).await.get("/v1/crm/deals?fields=Colours,Next_Step&stage=Qualification").await.ok();
    check(&list["data"][0]);
}

#[tokio::test]
async fn a_query_takes_times_as_our_own_events_give_them() {
    let (_connector, agent) = writer().await;
    let ask = async |condition: &str, params: Value| {
        let query = format!("select id from Deals where {condition}");
        agent.write("POST", "/v1/crm/query", &[], &json!({ "query": query, "params": params })).await.ok()
    };
    let rows = |answer: &Value| answer["data"].as_array().unwrap().len();
    let all = ask("Modified_Time >= :since", json!({ "since": "2026-07-08T18:30:00.000Z" })).await;
    assert!(rows(&all) >= 6, "{all}");
    let range = json!({ "from": "2026-11-19T14:02:44.000Z", "to": "2026-11-19T15:02:44.9+01:00" });
    assert!(rows(&ask("Modified_Time between :from and :to", range).await) >= 6);
    let list = json!({ "at": ["2026-11-19T14:02:44.000Z", "2026-11-19T14:02:45.000Z"] });
    assert!(rows(&ask("Modified_Time in :at", list).await) >= 6);
}

#[tokio::test]
async fn metadata_that_crm_does_not_tell_is_not_taken_for_a_no() {
    let body = json!({ "Deal_Name": "W", "Stage": "Qualification", "External_Order_ID": "W-1" });
    for (status, told) in [
        (204, ""),
        (
            200,
            r#"{"fields":[{"api_name":"External_Order_ID"},{"api_name":"Deal_Name"},{"api_name":"Stage"}]}"#,
        ),
    ] {
        let (connector, agent) = writer().await;
        answer(&connector, "GET", "/settings/fields", status, told);
        let fields = agent.get("/v1/crm/fields?module=Deals").await.ok();
        if status == 204 {
            assert!(fields["notice"].as_str().unwrap().contains("CRM told no fields"), "{fields}");
        } else {
            let first = &fields["data"][0];
            assert_eq!((&first["unique"], &first["writable"]), (&Value::Null, &Value::Null), "{fields}");
        }
        let problem = agent.write("POST", UPSERT, &[], &body).await.problem("zoho_unreadable");
        assert!(detail(&problem).contains("CRM did not tell"), "{problem}");
        assert_eq!(calls(&connector, "POST", "/Deals"), 0);
    }
}

#[tokio::test]
async fn the_same_write_again_without_a_key_is_told() {
    let (connector, agent) = writer().await;
    let note = json!({ "Note_Title": "Call", "Note_Content": "Wants oak." });
    let first = agent.write("POST", NOTES, &[], &note).await;
    assert_eq!((first.status, &first.body["notice"]), (201, &Value::Null), "{}", first.body);
    let second = agent.write("POST", NOTES, &[], &note).await;
    let notice = second.body["notice"].as_str().unwrap();
    assert!(
        notice.contains(first.body["id"].as_str().unwrap()) && notice.contains("Idempotency-Key"),
        "{notice}"
    );
    // Another agent, other words, or a key: nothing to be told.
    let other = connector.agent(&["--can", "crm:write"]).await;
    assert!(other.write("POST", NOTES, &[], &note).await.body["notice"].is_null());
    let words = json!({ "Note_Title": "Call", "Note_Content": "Wants pine." });
    assert!(agent.write("POST", NOTES, &[], &words).await.body["notice"].is_null());
    for _ in 0..2 {
        let kept = agent.write("POST", NOTES, &[("idempotency-key", "n")], &note).await;
        assert!(kept.status == 201 && kept.body["notice"].is_null(), "{}", kept.body);
    }
    let document = agent.get("/openapi.json").await.ok().to_string();
    assert!(document.contains("Send an `Idempotency-Key` of your own making with every write"));
}
