//! Who asks, and whether they may: each function of a stack signs with a key of its own, and may do what its role in
//! template.yaml allows. The tests themselves and the operator's commands sign as the administrator.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::policy::{Call, Decision, decide, like};
use super::rights;
use super::roles::{ROWS, Role, Roles, SUFFIX, arn, right};
use crate::lambda::ACCOUNT_ID;

/// The administrator's key.
pub(super) const ADMIN: &str = "test";

static ROLES: LazyLock<Mutex<HashMap<String, Arc<Role>>>> = LazyLock::new(Mutex::default);

/// What operators did: stack and action.
static ASKED: LazyLock<Mutex<BTreeSet<(String, String)>>> = LazyLock::new(Mutex::default);

/// The actions by which an operator of this stack did something.
pub(crate) fn operator_did(stack: &str) -> BTreeSet<String> {
    let asked = ASKED.lock().unwrap();
    asked.iter().filter(|(of, _)| of == stack).map(|(_, action)| action.clone()).collect()
}

/// The keys whose time is over.
static EXPIRED: LazyLock<Mutex<BTreeSet<String>>> = LazyLock::new(Mutex::default);

/// Actions that were taken away from a function of a stack.
static TAKEN: LazyLock<Mutex<BTreeSet<[String; 3]>>> = LazyLock::new(Mutex::default);

/// Who signed a request.
pub(crate) enum Caller {
    Admin,
    Function(Arc<Role>),
    Expired,
    Unknown,
}

/// Why a request is refused: AWS's words.
pub(crate) struct Refusal(pub(crate) String);

/// The access key of a function in a stack.
pub(crate) fn key(stack: &str, function: &str) -> String {
    register(format!("ASIA-{stack}-{function}"), Roles::get().role(function, stack))
}

/// The access key of an operator with no other rights than docs/operator-policy.json gives.
pub(crate) fn operator_key(stack: &str) -> String {
    register(format!("AKIA-{stack}-operator"), Role::of_operator(stack))
}

/// From now on, this key has expired; the next one of the same function.
pub(crate) fn expire(key: &str) -> String {
    let mut roles = ROLES.lock().unwrap();
    let role = roles.get(key).unwrap_or_else(|| panic!("{key} is no function's key")).clone();
    EXPIRED.lock().unwrap().insert(key.to_owned());
    let next = format!("{key}-next");
    roles.insert(next.clone(), role);
    next
}

/// The same for a test that tries what is not allowed: nothing of it counts as used or missing.
pub(super) fn key_of_an_intruder(stack: &str, function: &str) -> String {
    let role = Role { counts: false, ..Roles::get().role(function, stack) };
    register(format!("ASIA-{stack}-{function}-intruder"), role)
}

/// From now on, the function of a stack may not do this any more, as where a policy of an organisation forbids it. Nothing of it
/// counts as missing.
pub(crate) fn take_away(stack: &str, function: &str, action: &str) {
    TAKEN.lock().unwrap().insert([stack, function, action].map(str::to_owned));
}

fn is_taken(role: &Role, action: &str) -> bool {
    TAKEN.lock().unwrap().contains(&[role.stack.as_str(), &role.function, action].map(str::to_owned))
}

fn register(key: String, role: Role) -> String {
    ROLES.lock().unwrap().entry(key.clone()).or_insert_with(|| Arc::new(role));
    key
}

/// Who signed, by the credential of the signature.
pub(crate) fn caller(headers: &HeaderMap) -> Caller {
    let signed = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = signed.split("Credential=").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if EXPIRED.lock().unwrap().contains(key) {
        return Caller::Expired;
    }
    match ROLES.lock().unwrap().get(key) {
        Some(role) => Caller::Function(role.clone()),
        None if key == ADMIN => Caller::Admin,
        None => Caller::Unknown,
    }
}

/// Whether a function may make a call of `DynamoDB` or Secrets Manager.
pub(super) fn judge(role: &Role, operation: &str, body: &Value) -> Result<(), Refusal> {
    let asked =
        if body["TransactItems"].is_array() { transaction(body) } else { single(role, operation, body) };
    asked.iter().try_for_each(|(action, resource, rows)| may(role, action, resource, rows))
}

/// Whether a function may invoke another.
pub(crate) fn may_invoke(headers: &HeaderMap, name: &str) -> Result<(), Refusal> {
    may_with(headers, "lambda:InvokeFunction", name)
}

/// Whether somebody may do this with a function.
pub(crate) fn may_with(headers: &HeaderMap, action: &str, name: &str) -> Result<(), Refusal> {
    // Functions on one machine's store have no role.
    let Caller::Function(role) = caller(headers) else { return Ok(()) };
    let name = name.strip_prefix(&format!("{}-", role.stack)).unwrap_or(name);
    may(&role, action, &arn("lambda", &format!("function:{}-{name}", role.stack)), &[])
}

/// An action on a resource, and the rows that it is about.
type Asked = (String, String, Vec<String>);

