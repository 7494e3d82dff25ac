//! What IAM makes of a policy: deny stands above allow, and what nobody allows is denied. As far as the template's policies
//! and AWS's documented examples go; what it does not know stops the test.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use std::collections::BTreeMap;

use serde_json::Value;

/// What is known of a request, by the lower-case name of the condition key. A key with several values has all of them.
pub type Context = BTreeMap<String, Vec<String>>;

/// A call, as IAM sees it.
#[derive(Debug, Clone)]
pub struct Call {
    /// `dynamodb:GetItem`.
    pub action: String,
    /// The ARN.
    pub resource: String,
    /// The rest.
    pub context: Context,
}

/// What IAM says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// These statements allow it, by their place.
    Allowed(Vec<usize>),
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it.
    Denied,
}

/// A statement of a policy.
#[derive(Debug, Clone)]
pub struct Statement {
    allow: bool,
    /// The patterns of actions.
    pub actions: Vec<String>,
    /// The patterns of resources.
    pub resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone)]
struct Condition {
    set: Set,
    operator: String,
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    One,
    All,
    Any,
}

/// The statements of a policy document.
pub fn statements(document: &Value) -> Vec<Statement> {
    listed(&document["Statement"]).into_iter().map(Statement::read).collect()
}

/// What these statements together make of a call.
pub fn decide(statements: &[Statement], call: &Call) -> Decision {
    let fitting = || statements.iter().enumerate().filter(|(_, statement)| statement.fits(call));
    if fitting().any(|(_, statement)| !statement.allow) {
        return Decision::Denied;
    }
    let allowing: Vec<_> = fitting().map(|(place, _)| place).collect();
    if allowing.is_empty() { Decision::NotAllowed } else { Decision::Allowed(allowing) }
}

impl Statement {
    fn read(statement: &Value) -> Self {
        let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
        let strange = statement.as_object().unwrap().keys().find(|key| !known.contains(&key.as_str()));
        assert!(strange.is_none(), "the evaluator does not know {strange:?}: {statement}");
        let mut conditions = Vec::new();
        for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
            for (key, values) in keys.as_object().unwrap() {
                conditions.push(Condition::read(operator, key, values));
            }
        }
        let allow = match statement["Effect"].as_str() {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => panic!("no effect: {statement}"),
        };
        let (actions, resources) = (texts(&statement["Action"]), texts(&statement["Resource"]));
        Self { allow, actions, resources, conditions }
    }

    fn fits(&self, call: &Call) -> bool {
        let action = call.action.to_lowercase();
        self.actions.iter().any(|pattern| like(&pattern.to_lowercase(), &action))
            && self.resources.iter().any(|pattern| like(&filled(pattern, &call.context), &call.resource))
            && self.conditions.iter().all(|condition| condition.holds(&call.context))
    }

    /// The values that a condition on this key names.
    pub fn values(&self, key: &str) -> Vec<&str> {
        let of_key =
            self.conditions.iter().filter(|condition| condition.key == key && condition.operator != "Null");
        of_key.flat_map(|condition| condition.values.iter().map(String::as_str)).collect()
    }
}

impl Condition {
    fn read(operator: &str, key: &str, values: &Value) -> Self {
        let (set, operator) = match operator.split_once(':') {
            None => (Set::One, operator),
            Some(("ForAllValues", operator)) => (Set::All, operator),
            Some(("ForAnyValue", operator)) => (Set::Any, operator),
            Some(_) => panic!("the evaluator does not know {operator}"),
        };
        let (operator, if_exists) =
            operator.strip_suffix("IfExists").map_or((operator, false), |operator| (operator, true));
        let known = [
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIgnoreCase",
            "StringLike",
            "StringNotLike",
            "Bool",
            "Null",
        ];
        assert!(known.contains(&operator), "the evaluator does not know {operator}");
        Self { set, operator: operator.to_owned(), if_exists, key: key.to_lowercase(), values: texts(values) }
    }

    fn holds(&self, context: &Context) -> bool {
        let found = context.get(&self.key).filter(|found| !found.is_empty());
        if self.operator == "Null" {
            return self.values.iter().any(|value| (value == "true") == found.is_none());
        }
        let Some(found) = found else {
            let negated = self.operator.contains("Not");
            return match self.set {
                Set::All => true,
                Set::One => self.if_exists || negated,
                Set::Any => self.if_exists,
            };
        };
        match self.set {
            Set::Any => found.iter().any(|found| self.fits(found, context)),
            Set::One | Set::All => found.iter().all(|found| self.fits(found, context)),
        }
    }

    /// Whether one value of the request is as it should be: like any of the condition's values, or unlike all of them.
    fn fits(&self, found: &str, context: &Context) -> bool {
        let mut wanted = self.values.iter().map(|value| filled(value, context));
        match self.operator.as_str() {
            "StringEquals" | "Bool" => wanted.any(|wanted| wanted == found),
            "StringNotEquals" => wanted.all(|wanted| wanted != found),
            "StringEqualsIgnoreCase" => wanted.any(|wanted| wanted.to_lowercase() == found.to_lowercase()),
            "StringLike" => wanted.any(|wanted| like(&wanted, found)),
            _ => wanted.all(|wanted| !like(&wanted, found)),
        }
    }
}

/// `*` stands for any text, `?` for any one character.
pub fn like(pattern: &str, text: &str) -> bool {
    let [pattern, text] = [pattern, text].map(|text| text.chars().collect::<Vec<_>>());
    fits(&pattern, &text)
}

fn fits(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|at| fits(rest, &text[at..])),
        Some((wanted, rest)) => text
            .split_first()
            .is_some_and(|(found, left)| (*wanted == '?' || wanted == found) && fits(rest, left)),
    }
}

/// `${key}` stands for what the request has under that key.
fn filled(text: &str, context: &Context) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, (name, after))) =
        rest.split_once("${").and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        let value = context.get(&name.to_lowercase()).and_then(|values| values.first());
        // What is not known equals nothing.
        filled = filled + before + value.map_or("\u{0}", String::as_str);
        rest = after;
    }
    filled + rest
}

fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        Value::Null => Vec::new(),
        value => vec![value],
    }
}

fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    listed(value).into_iter().map(text).collect()
}
