//! Values as COQL writes them.

use serde_json::Value;

use crate::zoho::crm::moment::moment;

/// A text as a COQL literal. It must be plain (see [`is_plain`]): CRM could read a backslash as an escape, and a line break as
/// the end of the text.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether a text can be part of a query: it has no control characters and no backslashes.
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(|one| one.is_control() || one == '\\')
}

/// Writes a value at the end of a text. Fails where COQL has no literal for it.
pub(super) fn write(text: &mut String, value: &Value) -> Result<(), ()> {
    match value {
        // A moment as our events give it would be refused.
        Value::String(own) if is_plain(own) => {
            text.push_str(&quoted(moment(own).as_deref().unwrap_or(own)));
        }
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Array(list) if !list.is_empty() => {
            for (index, one) in list.iter().enumerate() {
                text.push_str(if index == 0 { "(" } else { ", " });
                if one.is_array() {
                    return Err(());
                }
                write(text, one)?;
            }
            text.push(')');
        }
        _ => return Err(()),
    }
    Ok(())
}
