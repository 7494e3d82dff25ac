//! Bodies that are forms.

use serde_json::Value;
use shared::zoho::value::Object;

/// The fields, decoded. What comes more than once is a list.
pub(crate) fn fields(body: &[u8]) -> Object {
    let mut fields = Object::new();
    for (name, value) in form_urlencoded::parse(body) {
        let value = Value::String(value.into_owned());
        match fields.get_mut(&*name) {
            None => drop(fields.insert(name.into_owned(), value)),
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_none_is_lost() {
        let found = Value::Object(fields(b"a=1+2&b=%C3%BC&a=3&c&a=4"));
        assert_eq!(found.to_string(), r#"{"a":["1 2","3","4"],"b":"ü","c":""}"#);
    }
}