fn single(role: &Role, operation: &str, body: &Value) -> Vec<Asked> {
    if let Some(table) = body["TableName"].as_str() {
        let rows = match operation {
            "PutItem" => vec![partition(&body["Item"])],
            "Query" => vec![queried(body)],
            "Scan" | "DeleteTable" => Vec::new(),
            _ => vec![partition(&body["Key"])],
        };
        return vec![(format!("dynamodb:{operation}"), arn("dynamodb", &format!("table/{table}")), rows)];
    }
    if operation == "ListSecrets" {
        return vec![(format!("secretsmanager:{operation}"), "*".to_owned(), Vec::new())];
    }
    let name = body["SecretId"].as_str().or_else(|| body["Name"].as_str());
    let name = name.unwrap_or_else(|| panic!("{operation} by {}: {body}", role.function));
    let ended = name.ends_with(SUFFIX);
    let bare = arn("secretsmanager", &format!("secret:{}", name.trim_end_matches(SUFFIX)));
    let action = format!("secretsmanager:{operation}");
    let full = (action.clone(), format!("{bare}{SUFFIX}"), Vec::new());
    // The template makes the secrets of a stack. The others may not be there yet: such a call is judged by the bare name.
    let is_made_by_use = name.contains("/connections/");
    if ended || !is_made_by_use { vec![full] } else { vec![full, (action, bare, Vec::new())] }
}

/// AWS does not say whether a transaction is judged row by row, with all rows of an action at once, or for each action with the rows
/// of all its actions: all three must pass. `tests/aws/verify` asks a real account.
fn transaction(body: &Value) -> Vec<Asked> {
    let mut together: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut of_tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for item in body["TransactItems"].as_array().unwrap() {
        let (kind, step) = item.as_object().unwrap().iter().next().unwrap();
        let action = match kind.as_str() {
            "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
            kind => format!("dynamodb:{kind}Item"),
        };
        let table = arn("dynamodb", &format!("table/{}", step["TableName"].as_str().unwrap()));
        let row = partition(if kind == "Put" { &step["Item"] } else { &step["Key"] });
        of_tables.entry(table.clone()).or_default().push(row.clone());
        together.entry((action, table)).or_default().push(row);
    }
    let mut asked = Vec::new();
    for ((action, table), rows) in together {
        let alone = |row: &String| (action.clone(), table.clone(), vec![row.clone()]);
        asked.extend(rows.iter().map(alone));
        let all = &of_tables[&table];
        if all.len() > rows.len() {
            asked.push((action.clone(), table.clone(), all.clone()));
        }
        if rows.len() > 1 {
            asked.push((action, table, rows));
        }
    }
    asked
}

fn partition(item: &Value) -> String {
    item["pk"]["S"].as_str().unwrap_or_else(|| panic!("a row without pk: {item}")).to_owned()
}

fn queried(body: &Value) -> String {
    let condition = body["KeyConditionExpression"].as_str().unwrap();
    assert!(condition.starts_with("pk = :pk"), "{condition}");
    body["ExpressionAttributeValues"][":pk"]["S"].as_str().unwrap().to_owned()
}

fn may(role: &Role, action: &str, resource: &str, rows: &[String]) -> Result<(), Refusal> {
    let mut context = BTreeMap::new();
    if !rows.is_empty() {
        context.insert(ROWS.to_owned(), rows.to_vec());
    }
    let call = Call { action: action.to_owned(), resource: resource.to_owned(), context };
    let decided = if is_taken(role, action) { Decision::Denied } else { decide(&role.statements, &call) };
    match decided {
        Decision::Allowed(places) => {
            if role.function == "operator" {
                ASKED.lock().unwrap().insert((role.stack.clone(), action.to_owned()));
            }
            if role.counts {
                rights::used(
                    places.iter().flat_map(|place| what_allowed(role, *place, &call, rows)).collect(),
                );
            }
            Ok(())
        }
        refused => {
            if role.counts && !is_taken(role, action) {
                let resource = resource.replace(&role.stack, "STACK");
                rights::missing(right(&role.function, action, &resource, &rows.join(" ")));
            }
            let why = match refused {
                Decision::Denied => "with an explicit deny in an identity-based policy".to_owned(),
                _ => format!("because no identity-based policy allows the {action} action"),
            };
            let Role { stack, function, .. } = role;
            Err(Refusal(format!(
                "User: arn:aws:sts::{ACCOUNT_ID}:assumed-role/{stack}-{function}/{stack}-{function} is not authorized to \
                 perform: {action} on resource: {resource} {why}"
            )))
        }
    }
}

/// The rights, in the template's words, by which a statement allowed a call.
fn what_allowed(role: &Role, place: usize, call: &Call, rows: &[String]) -> BTreeSet<super::roles::Right> {
    let (statement, words) = (&role.statements[place], &role.words[place]);
    let fitting = statement.resources.iter().zip(words).filter(|(pattern, _)| like(pattern, &call.resource));
    let named: Vec<_> = fitting.map(|(_, words)| words).collect();
    let patterns = statement.values(ROWS);
    let patterns = patterns.into_iter().filter(|pattern| rows.iter().any(|row| like(pattern, row)));
    let patterns: Vec<_> = if rows.is_empty() { vec![""] } else { patterns.collect() };
    let each = |words: &&String| {
        let words = (*words).clone();
        patterns.iter().map(move |rows| right(&role.function, &call.action, &words, rows)).collect::<Vec<_>>()
    };
    named.iter().flat_map(each).collect()
}

/// A refusal as `DynamoDB` and Secrets Manager give it.
pub(super) fn refused(kind: &str, message: &str) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, json!({ "__type": kind, "Message": message }).to_string())
}
