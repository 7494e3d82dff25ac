//! The one list of routes, in the order of the OpenAPI document.

use crate::openapi::operation::Operation;
use crate::openapi::route::{Documenting, Routes};
use crate::{connector, crm, events, inventory, passthrough};

/// All routes.
pub(crate) fn all(to: &mut impl Routes) {
    connector::health::routes(to);
    connector::self_description::routes(to);
    connector::status::routes(to);
    connector::openapi_json::routes(to);
    inventory::items::routes::routes(to);
    inventory::mappings::routes::routes(to);
    inventory::records::routes(to);
    inventory::sales_orders::routes::routes(to);
    inventory::adjustments::routes::routes(to);
    inventory::transfer_orders::routes::routes(to);
    inventory::reconciliations::routes::routes(to);
    crm::deals::read::routes(to);
    crm::deals::summary::routes(to);
    crm::deals::write::routes(to);
    crm::deals::brief::routes(to);
    crm::notes::routes::routes(to);
    crm::contacts_and_accounts::routes(to);
    crm::fields::routes(to);
    crm::query::routes(to);
    events::list::routes(to);
    events::claims::routes(to);
    connector::audit::routes(to);
    passthrough::routes::routes(to);
}

/// What all routes say of themselves, in the same order.
pub(crate) fn operations() -> Vec<Operation> {
    let mut documenting = Documenting(Vec::new());
    all(&mut documenting);
    documenting.0
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use serde_json::Value;

    use super::operations;
    use crate::openapi::{answers, document};

    /// What fits into a line stands in one, so that a change can be read. What is served has no white space.
    fn printed(value: &Value, indent: &str, into: &mut String) {
        let line = value.to_string();
        let deeper = format!("{indent} ");
        let mut children = |open: char, close: char, children: Vec<(String, &Value)>| {
            into.push(open);
            for (index, (name, child)) in children.into_iter().enumerate() {
                into.push_str(if index == 0 { "\n" } else { ",\n" });
                into.push_str(&deeper);
                into.push_str(&name);
                printed(child, &deeper, into);
            }
            into.push('\n');
            into.push_str(indent);
            into.push(close);
        };
        match value {
            Value::Object(fields) if line.len() > 100 => {
                let named = |name: &String| format!("{}:", Value::from(name.as_str()));
                children('{', '}', fields.iter().map(|(name, child)| (named(name), child)).collect());
            }
            Value::Array(list) if line.len() > 100 => {
                children('[', ']', list.iter().map(|child| (String::new(), child)).collect());
            }
            _ => into.push_str(&line),
        }
    }

    #[test]
    fn the_copy_that_is_served_is_what_the_code_says() {
        let mut made = String::new();
        printed(&document(&operations()), "", &mut made);
        made.push('\n');
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(&file, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        let differs = made.lines().zip(kept.lines()).find(|(made, kept)| made != kept);
        assert!(
            made == kept,
            "openapi.json is not what the code says, first at {differs:#?}\nUPDATE_OPENAPI=1 with this test writes it",
        );
    }

    #[test]
    fn a_name_has_one_shape_and_an_operation_its_own_name() {
        let (mut shapes, mut ids) = (HashMap::new(), HashMap::new());
        for operation in operations() {
            let call = format!("{} {}", operation.verb.as_str(), operation.path);
            assert_eq!(ids.insert(operation.id.clone(), call.clone()), None, "{}", operation.id);
            let own = answers(&operation).into_iter().filter_map(|answer| answer.shape);
            for (name, schema) in
                own.chain(operation.body.map(|body| body.shape)).flat_map(|shape| shape.named)
            {
                let first = shapes.entry(name.clone()).or_insert_with(|| schema.clone());
                assert_eq!(*first, schema, "{name} in {call}");
            }
        }
        assert!(ids.len() > 25, "{} operations", ids.len());
    }
}
