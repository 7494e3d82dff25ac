//! CRM's writes: verdicts record by record, picklists, notes, what moves and what sets off rules.

use std::time::Duration;

use sandbox::{Fault, FaultKind, Options};
use serde_json::{Value, json};

use crate::support::{Reply, Zoho};

const DEAL: &str = "6100000000451001";

fn deal(name: &str) -> Value {
    json!({ "Deal_Name": name, "Stage": "Qualification" })
}

fn data(record: &Value) -> Value {
    json!({ "data": [record] })
}

fn verdict(reply: &Reply) -> (u16, String) {
    (reply.status, reply.at("/data/0/code"))
}

async fn read(zoho: &Zoho, token: &str, id: &str) -> Value {
    zoho.crm(&format!("/Deals/{id}"), token).await.json()["data"][0].clone()
}

#[tokio::test]
async fn a_deal_is_created_and_everywhere_to_be_seen() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let wanted = json!({ "Deal_Name": "New", "Stage": "Closed Won", "Amount": 250.5, "Closing_Date": "2026-12-24",
        "Account_Name": { "id": "6100000000440011" }, "Contact_Name": "6100000000440025", "Colour": "red",
        "Created_Time": "2001-01-01T00:00:00+00:00" });
    let reply = zoho.post_crm("/Deals", &token, &data(&wanted)).await;
    assert_eq!(verdict(&reply), (201, "SUCCESS".to_owned()), "{reply:?}");
    assert_eq!(
        (reply.at("/data/0/status"), reply.at("/data/0/message")),
        ("success".to_owned(), "record added".to_owned())
    );
    assert_eq!(reply.at("/data/0/details/Created_By/name"), "Nora Beck");
    let id = reply.at("/data/0/details/id");
    let record = read(&zoho, &token, &id).await;
    assert_eq!(record["Account_Name"], json!({ "name": "Harbor Interiors GmbH", "id": "6100000000440011" }));
    assert_eq!(record["Contact_Name"]["name"], "Lea Sommer");
    assert_eq!((&record["Probability"], &record["Expected_Revenue"]), (&json!(100), &json!(250.5)));
    assert_eq!((record.get("Colour"), &record["Pipeline"]), (None, &json!("Standard")));
    assert_eq!(
        record["Created_Time"],
        reply.json()["data"][0]["details"]["Created_Time"],
        "not the caller's"
    );
    assert_eq!(zoho.crm("/Deals?fields=Deal_Name&per_page=1", &token).await.at("/data/0/id"), id);
    assert_eq!(zoho.deals().last().unwrap()["id"], id.as_str());
    zoho.switches(|switches| switches.crm_create_status = 200);
    assert_eq!(zoho.post_crm("/Deals", &token, &data(&deal("Newer"))).await.status, 200);
    assert_eq!(zoho.deals().len(), 8);
}

#[tokio::test]
async fn what_does_not_fit_is_named_and_not_written() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let with = |key: &str, value: Value| {
        let mut wanted = deal("Bad");
        wanted[key] = value;
        wanted
    };
    for (wanted, code, field) in [
        (json!({ "Deal_Name": "Bad" }), "MANDATORY_NOT_FOUND", "Stage"),
        (json!({ "Stage": "Qualification" }), "MANDATORY_NOT_FOUND", "Deal_Name"),
        (with("Deal_Name", json!("")), "MANDATORY_NOT_FOUND", "Deal_Name"),
        (with("Stage", json!("Qualified")), "INVALID_DATA", "Stage"),
        (with("Stage", json!("qualification")), "INVALID_DATA", "Stage"),
        (with("Amount", json!("much")), "INVALID_DATA", "Amount"),
        (with("Probability", json!(1.5)), "INVALID_DATA", "Probability"),
        (with("Closing_Date", json!("24.12.2026")), "INVALID_DATA", "Closing_Date"),
        (with("Deal_Name", json!("x".repeat(121))), "INVALID_DATA", "Deal_Name"),
        (with("Account_Name", json!({ "id": DEAL })), "INVALID_DATA", "Account_Name"),
        (with("Contact_Name", json!("Lea Sommer")), "INVALID_DATA", "Contact_Name"),
        (with("Owner", json!({ "id": "1" })), "INVALID_DATA", "Owner"),
        (with("Next_Step", json!(5)), "INVALID_DATA", "Next_Step"),
    ] {
        let reply = zoho.post_crm("/Deals", &token, &data(&wanted)).await;
        assert_eq!(verdict(&reply), (400, code.to_owned()), "{wanted}");
        assert_eq!(reply.at("/data/0/details/api_name"), field, "{wanted}");
        assert_eq!(reply.at("/data/0/details/json_path"), format!("$.data[0].{field}"));
    }
    let reply = zoho.post_crm("/Deals", &token, &json!({ "data": ["Bad"] })).await;
    assert_eq!(verdict(&reply), (400, "INVALID_DATA".to_owned()));
    assert_eq!(zoho.deals().len(), 6);
    zoho.switches(|switches| switches.crm_picklists_unchecked = true);
    let reply = zoho.post_crm("/Deals", &token, &data(&with("Stage", json!("Qualified")))).await;
    assert_eq!(verdict(&reply), (201, "SUCCESS".to_owned()));
}

