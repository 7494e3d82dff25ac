//! Names in a write of CRM's records that the module does not have: CRM ignores them and answers with success, so a preview
//! says so.

use serde_json::Value;
use shared::zoho::scope::Product;

use super::call::Passed;
use crate::zoho::Target;
use crate::zoho::field_cache::FieldCache;

/// What is to be said of the names in a call.
pub(super) async fn warnings(fields: &FieldCache, target: &Target<'_>, call: &Passed) -> Vec<String> {
    let Some(module) = module(call.product, call.path.as_str()) else { return Vec::new() };
    let Some(body) = call.body.as_ref().and_then(|body| serde_json::from_slice::<Value>(&body.bytes).ok())
    else {
        return Vec::new();
    };
    let rows = body.get("data").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    // What begins with `$` is no field.
    let mut names: Vec<&str> = rows
        .flat_map(|row| row.keys())
        .map(String::as_str)
        .filter(|name| *name != "id" && !name.starts_with('$'))
        .collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Vec::new();
    }
    let unknown = fields.unknown(target, module, &names).await;
    let ended = |said: String| if said.ends_with('?') { said } else { said + "." };
    unknown.into_iter().map(|said| ended(said) + " CRM would ignore it and answer with success.").collect()
}

/// The module whose records are written: `Deals`, `Deals/61…`, `Deals/upsert`.
fn module(product: Product, path: &str) -> Option<&str> {
    let mut parts = path.split('/');
    let module = parts.next().filter(|name| name.starts_with(|one: char| one.is_ascii_uppercase()))?;
    let rest = parts.next();
    let of_records = rest.is_none_or(|rest| rest == "upsert" || rest.bytes().all(|b| b.is_ascii_digit()));
    (product == Product::Crm && of_records && parts.next().is_none()).then_some(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_a_module_are_told_by_their_path() {
        for (path, expected) in [
            ("Deals", Some("Deals")),
            ("Deals/6100000000451001", Some("Deals")),
            ("Deals/upsert", Some("Deals")),
            ("Deals/6100000000451001/Notes", None),
            ("Deals/actions/mass_update", None),
            ("coql", None),
            ("settings/fields", None),
        ] {
            assert_eq!(module(Product::Crm, path), expected, "{path}");
            assert_eq!(module(Product::Inventory, path), None);
        }
    }
}
