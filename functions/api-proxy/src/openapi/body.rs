//! The schemas of the bodies that routes take. They are made of the structs that serde reads the bodies into, and kept in
//! `schemas/`, so that no binary carries what makes them; a test beside each struct says that they are still the same.

use serde_json::Value;

use super::schema::{Shape, named};

/// The body of this name, whose schema stands in `schemas/<name>.json`.
macro_rules! body {
    ($name:literal) => {
        $crate::openapi::body::kept(
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/", $name, ".json")),
        )
    };
}

pub(crate) use body;

/// A schema as it is kept. One that is no JSON would fail the test of its struct.
pub(crate) fn kept(name: &str, schema: &str) -> Shape {
    named(name, serde_json::from_str(schema).unwrap_or(Value::Null))
}

/// Demands that the kept schema is that of the struct. `UPDATE_OPENAPI=1` writes it; the document follows with the next run.
#[cfg(test)]
pub(crate) fn assert_schema<T: schemars::JsonSchema>(name: &str) {
    use std::path::Path;

    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut made = settings.into_generator().into_root_schema_for::<T>().to_value();
    plain(&mut made);
    let made = format!("{made:#}\n");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/{name}.json"));
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(made, kept, "{name} is not what serde reads; UPDATE_OPENAPI=1 with this test writes it");
}

/// Without the names of Rust's types: `title`, and formats like `uint32`.
#[cfg(test)]
fn plain(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let of_rust = |format: &Value| {
                format.as_str().is_some_and(|format| format.starts_with("uint") || format.starts_with("int"))
            };
            fields.retain(|name, value| {
                !(name == "title" && value.is_string() || name == "format" && of_rust(value))
            });
            fields.values_mut().for_each(plain);
        }
        Value::Array(list) => list.iter_mut().for_each(plain),
        _ => {}
    }
}