#[tokio::test]
async fn the_body_itself_can_be_wrong() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let many = vec![deal("Many"); 101];
    for (body, code) in [
        (json!([]), "INVALID_DATA"),
        (json!({}), "MANDATORY_NOT_FOUND"),
        (json!({ "data": [] }), "INVALID_DATA"),
        (json!({ "data": deal("Bare") }), "INVALID_DATA"),
        (json!({ "data": many }), "LIMIT_EXCEEDED"),
        (json!({ "data": [deal("Rules")], "trigger": "workflow" }), "INVALID_DATA"),
        (json!({ "data": [deal("Rules")], "trigger": ["everything"] }), "INVALID_DATA"),
    ] {
        let reply = zoho.post_crm("/Deals", &token, &body).await;
        assert_eq!((reply.status, reply.at("/code").as_str()), (400, code), "{body}");
    }
    assert_eq!(zoho.deals().len(), 6);
}

#[tokio::test]
async fn each_record_has_its_own_verdict_under_whatever_status() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let body = json!({ "data": [deal("One"), json!({ "Deal_Name": "Two" }), deal("Three")] });
    for (place, status) in [200, 201, 202, 207].into_iter().enumerate() {
        let told = if status == 207 { 400 } else { status };
        zoho.switches(|switches| switches.crm_refused_record_status = told);
        let reply = zoho.post_crm("/Deals", &token, &body).await;
        let codes = [0, 1, 2].map(|index| reply.at(&format!("/data/{index}/code")));
        assert_eq!(reply.status, status);
        assert_eq!(codes, ["SUCCESS", "MANDATORY_NOT_FOUND", "SUCCESS"]);
        assert_eq!(reply.at("/data/1/details/json_path"), "$.data[1].Stage");
        assert_eq!(zoho.deals().len(), 6 + 2 * (place + 1));
    }
}

#[tokio::test]
async fn an_update_moves_the_time_and_nothing_it_was_not_told_to() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let before = read(&zoho, &token, DEAL).await;
    let path = format!("/crm/v8/Deals/{DEAL}");
    let change = data(&json!({ "Stage": "Closed Won", "Next_Step": null }));
    let reply = zoho.call("PUT", &path, &token, &change).await;
    assert_eq!(
        (verdict(&reply), reply.at("/data/0/message")),
        ((200, "SUCCESS".to_owned()), "record updated".to_owned())
    );
    let after = read(&zoho, &token, DEAL).await;
    assert_eq!(
        (&after["Stage"], &after["Probability"], &after["Amount"]),
        (&json!("Closed Won"), &json!(100), &before["Amount"])
    );
    assert_eq!(after["Expected_Revenue"], json!(4300.0));
    assert_ne!(after["Modified_Time"], before["Modified_Time"]);
    assert_eq!(after["Created_Time"], before["Created_Time"]);
    for (record, code) in
        [(json!({ "Stage": "Lost" }), "INVALID_DATA"), (json!({ "Deal_Name": null }), "MANDATORY_NOT_FOUND")]
    {
        assert_eq!(verdict(&zoho.call("PUT", &path, &token, &data(&record)).await), (400, code.to_owned()));
    }
    assert_eq!(read(&zoho, &token, DEAL).await, after);
    let missing = zoho.call("PUT", "/crm/v8/Deals/610000000045", &token, &change).await;
    assert_eq!(
        (verdict(&missing), missing.at("/data/0/details/id")),
        ((400, "INVALID_DATA".to_owned()), "610000000045".to_owned())
    );
    let several = json!({ "data": [{ "id": DEAL, "Amount": 1 }, { "id": "6100000000451002", "Amount": 2 }] });
    assert_eq!(zoho.call("PUT", "/crm/v8/Deals", &token, &several).await.at("/data/1/code"), "SUCCESS");
    assert_eq!(read(&zoho, &token, "6100000000451002").await["Amount"], json!(2));
}

