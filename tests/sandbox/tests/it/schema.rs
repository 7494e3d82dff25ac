//! A small OpenAPI checker: is every key known, does every type fit, is everything required there?

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

/// Zoho's official files, read on demand.
#[derive(Default)]
pub(crate) struct Files {
    read: HashMap<String, Value>,
}

/// One file of them, and a place to resolve references from.
#[derive(Clone)]
struct Place<'a> {
    file: &'a str,
    schema: &'a Value,
}

impl Files {
    /// Where they are: `$ZOHO_OPENAPI`, or beside the workspace.
    fn directory() -> PathBuf {
        std::env::var_os("ZOHO_OPENAPI").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/zoho/openapi"),
            PathBuf::from,
        )
    }

    /// Reads a file, and the files it refers to as far as they are there.
    pub(crate) fn load(&mut self, file: &str) {
        if self.read.contains_key(file) {
            return;
        }
        let path = Self::directory().join(file);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let read: Value = if file.ends_with(".json") {
            serde_json::from_str(&text).unwrap()
        } else {
            serde_saphyr::from_str(&text).unwrap()
        };
        self.add(file, read);
        for other in ["crm/common.json", "crm/users.json", "crm/record.json"] {
            if file.starts_with("crm/") && Self::directory().join(other).exists() {
                self.load(other);
            }
        }
    }

    /// Adds a file by hand.
    pub(crate) fn add(&mut self, file: &str, read: Value) {
        self.read.insert(file.to_owned(), read);
    }

    /// An operation of a file.
    pub(crate) fn operation(&self, file: &str, path: &str, method: &str) -> &Value {
        &self.read[file]["paths"][path][method]
    }

    /// Everything wrong with `value` as the answer `status` of an operation.
    pub(crate) fn check(
        &self,
        (file, path, method): (&str, &str, &str),
        status: u16,
        value: &Value,
    ) -> Vec<String> {
        let operation = self.operation(file, path, method);
        assert!(operation.is_object(), "{file} has no {method} {path}");
        let responses = &operation["responses"];
        let mut problems = Vec::new();
        let documented = responses.get(status.to_string());
        if documented.is_none() {
            problems.push(format!("status {status}"));
        }
        // The CRM files put errors beside the success, under 200.
        let response = Place { file, schema: documented.unwrap_or(&responses["200"]) };
        if let Some(Place { file, schema }) = self.resolve(response)
            && let Some(schema) = schema.pointer("/content/application~1json/schema")
        {
            self.value(Place { file, schema }, value, "", &mut problems);
        }
        problems
    }

    fn value(&self, place: Place<'_>, value: &Value, at: &str, problems: &mut Vec<String>) {
        let Some(Place { file, schema }) = self.resolve(place) else { return };
        for several in ["oneOf", "anyOf"] {
            if let Some(options) = schema[several].as_array() {
                let judged = options.iter().map(|schema| {
                    let mut found = Vec::new();
                    self.value(Place { file, schema }, value, at, &mut found);
                    // The option meant is the one that knows the value's own keys.
                    let strange = |problem: &&String| {
                        let key = problem.strip_prefix(at).and_then(|rest| rest.strip_suffix(": unknown"));
                        key.is_some_and(|key| key.matches('/').count() == 1)
                    };
                    (found.iter().filter(strange).count(), found)
                });
                let best = judged.min_by_key(|(strange, found)| (*strange, found.len()));
                problems.extend(best.map(|(_, found)| found).unwrap_or_default());
                return;
            }
        }
        if value.is_null() {
            if schema["nullable"] != true {
                problems.push(format!("{at}: null"));
            }
            return;
        }
        let known = self.properties(Place { file, schema });
        let expected = match schema["type"].as_str() {
            Some(kind) => kind,
            None if known.is_empty() => return,
            None => "object",
        };
        match (expected, value) {
            ("object", Value::Object(object)) => self.object(file, (&known, schema), object, at, problems),
            ("array", Value::Array(list)) => {
                for one in list {
                    self.value(Place { file, schema: &schema["items"] }, one, &format!("{at}[]"), problems);
                }
            }
            ("string", Value::String(_)) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => {}
            ("integer", Value::Number(number)) if number.is_i64() => {}
            (expected, value) => problems.push(format!("{at}: {} for {expected}", kind(value))),
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            problems.push(format!("{at}: {value} is not one of the values"));
        }
        problems.sort();
        problems.dedup();
    }

    fn object(
        &self,
        file: &str,
        (known, schema): (&Map<String, Value>, &Value),
        object: &Map<String, Value>,
        at: &str,
        problems: &mut Vec<String>,
    ) {
        for (key, value) in object {
            let at = format!("{at}/{key}");
            match known.get(key) {
                Some(schema) => self.value(Place { file, schema }, value, &at, problems),
                None if known.is_empty() || schema["additionalProperties"] == true => {}
                None => problems.push(format!("{at}: unknown")),
            }
        }
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(key) {
                problems.push(format!("{at}/{key}: missing"));
            }
        }
    }

    /// Own properties and those of `allOf`.
    fn properties(&self, place: Place<'_>) -> Map<String, Value> {
        let Some(Place { file, schema }) = self.resolve(place) else { return Map::new() };
        let mut known = schema["properties"].as_object().cloned().unwrap_or_default();
        for schema in schema["allOf"].as_array().into_iter().flatten() {
            known.extend(self.properties(Place { file, schema }));
        }
        known
    }

    /// Follows references, also into the other files; `None` if such a file is not there.
    fn resolve<'a>(&'a self, mut place: Place<'a>) -> Option<Place<'a>> {
        while let Some(reference) = place.schema["$ref"].as_str() {
            let (url, pointer) = reference.split_once('#').unwrap();
            if !url.is_empty() {
                let name = url.rsplit('/').next().unwrap();
                place.file = self.read.keys().find(|file| file.rsplit('/').next() == Some(name))?;
            }
            let target = self.read[place.file].pointer(pointer);
            place.schema = target.unwrap_or_else(|| panic!("{reference} leads nowhere in {}", place.file));
        }
        Some(place)
    }
}

