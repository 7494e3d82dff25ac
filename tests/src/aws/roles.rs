//! The roles of the functions, as template.yaml gives them: which statements each has, with the names of one stack in them; and
//! the routes that lead to the functions.
//!
//! The roles are written out in the template, so that SAM changes nothing of them; `test_template.py` holds that. What the
//! tags `!Ref`, `!GetAtt` and `!Sub` mean can be told from the text behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::Value;

use super::policy::{self, Statement};
use crate::lambda::{ACCOUNT_ID, REGION};

/// In place of the six characters that Secrets Manager adds to a secret's name by chance.
pub(super) const SUFFIX: &str = "-AbCdEf";

/// The condition key of the rows that a call is about.
pub(super) const ROWS: &str = "dynamodb:leadingkeys";

/// One thing that a function may do, as the template words it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// `api-proxy`.
    pub function: String,
    /// `dynamodb:GetItem`.
    pub action: String,
    /// `StateTable.Arn`.
    pub resource: String,
    /// `quota#*`; empty where a right is not about rows.
    pub rows: String,
}

/// The template's policies.
pub struct Roles {
    resources: Value,
    /// By function, statements as the template has them.
    policies: BTreeMap<String, Value>,
}

/// A stack's statements for one function, each with the template's words for its resources.
pub struct Role {
    pub(super) function: String,
    pub(super) stack: String,
    pub(super) statements: Vec<Statement>,
    pub(super) words: Vec<Vec<String>>,
    /// Whether what it may and may not do is told at the end.
    pub(super) counts: bool,
}

/// The words of docs/operator-policy.json that a reader fills in.
const OPERATOR_POLICY: &str = include_str!("../../../docs/operator-policy.json");

impl Role {
    /// What an operator's policy gives, and nothing else.
    pub(super) fn of_operator(stack: &str) -> Self {
        let filled = OPERATOR_POLICY.replace("REGION", REGION).replace("ACCOUNT", ACCOUNT_ID);
        let policy: Value = serde_json::from_str(&filled.replace("STACK", stack)).unwrap();
        let statements = policy::statements(&policy);
        let words = statements.iter().map(|statement| statement.resources.clone()).collect();
        // The report at the end of a run is about the functions.
        Self { function: "operator".to_owned(), stack: stack.to_owned(), statements, words, counts: false }
    }
}

/// All actions that the operator's policy names.
pub fn operator_actions() -> BTreeSet<String> {
    let policy: Value = serde_json::from_str(OPERATOR_POLICY).unwrap();
    policy::statements(&policy).into_iter().flat_map(|statement| statement.actions).collect()
}

