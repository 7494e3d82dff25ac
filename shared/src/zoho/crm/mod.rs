//! Zoho CRM: its addresses, and its records in the shape that callers get.
//! <https://www.zoho.com/crm/developer/docs/api/v8/>

pub mod applied;
pub mod channel;
pub mod coql;
pub mod field;
pub mod judge;
pub mod modules;
pub mod moment;

use serde_json::Value;

use super::failure::Failure;
use super::response::records;
use super::value::{Object, query_of, untrusted};

/// Scopes, by the records that they cover.
pub mod scope {
    /// Deals.
    pub const DEALS: &str = "ZohoCRM.modules.deals.READ";
    /// New deals.
    pub const CREATE_DEALS: &str = "ZohoCRM.modules.deals.CREATE";
    /// Changes of deals.
    pub const UPDATE_DEALS: &str = "ZohoCRM.modules.deals.UPDATE";
    /// Notes.
    pub const NOTES: &str = "ZohoCRM.modules.notes.READ";
    /// New notes.
    pub const CREATE_NOTES: &str = "ZohoCRM.modules.notes.CREATE";
    /// Contacts.
    pub const CONTACTS: &str = "ZohoCRM.modules.contacts.READ";
    /// Accounts.
    pub const ACCOUNTS: &str = "ZohoCRM.modules.accounts.READ";
    /// The fields of modules.
    pub const FIELDS: &str = "ZohoCRM.settings.fields.READ";
    /// The organisation.
    pub const ORG: &str = "ZohoCRM.org.READ";
}

/// The fields of a list of deals when the caller names none: CRM has no default.
pub const DEAL_FIELDS: &str = "Deal_Name,Stage,Amount,Probability,Closing_Date,Account_Name,Contact_Name,Owner,Next_Step,Created_Time,Modified_Time";

/// Columns of CRM's own that never hold several values, whatever the module.
pub const PLAIN_COLUMNS: &str = "Deal_Name,Stage,Closing_Date,Next_Step,Created_Time,Modified_Time,First_Name,Last_Name,Full_Name,Email,Phone,Mobile,Account_Name,Website,Type,Lead_Source,Pipeline,Description";

/// What a note is read with.
const NOTE_FIELDS: &str = "Note_Title,Note_Content,Parent_Id,Owner,Created_Time,Modified_Time";

/// The most fields that a list may ask for.
pub const MAX_FIELDS: usize = 50;

/// A page of a module, sorted by id, so that changes move no record across pages. Beyond 2,000 records CRM demands its page
/// tokens.
pub fn list_url(api: &str, module: &str, fields: &str, per_page: u32, page_token: Option<&str>) -> String {
    let mut query = query_of(module_url(api, module));
    query
        .append_pair("fields", fields)
        .append_pair("per_page", &per_page.to_string())
        .append_pair("sort_by", "id")
        .append_pair("sort_order", "asc");
    if let Some(token) = page_token {
        query.append_pair("page_token", token);
    }
    query.finish()
}

/// Records of a module by their ids, separated by commas.
pub fn by_ids_url(api: &str, module: &str, fields: &str, ids: &str) -> String {
    let mut query = query_of(module_url(api, module));
    query.append_pair("fields", fields).append_pair("ids", ids);
    query.finish()
}

/// The address to make a record, or to change an existing one with the same value of a field.
pub fn upsert_url(api: &str, module: &str) -> String {
    format!("{api}/crm/v8/{module}/upsert")
}

/// A module.
pub fn module_url(api: &str, module: &str) -> String {
    format!("{api}/crm/v8/{module}")
}

/// One record.
pub fn record_url(api: &str, module: &str, id: &str) -> String {
    format!("{api}/crm/v8/{module}/{id}")
}

/// The newest records of a module. This is no search, because the index of searches lags behind.
pub fn newest_url(api: &str, module: &str, fields: &str) -> String {
    newest(module_url(api, module), fields)
}

fn newest(list: String, fields: &str) -> String {
    let mut query = query_of(list);
    query
        .append_pair("fields", fields)
        .append_pair("per_page", "200")
        .append_pair("sort_by", "Created_Time")
        .append_pair("sort_order", "desc");
    query.finish()
}

/// The notes of a deal, and the address to which new ones are posted.
pub fn notes_url(api: &str, deal: &str) -> String {
    format!("{api}/crm/v8/Deals/{deal}/Notes")
}

/// A page of the notes of a deal, in CRM's order.
pub fn notes_page_url(api: &str, deal: &str, page: u32, per_page: u32) -> String {
    let mut query = query_of(notes_url(api, deal));
    query
        .append_pair("fields", NOTE_FIELDS)
        .append_pair("page", &page.to_string())
        .append_pair("per_page", &per_page.to_string());
    query.finish()
}

