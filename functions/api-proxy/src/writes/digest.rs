//! What makes a request the same as another: the action, the connection with its organisations, and the body, whatever the
//! order of its fields.

use serde_json::Value;
use shared::base::id::ConnectionName;
use shared::base::secret::sha256_hex;

pub(crate) fn digest(action: &str, connection: &ConnectionName, account: &str, body: &Value) -> String {
    let mut text = format!("{action}\n{connection}\n{account}\n");
    canonical(body, &mut text);
    sha256_hex(text.as_bytes())
}

fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => {
            let mut fields: Vec<_> = object.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in fields {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(list) => {
            text.push('[');
            for value in list {
                canonical(value, text);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_fields_does_not_count_and_everything_else_does() {
        let name = ConnectionName::default();
        let of = |body: Value| digest("POST /v1/x", &name, "1/2", &body);
        assert_eq!(
            of(json!({"a": 1, "b": {"c": [1, 2], "d": 3}})),
            of(json!({"b": {"d": 3, "c": [1, 2]}, "a": 1}))
        );
        for other in [
            json!({"a": 1}),
            json!({"a": "1", "b": {"c": [1, 2], "d": 3}}),
            json!({"a": 1, "b": {"c": [2, 1], "d": 3}}),
        ] {
            assert_ne!(of(json!({"a": 1, "b": {"c": [1, 2], "d": 3}})), of(other));
        }
        assert_ne!(
            digest("POST /v1/x", &name, "1/2", &Value::Null),
            digest("POST /v1/x", &name, "1/3", &Value::Null)
        );
    }
}