impl Roles {
    /// Those of template.yaml.
    pub fn get() -> &'static Self {
        static ROLES: OnceLock<Roles> = OnceLock::new();
        ROLES.get_or_init(|| {
            // Another one can be tried, like one from before.
            let path = std::env::var("AWS_RIGHTS_TEMPLATE");
            let path =
                path.unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml").to_owned());
            Self::read(&std::fs::read_to_string(path).unwrap())
        })
    }

    /// Those of a template.
    pub fn read(template: &str) -> Self {
        let mut template: Value = serde_saphyr::from_str(template).unwrap();
        let resources = template["Resources"].take();
        let mut policies = BTreeMap::new();
        for resource in resources.as_object().unwrap().values() {
            if resource["Type"] != "AWS::Serverless::Function" {
                continue;
            }
            let function =
                resource["Properties"]["CodeUri"].as_str().unwrap().trim_start_matches("functions/");
            let role = resource["Properties"]["Role"].as_str().unwrap().trim_end_matches(".Arn");
            let [policy] = resources[role]["Properties"]["Policies"].as_array().unwrap().as_slice() else {
                panic!("{role} has several policies")
            };
            policies.insert(function.to_owned(), policy["PolicyDocument"].clone());
        }
        Self { resources, policies }
    }

    /// The routes of the HTTP API, like `ANY /v1/{proxy+}`, with the functions that they lead to.
    pub fn routes(&self) -> Vec<(String, String)> {
        let mut routes = Vec::new();
        for resource in self.resources.as_object().unwrap().values() {
            let properties = &resource["Properties"];
            let events = properties["Events"].as_object().into_iter().flatten();
            for (_, event) in events.filter(|(_, event)| event["Type"] == "HttpApi") {
                let text = |name: &str| event["Properties"][name].as_str().unwrap();
                let function = properties["CodeUri"].as_str().unwrap().trim_start_matches("functions/");
                routes.push((format!("{} {}", text("Method"), text("Path")), function.to_owned()));
            }
        }
        assert!(routes.len() > 3, "{routes:?}");
        routes
    }

    /// All that the functions may do by themselves. Logs and streams are read and written by Lambda, in their name.
    pub fn rights(&self) -> Vec<Right> {
        let mut rights = Vec::new();
        for (function, policy) in &self.policies {
            for statement in policy::statements(policy) {
                let rows = statement.values(ROWS);
                let rows = if rows.is_empty() { vec![""] } else { rows };
                for action in statement.actions.iter().filter(|action| !is_lambdas(action)) {
                    for resource in &statement.resources {
                        rights.extend(rows.iter().map(|rows| right(function, action, resource, rows)));
                    }
                }
            }
        }
        rights.sort();
        rights.dedup();
        rights
    }

    /// The role of a function in a stack.
    pub(super) fn role(&self, function: &str, stack: &str) -> Role {
        let policy = self.policies.get(function).unwrap_or_else(|| panic!("{function} has no role"));
        let mut statements = policy::statements(policy);
        let words = statements.iter().map(|statement| statement.resources.clone()).collect();
        for statement in &mut statements {
            for resource in &mut statement.resources {
                *resource = self.arn(resource, stack);
            }
        }
        Role { function: function.to_owned(), stack: stack.to_owned(), statements, words, counts: true }
    }

    /// What CloudFormation would put in the place of these words.
    fn arn(&self, words: &str, stack: &str) -> String {
        let filled = |text: &str| {
            text.replace("${AWS::StackName}", stack)
                .replace("${AWS::Partition}", "aws")
                .replace("${AWS::Region}", REGION)
                .replace("${AWS::AccountId}", ACCOUNT_ID)
        };
        if words == "*" {
            return words.to_owned();
        }
        let (name, attribute) = words.split_once('.').unwrap_or((words, "Ref"));
        let resource = &self.resources[name];
        let own_name = |key: &str| filled(resource["Properties"][key].as_str().unwrap());
        match (resource["Type"].as_str(), attribute) {
            (Some("AWS::DynamoDB::Table"), "Arn") => {
                arn("dynamodb", &format!("table/{}", table(stack, name)))
            }
            (Some("AWS::DynamoDB::Table"), "StreamArn") => {
                arn("dynamodb", &format!("table/{}/stream/2026-11-21T00:00:00.000", table(stack, name)))
            }
            (Some("AWS::SecretsManager::Secret"), "Ref") => {
                arn("secretsmanager", &format!("secret:{}{SUFFIX}", own_name("Name")))
            }
            (Some("AWS::Serverless::Function"), "Arn") => {
                arn("lambda", &format!("function:{}", own_name("FunctionName")))
            }
            (Some("AWS::Logs::LogGroup"), "Arn") => {
                arn("logs", &format!("log-group:{}:*", own_name("LogGroupName")))
            }
            _ => {
                let filled = filled(words);
                assert!(
                    filled.starts_with("arn:aws:") && !filled.contains("${"),
                    "{words} is no resource known here"
                );
                filled
            }
        }
    }
}

/// `state` and `events` are the last parts of the tables' names in a stack of the tests.
fn table(stack: &str, name: &str) -> String {
    format!("{stack}-{}", name.trim_end_matches("Table").to_lowercase())
}

pub(super) fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{resource}")
}

pub(super) fn right(function: &str, action: &str, resource: &str, rows: &str) -> Right {
    let [function, action, resource, rows] = [function, action, resource, rows].map(str::to_owned);
    Right { function, action, resource, rows }
}

fn is_lambdas(action: &str) -> bool {
    let stream = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"];
    action.starts_with("logs:")
        || action.strip_prefix("dynamodb:").is_some_and(|action| stream.contains(&action))
}
