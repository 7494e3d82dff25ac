//! Packs the OpenAPI document and the tools of `/mcp`, without white space and compressed, so that the binary carries a tenth of them,
//! and most callers get the document as it is kept. And makes a list of the document's operations by what they need, which a running
//! function looks at to say what a key may do.

use std::io::{self, Write};
use std::path::Path;
use std::{env, error, fs};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value};

/// The parameters of every list by pages.
const PAGES: [&str; 2] = ["per_page", "cursor"];

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=openapi.json");
    println!("cargo::rerun-if-changed=src/mcp/tools.json");
    println!("cargo::rerun-if-changed=build.rs");
    let document = read("openapi.json")?;
    let folder = env::var("OUT_DIR")?;
    let folder = Path::new(&folder);
    fs::write(folder.join("openapi.json.gz"), packed(&document)?)?;
    fs::write(folder.join("tools.json.gz"), packed(&read("src/mcp/tools.json")?)?)?;
    fs::write(folder.join("operations.rs"), operations(&document))?;
    Ok(())
}

/// A file of JSON. A test that writes it anew, or says what is wrong with it, must be built first.
fn read(path: &str) -> io::Result<Value> {
    Ok(serde_json::from_slice(&fs::read(path)?).unwrap_or_else(|error| {
        println!("cargo::warning={path} is no JSON: {error}");
        Value::Object(Map::new())
    }))
}

fn packed(json: &Value) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(json.to_string().as_bytes())?;
    encoder.finish()
}

/// The operations that need a permission, as an expression of Rust. What is passed through is not among them: the patterns of a
/// key say more.
fn operations(document: &Value) -> String {
    let mut list = String::from("&[\n");
    let paths = document.get("paths").and_then(Value::as_object);
    for (path, methods) in paths.into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let permissions = texts(operation.get("x-permissions"));
            if permissions.is_empty() || permissions.iter().any(|one| one.starts_with("zoho:")) {
                continue;
            }
            let scopes = texts(operation.get("x-scopes"));
            let method = method.to_uppercase();
            let summary = operation.get("summary").and_then(Value::as_str).unwrap_or_default();
            let (required, optional) = query(document, operation);
            let body = json_body(operation).and_then(|content| content.get("example")).map(shape);
            let body = body.unwrap_or_default();
            let is_write = items(operation.get("parameters")).any(|parameter| {
                parameter.get("$ref").and_then(Value::as_str)
                    == Some("#/components/parameters/IdempotencyKey")
            });
            list += &format!(
                "Listed {{ method: {method:?}, path: {path:?}, summary: {summary:?}, permissions: &{permissions:?}, \
                 scopes: &{scopes:?}, required: &{required:?}, optional: &{optional:?}, body: {body:?}, \
                 is_write: {is_write} }},\n"
            );
        }
    }
    list + "]\n"
}

/// The names of the parameters in the query that must be there, and of those that may. What only says of a table what stands in a
/// JSON body belongs to the body.
fn query<'a>(document: &'a Value, operation: &'a Value) -> (Vec<&'a str>, Vec<&'a str>) {
    let reference = json_body(operation).and_then(|content| content.get("schema")?.get("$ref")?.as_str());
    let schema = reference.and_then(|reference| document.pointer(reference.trim_start_matches('#')));
    let fields = schema.and_then(|schema| schema.get("properties")?.as_object());
    let (mut required, mut optional) = (Vec::new(), Vec::new());
    for parameter in items(operation.get("parameters")) {
        let text = |field: &str| parameter.get(field).and_then(Value::as_str);
        let (Some(name), Some("query")) = (text("name"), text("in")) else { continue };
        if parameter.get("required") == Some(&Value::Bool(true)) {
            required.push(name);
        } else if !PAGES.contains(&name) && fields.is_none_or(|fields| !fields.contains_key(name)) {
            optional.push(name);
        }
    }
    (required, optional)
}

fn json_body(operation: &Value) -> Option<&Value> {
    operation.get("requestBody")?.get("content")?.get("application/json")
}

/// The names in a JSON document: `{customer,line_items:[{sku,quantity}]}`.
fn shape(example: &Value) -> String {
    let inner = |value: &Value| match value {
        Value::Object(_) | Value::Array(_) => format!(":{}", shape(value)),
        _ => String::new(),
    };
    match example {
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}{}", inner(value))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(list) => match list.first() {
            Some(first @ (Value::Object(_) | Value::Array(_))) => format!("[{}]", shape(first)),
            _ => "[]".to_owned(),
        },
        _ => String::new(),
    }
}

fn items(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

fn texts(list: Option<&Value>) -> Vec<&str> {
    items(list).filter_map(Value::as_str).collect()
}