#[tokio::test]
async fn an_update_can_be_tied_to_the_time_last_seen() {
    let zoho = Zoho::start().await;
    let token = format!("Zoho-oauthtoken {}", zoho.connected().await);
    let path = format!("/eu/api/crm/v8/Deals/{DEAL}");
    let put = async |since: &str, amount: u32| {
        let headers = [("authorization", token.as_str()), ("if-unmodified-since", since)];
        zoho.send("PUT", &path, &headers, &data(&json!({ "Amount": amount })).to_string()).await.unwrap()
    };
    let amount = || zoho.deals()[0]["Amount"].to_string();
    let seen = "2026-11-19T15:02:44+01:00";
    assert_eq!(put("2026-11-19T15:02:43+01:00", 1).await.status, 412);
    assert_eq!(amount(), "4300.0");
    assert_eq!(put(seen, 2).await.status, 200);
    let late = put(seen, 3).await;
    assert_eq!((late.status, late.at("/data/0/code").as_str()), (412, "ALREADY_MODIFIED"));
    zoho.switches(|switches| switches.crm_modified_at_top = true);
    let late = put(seen, 3).await;
    assert_eq!((late.status, late.at("/code").as_str()), (412, "RECORD_MODIFIED"));
    assert_eq!(amount(), "2");
    zoho.switches(|switches| switches.crm_unmodified_since_ignored = true);
    assert_eq!(put(seen, 4).await.status, 200);
    assert_eq!(amount(), "4");
}

#[tokio::test]
async fn an_upsert_finds_by_unique_fields_and_can_be_repeated() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let body = json!({ "data": [{ "Deal_Name": "Web 7", "Stage": "Qualification", "External_Order_ID": "web-7" }],
        "duplicate_check_fields": ["External_Order_ID"] });
    let first = zoho.post_crm("/Deals/upsert", &token, &body).await;
    assert_eq!(
        (verdict(&first), first.at("/data/0/action")),
        ((201, "SUCCESS".to_owned()), "insert".to_owned())
    );
    let again = zoho.post_crm("/Deals/upsert", &token, &body).await;
    assert_eq!(
        (verdict(&again), again.at("/data/0/action")),
        ((200, "SUCCESS".to_owned()), "update".to_owned())
    );
    assert_eq!(again.at("/data/0/duplicate_field"), "External_Order_ID");
    assert_eq!(again.at("/data/0/details/id"), first.at("/data/0/details/id"));
    assert_eq!(zoho.deals().len(), 7);
    let by_name = zoho
        .post_crm(
            "/Deals/upsert",
            &token,
            &data(&json!({ "Deal_Name": "Spring reorder", "Stage": "Closed Lost" })),
        )
        .await;
    assert_eq!(by_name.at("/data/0/details/id"), DEAL, "Zoho's own check");
    let wrong = json!({ "data": [deal("X")], "duplicate_check_fields": ["Next_Step"] });
    let wrong = zoho.post_crm("/Deals/upsert", &token, &wrong).await;
    assert_eq!((wrong.status, wrong.at("/code").as_str()), (400, "INVALID_DATA"));
    let twice = json!({ "Deal_Name": "Other", "Stage": "Qualification", "External_Order_ID": "web-7" });
    let twice = zoho.post_crm("/Deals", &token, &data(&twice)).await;
    assert_eq!(verdict(&twice), (400, "DUPLICATE_DATA".to_owned()));
    assert_eq!(twice.at("/data/0/details/duplicate_record/id"), first.at("/data/0/details/id"));
    assert_eq!(twice.at("/data/0/details/id"), first.at("/data/0/details/id"));
    let email = json!({ "Last_Name": "Sommer", "Email": "lea@example.com" });
    assert_eq!(zoho.post_crm("/Contacts", &token, &data(&email)).await.at("/data/0/code"), "DUPLICATE_DATA");
    assert_eq!(zoho.post_crm("/Contacts/upsert", &token, &data(&email)).await.at("/data/0/action"), "update");
    assert_eq!(zoho.post_crm("/Notes/upsert", &token, &data(&email)).await.at("/code"), "NOT_SUPPORTED");
}

