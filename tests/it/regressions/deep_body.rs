//! A body that nested 125 deep was stored in the audit, whose rows nest it deeper: then nobody could read the audit any more.

use serde_json::{Value, json};
use tests::connector::Connector;

fn nested(levels: usize) -> Value {
    (1..levels).fold(json!([]), |inner, _| json!([inner]))
}

#[tokio::test]
async fn a_body_nests_64_deep_at_most() {
    let connector = Connector::start().await;
    connector.connect(&["--access", "write"]).await;
    let agent = connector.agent(&["--can", "crm:write,inventory:write,zoho:*:crm/**"]).await;
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
