//! What the API does not do, in its own words.

use serde_json::Value;

use crate::failure::Failure;

/// A problem document of the API.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: String,
    line: String,
    /// Whether the same may succeed later.
    is_for_now: bool,
}

/// Why a call came to nothing.
pub(crate) enum Trouble {
    Refused(Refused),
    Failure(Failure),
}

impl Refused {
    /// Reads it. Of a key that was given it says where that stands.
    pub(super) fn read(status: u16, document: &Value, key_origin: Option<&str>) -> Self {
        let word = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some(title) = Some(word("title")).filter(|title| !title.is_empty()) else {
            let line = format!(
                "the address answered {status}, and not as the connector does: is it the connector's?"
            );
            return Self { code: String::new(), line, is_for_now: false };
        };
        let zoho = document.get("zoho").and_then(|zoho| zoho.get("message")).and_then(Value::as_str);
        let zoho = zoho.map(|said| format!(" Zoho says: {said}")).unwrap_or_default();
        let link = Some(word("reconnect_url")).filter(|link| !link.is_empty());
        let link = link.map(|link| format!(" {link}")).unwrap_or_default();
        // What is said of routes and bodies in general is for those who call the API themselves.
        let is_for_agents = matches!(word("code"), "route_not_found" | "method_not_allowed" | "body_invalid");
        let hint = if is_for_agents { "" } else { word("hint") };
        // There are no members here, only the line above.
        let hint = hint.replace("`detail`", "the line above");
        let line = match word("code") {
            // The body is the operator's file, and the detail names its lines.
            "body_invalid" => word("detail").to_owned(),
            code => {
                let origin = key_origin.filter(|_| code.starts_with("key_"));
                let origin = origin.map(|origin| format!(" The key is from {origin}.")).unwrap_or_default();
                format!("{title} ({code}): {}{origin}{zoho}\n{hint}{link}", word("detail"))
            }
        };
        let line = line.trim_end().to_owned();
        let is_for_now = document.get("retryable").and_then(Value::as_bool).unwrap_or_default();
        Self { code: word("code").to_owned(), line, is_for_now }
    }

    /// As a line.
    pub(crate) fn into_line(self) -> String {
        self.line
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused.is_for_now {
            true => Self::Other(refused.line),
            // The same command would be refused again: it is not told to go on.
            false => Self::Ended(1, refused.line),
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(refused) => refused.into(),
            Trouble::Failure(failure) => failure,
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<String> for Trouble {
    fn from(line: String) -> Self {
        Self::Failure(Failure::Other(line))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_key_that_was_given_it_is_said_where_it_stands() {
        let problem =
            |code: &str| json!({ "title": "Not so", "code": code, "detail": "Why.", "hint": "Do this." });
        let line = |code: &str, origin| Refused::read(401, &problem(code), origin).into_line();
        let file = Some("the file kf");
        assert_eq!(
            line("key_invalid", file),
            "Not so (key_invalid): Why. The key is from the file kf.\nDo this."
        );
        assert_eq!(line("key_invalid", None), "Not so (key_invalid): Why.\nDo this.");
        assert_eq!(line("sku_not_found", file), "Not so (sku_not_found): Why.\nDo this.");
    }

    #[test]
    fn a_hint_names_no_member_of_a_document_that_nobody_sees() {
        let problem = json!({
            "title": "No such location", "code": "location_not_found", "detail": "The locations are: Main.",
            "hint": "Use one of the names in `detail`.",
        });
        assert_eq!(
            Refused::read(404, &problem, None).into_line(),
            "No such location (location_not_found): The locations are: Main.\nUse one of the names in the line above."
        );
    }
}