#[tokio::test]
async fn notes_hang_on_their_deal_oldest_first() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let below = format!("/Deals/{DEAL}/Notes");
    let list = async |query: &str| zoho.crm(&format!("{below}?{query}"), &token).await;
    assert_eq!(list("").await.at("/code"), "REQUIRED_PARAM_MISSING");
    let reply = zoho.post_crm(&below, &token, &data(&json!({ "Note_Content": "Third" }))).await;
    assert_eq!(verdict(&reply), (201, "SUCCESS".to_owned()));
    let parent = json!({ "module": { "api_name": "Deals" }, "id": DEAL });
    let fourth = json!({ "Parent_Id": parent, "Note_Title": "T", "Note_Content": "Fourth" });
    assert_eq!(verdict(&zoho.post_crm("/Notes", &token, &data(&fourth)).await), (201, "SUCCESS".to_owned()));
    let notes = list("fields=Note_Title,Note_Content,Parent_Id").await.json();
    let contents: Vec<_> =
        notes["data"].as_array().unwrap().iter().map(|note| note["Note_Content"].as_str().unwrap()).collect();
    assert_eq!(contents, ["Customer wants delivery in week 50.", "No title on this one.", "Third", "Fourth"]);
    assert_eq!(notes["data"][2]["Note_Title"], json!(null));
    assert_eq!(notes["data"][3]["Parent_Id"]["name"], "Spring reorder");
    assert_eq!(notes["info"]["sort_order"], "asc");
    assert_eq!(list("fields=id&per_page=3&page=2").await.at("/info/count"), "1");
    zoho.switches(|switches| switches.crm_notes_newest_first = true);
    assert_eq!(list("fields=Note_Content").await.at("/data/0/Note_Content"), "Fourth");
    assert_eq!(zoho.crm("/Deals/6100000000451002/Notes?fields=id", &token).await.status, 204);
    assert_eq!(zoho.notes().len(), 4);
    for (note, field) in [
        (json!({ "Note_Content": "X" }), "Parent_Id"),
        (json!({ "Parent_Id": DEAL, "se_module": "Deals", "Note_Content": "X" }), "Parent_Id"),
        (
            json!({ "Parent_Id": { "module": { "api_name": "Deals" }, "id": "1" }, "Note_Content": "X" }),
            "Parent_Id",
        ),
    ] {
        let reply = zoho.post_crm("/Notes", &token, &data(&note)).await;
        assert_eq!((reply.status, reply.at("/data/0/details/api_name").as_str()), (400, field), "{note}");
    }
    let empty = zoho.post_crm("/Notes", &token, &data(&json!({ "Parent_Id": parent }))).await;
    assert_eq!(empty.at("/data/0/code"), "EXPECTED_FIELD_MISSING");
    assert_eq!(empty.at("/data/0/details/expected_fields/0/api_name"), "Note_Title");
    let lost = zoho.post_crm("/Deals/1/Notes", &token, &data(&json!({ "Note_Content": "X" }))).await;
    assert_eq!((lost.status, lost.at("/code").as_str()), (400, "INVALID_DATA"));
    assert_eq!(zoho.notes().len(), 4);
    assert_eq!(zoho.crm("/Deals/1/Notes?fields=id", &token).await.status, 204);
}

#[tokio::test]
async fn rules_run_unless_the_trigger_is_empty() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    for (trigger, runs) in [
        (None, 1),
        (Some(json!([])), 0),
        (Some(json!(["approval"])), 0),
        (Some(json!(["workflow", "blueprint"])), 1),
    ] {
        let before = zoho.triggered().len();
        let mut body = data(&deal("Rules"));
        if let Some(trigger) = trigger {
            body["trigger"] = trigger;
        }
        let id = zoho.post_crm("/Deals", &token, &body).await.at("/data/0/details/id");
        assert_eq!(zoho.triggered().len() - before, runs, "{body}");
        assert_eq!(zoho.triggered().contains(&id), runs == 1);
    }
}