/// A value's type in OpenAPI's words; "" has its own name because Zoho writes it for any missing value.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(text) if text.is_empty() => "\"\"",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[test]
fn the_checker_finds_what_is_wrong() {
    use serde_json::json;
    let mut files = Files::default();
    files.add(
        "crm/users.json",
        json!({ "s": { "type": "object", "properties": { "id": { "type": "string" } } } }),
    );
    files.add("a.json", json!({
        "paths": { "/a": { "get": { "responses": { "200": { "content": { "application/json": { "schema": {
            "oneOf": [{ "$ref": "#/s" }, { "type": "object", "properties": { "error": { "type": "string" } } }] } } } } } } } },
        "s": { "allOf": [{ "type": "object", "properties": { "n": { "type": "integer" } } }], "type": "object",
            "properties": { "by": { "$ref": "https://example.com/v8/users.json#/s" },
                "list": { "type": "array", "items": { "type": "string", "enum": ["x"] } } }, "required": ["n"] },
    }));
    let check = |status, value| files.check(("a.json", "/a", "get"), status, &value);
    let none: [&str; 0] = [];
    assert_eq!(check(200, json!({ "n": 1, "by": { "id": "7" }, "list": ["x"] })), none);
    assert_eq!(check(200, json!({ "error": "no" })), none);
    assert_eq!(check(404, json!({ "n": 1 })), ["status 404"]);
    assert_eq!(
        check(200, json!({ "n": "", "by": { "id": 7, "more": null }, "list": ["x", "y"] })),
        [
            "/by/id: integer for string",
            "/by/more: unknown",
            "/list[]: \"y\" is not one of the values",
            "/n: \"\" for integer",
        ]
    );
    assert_eq!(check(200, json!({ "by": null, "list": [] })), ["/by: null", "/n: missing"]);
}
