//! As much of AWS as reads meet, answered from memory: rows of DynamoDB with the conditions that the connector writes, and
//! secrets. A call that is not known ends the measurement.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use crate::calls::Counter;
use crate::http::{self, Answer};

/// Table, partition and sort key.
type Key = (String, String, String);

/// The stand-in.
#[derive(Default)]
pub(crate) struct Aws {
    pub(crate) calls: Counter,
    rows: Mutex<BTreeMap<Key, Value>>,
    secrets: BTreeMap<String, String>,
}

impl Aws {
    pub(crate) fn new(secrets: impl IntoIterator<Item = (String, Value)>) -> Self {
        let secrets = secrets.into_iter().map(|(name, value)| (name, value.to_string())).collect();
        Self { secrets, ..Self::default() }
    }

    /// Forgets all rows.
    pub(crate) fn clear(&self) {
        self.rows.lock().unwrap().clear();
    }

    /// Stores a row as the connector does.
    pub(crate) fn row(&self, table: &str, partition: &str, sort: &str, value: &Value) {
        let row = json!({
            "pk": { "S": partition },
            "sk": { "S": sort },
            "val": { "S": value.to_string() },
            "ver": { "S": "first" },
        });
        self.rows.lock().unwrap().insert(key(table, &row), row);
    }

    pub(crate) fn answer(&self, request: &Parts, body: &[u8]) -> Answer {
        let target = request.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let name = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default();
        self.calls.count(name);
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        match name {
            "GetSecretValue" => self.secret(&asked),
            "GetItem" => self.get(&asked),
            "PutItem" => self.put(&asked),
            "Query" => self.query(&asked),
            _ => panic!("nothing is known here of {target:?} {}", request.uri),
        }
    }

    fn secret(&self, asked: &Value) -> Answer {
        let name = text(&asked["SecretId"]);
        let secret = self.secrets.get(name).unwrap_or_else(|| panic!("there is no secret {name}"));
        answer(&json!({
            "ARN": format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}"),
            "Name": name,
            "SecretString": secret,
            "VersionId": "00000000000000000000000000000001",
            "VersionStages": ["AWSCURRENT"],
        }))
    }

    fn get(&self, asked: &Value) -> Answer {
        let rows = self.rows.lock().unwrap();
        match rows.get(&key(text(&asked["TableName"]), &asked["Key"])) {
            Some(row) => answer(&json!({ "Item": row })),
            None => answer(&json!({})),
        }
    }

    fn put(&self, asked: &Value) -> Answer {
        let mut rows = self.rows.lock().unwrap();
        let key = key(text(&asked["TableName"]), &asked["Item"]);
        let stored = rows.get(&key);
        if !holds(asked, stored) {
            let refusal = json!({
                "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                "message": "The conditional request failed",
                "Item": stored,
            });
            return http::json(400, refusal.to_string());
        }
        rows.insert(key, asked["Item"].clone());
        answer(&json!({}))
    }

    /// All rows of a partition: there are never so many that they come in pages.
    fn query(&self, asked: &Value) -> Answer {
        assert_eq!(asked["KeyConditionExpression"], "pk = :pk", "only whole partitions are known here");
        let table = text(&asked["TableName"]);
        let partition = text(&asked["ExpressionAttributeValues"][":pk"]["S"]);
        let rows = self.rows.lock().unwrap();
        let found = rows.iter().filter(|((of, pk, _), _)| of == table && pk == partition);
        let items: Vec<&Value> = found.map(|(_, row)| row).collect();
        answer(&json!({ "Items": items, "Count": items.len(), "ScannedCount": items.len() }))
    }
}

/// The connector's two conditions: the row lives and has this version, or there is none that lives.
fn holds(asked: &Value, stored: Option<&Value>) -> bool {
    if asked["ConditionExpression"].is_null() {
        return true;
    }
    let values = &asked["ExpressionAttributeValues"];
    let number = |value: &Value| text(&value["N"]).parse::<i64>().ok();
    let alive =
        stored.filter(|row| number(&row["exp"]).is_none_or(|end| Some(end) > number(&values[":now"])));
    match (&values[":ver"], alive) {
        (Value::Null, alive) => alive.is_none(),
        (version, Some(row)) => row["ver"] == *version,
        (_, None) => false,
    }
}

fn key(table: &str, row: &Value) -> Key {
    (table.to_owned(), text(&row["pk"]["S"]).to_owned(), text(&row["sk"]["S"]).to_owned())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn answer(value: &Value) -> Answer {
    http::json(200, Bytes::from(value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_written_on_the_conditions_of_the_connector() {
        let asked =
            |values: Value| json!({ "ConditionExpression": "x", "ExpressionAttributeValues": values });
        let (new, same) =
            (json!({ ":now": { "N": "5" } }), json!({ ":now": { "N": "5" }, ":ver": { "S": "a" } }));
        let row = |exp: &str| json!({ "ver": { "S": "a" }, "exp": { "N": exp } });
        let (alive, dead, other) = (row("6"), row("5"), json!({ "ver": { "S": "b" } }));
        for (values, stored, expected) in [
            (&new, None, true),
            (&new, Some(&alive), false),
            (&new, Some(&dead), true),
            (&same, Some(&alive), true),
            (&same, Some(&dead), false),
            (&same, Some(&other), false),
            (&same, None, false),
        ] {
            assert_eq!(holds(&asked(values.clone()), stored), expected, "{values} {stored:?}");
        }
        assert!(holds(&json!({}), Some(&alive)));
    }
}