/// The newest notes of a deal. If CRM ignores the order, these are the first ones in its own order.
pub fn newest_notes_url(api: &str, deal: &str) -> String {
    newest(notes_url(api, deal), NOTE_FIELDS)
}

/// The fields of a module, and the values that they take.
pub fn fields_url(api: &str, module: &str) -> String {
    let mut query = query_of(format!("{api}/crm/v8/settings/fields"));
    query.append_pair("module", module);
    query.finish()
}

/// The organisation of the user who connected.
pub fn org_url(api: &str) -> String {
    format!("{api}/crm/v8/org")
}

/// The records of an answer. No answer (204) is an empty list.
///
/// # Errors
/// Where the answer has no list of records.
pub fn rows(answer: Option<Object>) -> Result<Vec<Object>, Failure> {
    answer.map_or_else(|| Ok(Vec::new()), |mut answer| records(&mut answer, "data"))
}

/// Whether more records follow.
pub fn more_records(answer: &Object) -> bool {
    let more = answer.get("info").and_then(|info| info.get("more_records"));
    more.and_then(Value::as_bool).unwrap_or(false)
}

/// The token of the next page.
pub fn next_page_token(answer: &Object) -> Option<&str> {
    answer.get("info")?.get("next_page_token").and_then(Value::as_str).filter(|_| more_records(answer))
}

/// Whether a lookup has only an id and no name.
pub fn has_nameless_lookup(record: &Object) -> bool {
    let nameless = |value: &Object| value.contains_key("id") && !value.contains_key("name");
    record.values().filter_map(Value::as_object).any(nameless)
}

/// Text fields that Zoho fills, or whose values people only choose from a list. All others count as written by people, because an
/// organisation can add fields whose names are not known here.
const CHOSEN: &[&str] = &[
    "id",
    "Stage",
    "Pipeline",
    "Type",
    "Lead_Source",
    "Closing_Date",
    "Currency",
    "Owner",
    "Created_By",
    "Modified_By",
    "Record_Status__s",
    "$currency_symbol",
    "Created_Time",
    "Modified_Time",
    "Last_Activity_Time",
];

/// A record as callers get it: a lookup becomes its name, with the id in a field beside it. Fields that describe the user's
/// screen are left out, and `untrusted` is added.
pub fn record(record: Object) -> Object {
    let mut flat = Object::new();
    let mut ids = Vec::new();
    for (field, value) in record {
        match value {
            _ if field.starts_with('$') && field != "$currency_symbol" => {}
            // A query can give only the id.
            Value::Object(mut lookup)
                if lookup.contains_key("id") && (lookup.contains_key("name") || lookup.len() == 1) =>
            {
                let id_field = format!("{field}_id");
                flat.insert(id_field.clone(), lookup.remove("id").map_or(Value::Null, id_as_text));
                ids.push(id_field);
                flat.insert(field, lookup.remove("name").unwrap_or_default());
            }
            Value::Number(_) if field == "id" => {
                flat.insert(field, id_as_text(value));
            }
            other => {
                flat.insert(field, other);
            }
        }
    }
    let untrusted = untrusted(&flat, |field| !CHOSEN.contains(&field) && !ids.iter().any(|id| id == field));
    flat.insert("untrusted".to_owned(), untrusted);
    flat
}

fn id_as_text(id: Value) -> Value {
    match id {
        Value::Number(digits) => Value::String(digits.to_string()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lookups_become_names_with_ids_beside_them() {
        let deal: Object = serde_json::from_str(
            r#"{"id":"61","Deal_Name":"Spring","Amount":4300.00,"Contact_Name":null,
                "Account_Name":{"name":"Harbor","id":"62"},"Owner":{"name":"Nora","id":"63","email":"o@example.com"},
                "Tag":[],"$approval":{"approve":false},"$currency_symbol":"€"}"#,
        )
        .unwrap();
        assert_eq!(
            serde_json::to_string(&record(deal)).unwrap(),
            r#"{"id":"61","Deal_Name":"Spring","Amount":4300.00,"Contact_Name":null,"Account_Name_id":"62","Account_Name":"Harbor","Owner_id":"63","Owner":"Nora","Tag":[],"$currency_symbol":"€","untrusted":["Deal_Name","Account_Name"]}"#
        );
    }

    #[test]
    fn a_list_goes_on_only_where_more_is_said() {
        let answer = |more: bool| {
            json!({"info": {"more_records": more, "next_page_token": "t"}}).as_object().unwrap().clone()
        };
        assert_eq!(next_page_token(&answer(true)), Some("t"));
        assert_eq!(next_page_token(&answer(false)), None);
        assert_eq!(next_page_token(&Object::new()), None);
    }
}
