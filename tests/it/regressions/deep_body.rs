//! A body that nested 125 deep was stored in the audit, whose rows nest it deeper: then nobody could read the audit any more. The
//! same could be hidden in a text under a name that the reader of JSON keeps for itself; and of a field that came twice,
//! one was looked at and both were sent.

use serde_json::{Value, json};
use tests::connector::Connector;

fn nested(levels: usize) -> Value {
    (1..levels).fold(json!([]), |inner, _| json!([inner]))
}

#[tokio::test]
async fn a_body_nests_64_deep_at_most() {
    let (_connector, agent) =
        Connector::start().await.with_agent("write", "crm:write,inventory:write,zoho:*:crm/**").await;
    for (method, path, field) in [
        ("PATCH", "/v1/crm/deals/6100000000451001", "Next_Step"),
        ("POST", "/v1/inventory/salesorders", "customer"),
        ("POST", "/v1/zoho/crm/Leads", "data"),
    ] {
        let body = json!({ field: nested(124) });
        let problem = agent.write(method, path, &[], &body).await.problem("body_invalid");
        assert_eq!(problem["detail"], "The body nests deeper than 64 lists and objects.");
    }
    let most = json!({ "data": nested(63) });
    let answer = agent.write("POST", "/v1/zoho/crm/Leads", &[], &most).await;
    assert_ne!(answer.body["code"], "body_invalid", "{}", answer.body);
    let audit = agent.get("/v1/audit").await.ok();
    assert_eq!(audit["data"].as_array().unwrap().len(), 1, "{audit}");
}

#[tokio::test]
async fn a_body_is_what_everybody_reads_in_it() {
    let (_connector, agent) = Connector::start().await.with_agent("write", "crm:write,zoho:*:crm/**").await;
    let deep = nested(125).to_string();
    let hidden = json!({ "data": [{ "Last_Name": "x", "Zz": { "$serde_json::private::RawValue": deep } }] });
    let twice = r#"{"data":[{"Phone":"1"}],"data":[{"Last_Name":"x"}]}"#;
    let escaped = r#"{"data":[{"Last_Name":"x","\u004cast_Name":"y"}]}"#;
    for (body, detail) in [
        (
            hidden.to_string(),
            "The body has a field `$serde_json::private::RawValue`, which can be no field of Zoho.",
        ),
        (twice.to_owned(), "The body has the field `data` twice in one object."),
        (escaped.to_owned(), "The body has the field `Last_Name` twice in one object."),
    ] {
        for path in ["/v1/zoho/crm/Leads", "/v1/crm/deals"] {
            let problem = agent.post_text(path, &body).await.problem("body_invalid");
            assert_eq!(problem["detail"], detail, "{path}");
        }
    }
    assert_eq!(agent.get("/v1/audit").await.ok()["data"], json!([]), "nothing was sent");
}