#[tokio::test]
async fn every_verb_needs_its_scope_and_notes_need_two() {
    let zoho = Zoho::start().await;
    let note = data(&json!({ "Note_Content": "X" }));
    let below = format!("/crm/v8/Deals/{DEAL}/Notes");
    let list_notes = format!("{below}?fields=id");
    let one = format!("/crm/v8/Deals/{DEAL}");
    let new = data(&deal("Scoped"));
    let calls: [(&str, &str, &Value, &[&str]); 7] = [
        ("GET", "/crm/v8/Deals?fields=id", &Value::Null, &["modules.deals.READ"]),
        ("POST", "/crm/v8/Deals", &new, &["modules.deals.CREATE"]),
        ("PUT", &one, &new, &["modules.deals.UPDATE"]),
        ("POST", "/crm/v8/Deals/upsert", &new, &["modules.deals.CREATE", "modules.deals.UPDATE"]),
        ("GET", &list_notes, &Value::Null, &["modules.deals.READ", "modules.notes.READ"]),
        ("POST", &below, &note, &["modules.deals.READ", "modules.notes.CREATE"]),
        ("GET", "/crm/v8/users?type=CurrentUser", &Value::Null, &["users.READ"]),
    ];
    let all = [
        "modules.deals.READ",
        "modules.deals.CREATE",
        "modules.deals.UPDATE",
        "modules.notes.READ",
        "modules.notes.CREATE",
        "users.READ",
    ];
    for (method, path, body, needed) in calls {
        let scopes = needed.iter().map(|scope| format!("ZohoCRM.{scope}")).collect::<Vec<_>>();
        let (token, _) = zoho.connect(&scopes.join(",")).await;
        let reply = zoho.call(method, path, &token, body).await;
        assert!(reply.status < 300, "{method} {path} with {needed:?}: {reply:?}");
        for left_out in needed {
            // Whatever else there is: the parent's scope of a new note may be any of its three.
            let others = all.iter().filter(|scope| {
                *scope != left_out && !(path == below && method == "POST" && scope.contains("deals"))
            });
            let scopes = others.map(|scope| format!("ZohoCRM.{scope}")).collect::<Vec<_>>();
            zoho.revoke_user_grants();
            zoho.advance(Duration::from_secs(601));
            let (token, _) = zoho.connect(&scopes.join(",")).await;
            let reply = zoho.call(method, path, &token, body).await;
            assert_eq!(
                (reply.status, reply.at("/code").as_str()),
                (401, "OAUTH_SCOPE_MISMATCH"),
                "{method} {path} without {left_out}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_below_a_path_must_exist() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    for (method, path, status, code) in [
        ("GET", format!("/crm/v8/Deals/{DEAL}/Emails"), 404, "INVALID_URL_PATTERN"),
        ("DELETE", "/crm/v8/Deals".to_owned(), 400, "REQUIRED_PARAM_MISSING"),
        ("PATCH", "/crm/v8/Deals".to_owned(), 400, "INVALID_REQUEST_METHOD"),
        ("GET", "/crm/v8/coql".to_owned(), 400, "INVALID_REQUEST_METHOD"),
        ("GET", "/crm/v8/settings/layouts".to_owned(), 404, "INVALID_URL_PATTERN"),
        ("POST", "/crm/v8/Trucks".to_owned(), 400, "INVALID_MODULE"),
    ] {
        let reply = zoho.call(method, &path, &token, &data(&deal("X"))).await;
        assert_eq!((reply.status, reply.at("/code").as_str()), (status, code), "{method} {path}");
    }
}

#[tokio::test]
async fn fields_tell_what_may_be_written() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let fields = zoho.crm("/settings/fields?module=Deals", &token).await.json();
    let find = |name: &str| {
        let fields = fields["fields"].as_array().unwrap();
        fields.iter().find(|field| field["api_name"] == name).unwrap_or_else(|| panic!("{name}")).clone()
    };
    let stage = find("Stage");
    assert_eq!((&stage["data_type"], &stage["system_mandatory"]), (&json!("picklist"), &json!(true)));
    let values = stage["pick_list_values"].as_array().unwrap().clone();
    assert_eq!(values.len(), 9);
    for value in values {
        let mut wanted = deal("Listed");
        wanted["Stage"] = value["actual_value"].clone();
        assert_eq!(zoho.post_crm("/Deals", &token, &data(&wanted)).await.status, 201, "{value}");
    }
    assert_eq!(
        (&find("Modified_Time")["read_only"], &find("Deal_Name")["length"]),
        (&json!(true), &json!(120))
    );
    assert_eq!(find("Account_Name")["lookup"]["module"]["api_name"], "Accounts");
    assert_eq!(find("External_Order_ID")["unique"], json!({ "casesensitive": "false" }));
    assert_eq!(zoho.crm("/settings/fields", &token).await.at("/code"), "REQUIRED_PARAM_MISSING");
    assert_eq!(zoho.crm("/settings/fields?module=Trucks", &token).await.at("/code"), "INVALID_MODULE");
    let user = zoho.crm("/users?type=CurrentUser", &token).await;
    assert_eq!(
        (user.at("/users/0/email").as_str(), user.at("/info/count").as_str()),
        ("owner@example.com", "1")
    );
    assert_eq!(zoho.crm("/users?type=DeletedUsers", &token).await.status, 204);
    assert_eq!(zoho.crm("/users?type=Nobody", &token).await.at("/code"), "INVALID_DATA");
}

#[tokio::test]
async fn records_change_while_somebody_pages_through() {
    let zoho = Zoho::start_with(Options { extra_deals: 2_500, ..Options::new("") }).await;
    let token = zoho.connected().await;
    let rows = |reply: &Reply| -> Vec<String> {
        let rows = reply.json()["data"].as_array().unwrap().clone();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let sorted = "fields=Stage&sort_by=id&sort_order=asc";
    let first = zoho.crm(&format!("/Deals?{sorted}"), &token).await;
    let (next, first) = (first.at("/info/next_page_token"), rows(&first));
    let untouched = rows(&zoho.crm(&format!("/Deals?{sorted}&page_token={next}"), &token).await);
    assert!(zoho.delete_deal(&first[0]) && !zoho.delete_deal(&first[0]));
    let second = rows(&zoho.crm(&format!("/Deals?{sorted}&page_token={next}"), &token).await);
    assert_eq!(second[..199], untouched[1..], "everything moves up, and one is never shown");
    let newest = "fields=id&sort_by=Modified_Time&per_page=1";
    zoho.advance(Duration::from_secs(60));
    assert!(zoho.change_deal(&first[7], json!({ "Next_Step": "Call" })) && !zoho.change_deal("1", json!({})));
    assert_eq!(rows(&zoho.crm(&format!("/Deals?{newest}"), &token).await), first[7..8]);
    let mut seen = std::collections::HashSet::new();
    let mut token_of_page = String::new();
    loop {
        let query =
            if token_of_page.is_empty() { String::new() } else { format!("&page_token={token_of_page}") };
        let page = zoho.crm(&format!("/Deals?fields=Stage{query}"), &token).await;
        for id in rows(&page) {
            assert!(seen.insert(id));
        }
        if page.at("/info/more_records") == "false" {
            break;
        }
        token_of_page = page.at("/info/next_page_token");
    }
    assert_eq!(seen.len(), 2_505);
}

#[tokio::test]
async fn a_write_that_ends_in_silence_may_have_acted() {
    let zoho = Zoho::start().await;
    let token = format!("Zoho-oauthtoken {}", zoho.connected().await);
    for (kind, deals) in [
        (FaultKind::ResetBefore, 6),
        (FaultKind::ResetAfter, 7),
        (FaultKind::Status(500), 7),
        (FaultKind::StatusAfter(500), 8),
        (FaultKind::Html200After, 9),
    ] {
        zoho.inject_on("POST", Fault { path_contains: "/Deals".to_owned(), times: 1, kind });
        let body = data(&deal("Uncertain")).to_string();
        zoho.send("POST", "/eu/api/crm/v8/Deals", &[("authorization", &token)], &body).await;
        assert_eq!(zoho.deals().len(), deals);
    }
}

#[tokio::test]
async fn ten_records_are_a_credit() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    zoho.switches(|switches| switches.crm_credits = 10);
    let left = |reply: &Reply| reply.header("x-api-credits-remaining").to_owned();
    let many = |count: usize| json!({ "data": vec![deal("Many"); count] });
    assert_eq!(left(&zoho.post_crm("/Deals", &token, &many(41)).await), "5");
    assert_eq!(left(&zoho.post_crm("/Deals", &token, &many(10)).await), "4");
    let coql = |limit: usize| json!({ "select_query": format!("select id from Deals where id is not null limit {limit}") });
    assert_eq!(left(&zoho.post_crm("/coql", &token, &coql(2_000)).await), "1");
    assert_eq!(zoho.post_crm("/coql", &token, &coql(201)).await.status, 429);
    assert_eq!(left(&zoho.post_crm("/coql", &token, &coql(200)).await), "0");
}
