//! The functions' roles on AWS: what a policy means, that the stand-in asks for it, and that the template gives what is used.

use std::sync::Arc;

use sandbox::{Fault, FaultKind};
use serde_json::{Value, json};
use shared::base::clock::{SharedClock, SystemClock};
use shared::base::secret::Secret;
use shared::core::access::key::NewKey;
use shared::store::{Condition, Key, Put, Query, StoreError, Write};
use tests::aws::Aws;
use tests::aws::policy::{Call, Context, Decision, decide, like, statements};
use tests::aws::rights::Report;
use tests::aws::roles::{Right, Roles};
use tests::in_process::call;
use tests::inside::{Inside, any_key};

/// What a policy of these statements makes of a call.
fn decided(policy: &Value, action: &str, resource: &str, context: &[(&str, &[&str])]) -> Decision {
    let context: Context = context
        .iter()
        .map(|(key, values)| (key.to_lowercase(), values.iter().map(|value| (*value).to_owned()).collect()))
        .collect();
    let call = Call { action: action.to_owned(), resource: resource.to_owned(), context };
    decide(&statements(&json!({ "Version": "2012-10-17", "Statement": policy })), &call)
}

fn is_allowed(policy: &Value, context: &[(&str, &[&str])]) -> bool {
    matches!(
        decided(policy, "dynamodb:GetItem", "arn:aws:dynamodb:r:1:table/t", context),
        Decision::Allowed(_)
    )
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html>
#[test]
fn deny_stands_above_allow_and_nothing_is_allowed_by_itself() {
    let policy = json!([
        { "Effect": "Allow", "Action": "s3:*", "Resource": "*" },
        { "Effect": "Deny", "Action": ["s3:Delete*", "s3:PutObject"], "Resource": "arn:aws:s3:::kept/*" },
    ]);
    let on = |action, resource| decided(&policy, action, resource, &[]);
    assert_eq!(on("s3:GetObject", "arn:aws:s3:::kept/a"), Decision::Allowed(vec![0]));
    assert_eq!(on("s3:DeleteObject", "arn:aws:s3:::kept/a/b"), Decision::Denied);
    assert_eq!(on("s3:deleteobject", "arn:aws:s3:::kept/a"), Decision::Denied, "actions have no case");
    assert_eq!(on("s3:DeleteObject", "arn:aws:s3:::Kept/a"), Decision::Allowed(vec![0]), "resources have");
    assert_eq!(on("ec2:RunInstances", "*"), Decision::NotAllowed);
    assert_eq!(decided(&json!([]), "s3:GetObject", "*", &[]), Decision::NotAllowed);
    let both = json!([
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a" },
        { "Effect": "Allow", "Action": "s3:Get*", "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::?"] },
    ]);
    assert_eq!(decided(&both, "s3:GetObject", "arn:aws:s3:::a", &[]), Decision::Allowed(vec![0, 1]));
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>: all operators and keys of a
/// condition must hold, and of several values one.
#[test]
fn conditions_are_all_asked_and_their_values_are_alternatives() {
    let policy = json!([{
        "Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": {
            "StringEquals": { "aws:PrincipalTag/department": ["finance", "hr"], "aws:PrincipalTag/role": "audit" },
            "StringNotEquals": { "aws:SourceVpc": ["vpc-1", "vpc-2"] },
            "Bool": { "aws:SecureTransport": "true" },
        },
    }]);
    let mut context: Vec<(&str, &[&str])> = vec![
        ("aws:principaltag/department", &["hr"]),
        ("aws:PrincipalTag/role", &["audit"]),
        ("aws:SecureTransport", &["true"]),
    ];
    assert!(is_allowed(&policy, &context), "what is not there is unlike anything");
    context.push(("aws:SourceVpc", &["vpc-2"]));
    assert!(!is_allowed(&policy, &context));
    context[3].1 = &["vpc-3"];
    assert!(is_allowed(&policy, &context));
    context[0].1 = &["HR"];
    assert!(!is_allowed(&policy, &context), "values have case");
    assert!(!is_allowed(&policy, &[]), "what is not there equals nothing");
    let if_exists = json!([{
        "Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": { "StringEqualsIfExists": { "aws:a": "1" } },
    }]);
    assert!(is_allowed(&if_exists, &[]) && is_allowed(&if_exists, &[("aws:a", &["1"])]));
    assert!(!is_allowed(&if_exists, &[("aws:a", &["2"])]));
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
#[test]
fn keys_of_several_values_are_judged_one_by_one() {
    let of = |operator: &str| {
        json!([{
            "Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": { operator: { "aws:TagKeys": ["environment", "cost-*"] } },
        }])
    };
    let tags = |values: &'static [&'static str]| [("aws:TagKeys", values)];
    let (environment, both, more) =
        (tags(&["environment"]), tags(&["environment", "cost-center"]), tags(&["environment", "owner"]));
    let (all, any) = (of("ForAllValues:StringLike"), of("ForAnyValue:StringLike"));
    assert!(is_allowed(&all, &environment) && is_allowed(&all, &both));
    assert!(!is_allowed(&all, &more), "each value must fit");
    assert!(is_allowed(&all, &[]) && is_allowed(&all, &tags(&[])), "true where there is no such key");
    assert!(is_allowed(&any, &environment) && is_allowed(&any, &more));
    assert!(!is_allowed(&any, &tags(&["owner"])) && !is_allowed(&any, &[]));
    let exact = of("ForAllValues:StringEquals");
    assert!(is_allowed(&exact, &environment) && !is_allowed(&exact, &both), "no wildcards in StringEquals");
    let there = json!([{
        "Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": {
            "ForAllValues:StringLike": { "aws:TagKeys": "environment" },
            "Null": { "aws:TagKeys": "false" },
        },
    }]);
    assert!(is_allowed(&there, &environment) && !is_allowed(&there, &[]), "with Null it must be there");
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html>: items of one's own only.
#[test]
fn rows_belong_to_whom_their_partition_names() {
    let policy = json!([{
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:BatchGetItem"],
        "Resource": ["arn:aws:dynamodb:r:1:table/t"],
        "Condition": { "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": ["${www.amazon.com:user_id}"] } },
    }]);
    let user: (&str, &[&str]) = ("www.amazon.com:user_id", &["u1"]);
    assert!(is_allowed(&policy, &[user, ("dynamodb:LeadingKeys", &["u1", "u1"])]));
    assert!(!is_allowed(&policy, &[user, ("dynamodb:LeadingKeys", &["u1", "u2"])]));
    assert!(!is_allowed(&policy, &[("dynamodb:LeadingKeys", &["u1"])]), "nobody is nobody");
}

#[test]
fn stars_and_question_marks() {
    for (pattern, text) in
        [("own#*", "own#"), ("own#*", "own#a#b"), ("*", ""), ("a*c*", "abcd"), ("?#*", "ö#1"), ("a", "a")]
    {
        assert!(like(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in
        [("own#*", "own"), ("own#*", "newest-own#1"), ("key", "key#1"), ("?", ""), ("a*c", "abcd")]
    {
        assert!(!like(pattern, text), "{pattern} {text}");
    }
}

/// What the template says by now: nothing is read that is not there.
#[test]
fn the_template_is_read_to_its_end() {
    let rights = Roles::get().rights();
    let has = |function: &str, action: &str, resource: &str, rows: &str| {
        let found = |right: &Right| {
            (right.function.as_str(), right.action.as_str(), right.resource.as_str(), right.rows.as_str())
                == (function, action, resource, rows)
        };
        rights.iter().any(found)
    };
    assert!(has("event-delivery", "dynamodb:GetItem", "EventsTable.Arn", "newest-own#*"));
    assert!(has("api-proxy", "dynamodb:GetItem", "StateTable.Arn", "own#*"));
    assert!(has("webhook-intake", "secretsmanager:GetSecretValue", "WebhooksSecret", ""));
    assert!(has("oauth-callback", "lambda:InvokeFunction", "TokenRefresh.Arn", ""));
    assert!(
        !rights.iter().any(|right| right.action.starts_with("logs:") || right.action.ends_with("Records"))
    );
}

fn put(partition: &str) -> Put {
    Put { key: Key::new(partition, "1"), value: "1".to_owned(), condition: Condition::Any, expires: None }
}

/// webhook-intake, which strangers reach, asks for what it has no right to.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_does_not_allow_is_refused_as_aws_refuses_it() {
    let names = Aws::get().stack().await;
    let clock: SharedClock = Arc::new(SystemClock);
    let stores = Aws::get().stores_as("webhook-intake", &names, &clock);
    let refused = |error: StoreError, action: &str| {
        let StoreError::Unavailable(text) = &error else { panic!("{error}") };
        assert!(
            text.contains(&format!("is not authorized to perform: {action} on resource: arn:aws:")),
            "{text}"
        );
    };
    let (events, state) = (&*stores.events, &*stores.state);
    assert!(events.put(put("event#default")).await.unwrap().is_done());
    refused(events.put(put("queue#default")).await.unwrap_err(), "dynamodb:PutItem");
    refused(events.get(&Key::new("event#default", "1")).await.unwrap_err(), "dynamodb:GetItem");
    refused(
        events.delete(Key::new("event#default", "1"), Condition::Any).await.unwrap_err(),
        "dynamodb:DeleteItem",
    );
    refused(events.query(Query::partition("event#default", 1)).await.unwrap_err(), "dynamodb:Query");
    refused(state.put(put("event#default")).await.unwrap_err(), "dynamodb:PutItem");

    let both = |one: &str, other: &str| vec![Write::Put(put(one)), Write::Put(put(other))];
    assert!(events.transact(both("event#a", "delivery#a")).await.unwrap().is_done());
    refused(events.transact(both("event#a", "queue#a")).await.unwrap_err(), "dynamodb:PutItem");
    let deletes =
        vec![Write::Put(put("event#a")), Write::Delete(Key::new("delivery#a", "1"), Condition::Any)];
    refused(events.transact(deletes).await.unwrap_err(), "dynamodb:DeleteItem");

    let secrets = &*stores.secrets;
    assert!(secrets.get("webhooks").await.unwrap().is_none());
    for name in
        ["client", "agent", "webhooks2", "connections/default/grant", "connections/default/access-token"]
    {
        refused(secrets.get(name).await.unwrap_err(), "secretsmanager:GetSecretValue");
    }
    refused(secrets.stage("webhooks", &Secret::new("1")).await.unwrap_err(), "secretsmanager:PutSecretValue");

    // A secret that is not there yet is judged by its bare name, too.
    let token_refresh = Aws::get().stores_as("token-refresh", &names, &clock).secrets;
    let pending = token_refresh.stage("connections/default/grant", &Secret::new("1")).await.unwrap();
    assert!(token_refresh.promote("connections/default/grant", &pending, None).await.unwrap());
    assert!(secrets.get("connections/default/grant").await.is_err());
}

/// A write from its preview to the audit, by functions with the rights of their roles.
#[tokio::test]
async fn an_agent_previews_writes_and_looks_it_up_on_aws() {
    tests::inside::on_aws(async {
        let mut inside = Inside::start().await;
        inside.lift_the_limit();
        inside.connect_to_write().await;
        let permissions = ["inventory:write", "crm:read"].map(|text| text.parse().unwrap()).to_vec();
        let key = inside.key(NewKey { permissions, confirm: true, ..any_key() }).await;
        let post = async |path: &str, id: &str| {
            let order = json!({
                "customer": "Harbor Interiors GmbH",
                "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 2 }],
            });
            let path = format!("/v1/inventory/salesorders{path}");
            let id = [("idempotency-key", id)];
            let told = call(&inside.api(), &key, ("POST", &path), &id, &order).await;
            (told.status.as_u16(), told.json().unwrap())
        };
        let preview = async || {
            let (status, body) = post("?dry_run=true", "unused").await;
            assert_eq!(status, 200, "{body}");
            body["preview_id"].as_str().unwrap().to_owned()
        };
        let id = preview().await;
        let (status, body) = post("", &id).await;
        assert_eq!(status, 201, "{body}");
        assert_eq!(post("", &id).await.1["salesorder_id"], body["salesorder_id"], "once and for all");

        // What Zoho refuses frees the key.
        let refusal = json!({ "code": 4, "message": "Invalid value passed for shipment_date" }).to_string();
        let kind = FaultKind::Body(400, "application/json".to_owned(), refusal);
        inside
            .zoho
            .sandbox
            .inject_on("POST", Fault { path_contains: "/salesorders".to_owned(), times: 1, kind });
        let id = preview().await;
        assert_eq!(post("", &id).await.0, 400);
        let id = preview().await;
        assert_eq!(post("", &id).await.0, 201);

        let (status, audit) = inside.ask(inside.api(), &key, "/v1/audit").await;
        assert_eq!((status.as_u16(), audit["data"].as_array().unwrap().len()), (200, 3), "{audit}");
        assert_eq!(inside.ask(inside.api(), &key, "/v1/status").await.0, 200);

        // Two writes of one second: the second looks whether the first was ours.
        let permissions = vec!["crm:write".parse().unwrap()];
        let key = inside.key(NewKey { permissions, ..any_key() }).await;
        for step in ["call", "write"] {
            let deal = ("PATCH", "/v1/crm/deals/6100000000451001");
            let told = call(&inside.api(), &key, deal, &[], &json!({ "Next_Step": step })).await;
            assert_eq!(told.status, 200);
        }
    })
    .await;
}

/// What all the runs of the tests that wrote to the file in `AWS_RIGHTS` used: `tests/run` asks for it at its end.
#[test]
#[ignore = "after a whole run, which wrote AWS_RIGHTS"]
fn every_right_is_used_and_none_is_missing() {
    let Report { used, unused, missing } = Report::read();
    let line = |right: &Right| {
        let Right { function, action, resource, rows } = right;
        format!("\n  {function}: {action} on {resource} {rows}")
    };
    let all = |rights: &[Right]| rights.iter().map(line).collect::<String>();
    println!("rights used: {}, unused: {}, missing: {}", used.len(), unused.len(), missing.len());
    let wrong = format!("missing:{}\nunused:{}", all(&missing), all(&unused));
    assert!(unused.is_empty() && missing.is_empty(), "{wrong}");
}
