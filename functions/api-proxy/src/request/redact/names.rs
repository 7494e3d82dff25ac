//! Which fields hold data of people, told by their names.

/// Parts of the names of fields that hold it, in small letters.
const PERSONAL: &[&str] = &[
    "email",
    "phone",
    "mobile",
    "telefon",
    "whatsapp",
    "fax",
    "skype",
    "telegram",
    "wechat",
    "twitter",
    "facebook",
    "linkedin",
    "birth",
    "street",
    "address",
    "zip",
    "postal",
    "pincode",
    "mailing",
    "latitude",
    "longitude",
];

/// Words of such names that are parts of other words, too.
const PERSONAL_WORDS: &[&str] = &["cell", "cellular", "tel", "dob", "msisdn"];

/// Whole names, or what stands behind the last `_` of one.
const PERSONAL_ENDS: &[&str] = &[
    "city",
    "billing_code",
    "billing_state",
    "shipping_code",
    "shipping_state",
    "other_code",
    "other_state",
];

/// The state that a lead lives in; `state` is how far an event or a connection is.
const STATE: &str = "State";

/// Whether a field of this name holds such data.
pub(crate) fn is_personal(field: &str) -> bool {
    let small = field.to_ascii_lowercase();
    let ends = |end: &&str| {
        small.strip_suffix(*end).is_some_and(|rest| rest.is_empty() || rest.ends_with(['_', '.']))
    };
    PERSONAL.iter().any(|part| small.contains(part))
        || PERSONAL_ENDS.iter().any(ends)
        || field.rsplit('.').next() == Some(STATE)
        || words(field).any(|word| PERSONAL_WORDS.contains(&word.to_ascii_lowercase().as_str()))
}

/// The words of a name: `homeCell`, `Home_Cell`, `home-cell`.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|one: char| !one.is_alphanumeric()).flat_map(|part| {
        let mut rest = part;
        std::iter::from_fn(move || {
            let mut before = rest.chars().next()?;
            let begins = |(at, one): (usize, char)| {
                let is_next = one.is_uppercase() && before.is_lowercase();
                before = one;
                is_next.then_some(at)
            };
            let end = rest.char_indices().find_map(begins).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            Some(word)
        })
    })
}

/// How many bytes the keys of Inventory's custom fields have at most: what is longer is cut.
const CUT_KEY: usize = 30;

/// What is appended to such a key.
const KEY_ENDS: [&str; 2] = ["_unformatted", "_formatted"];

/// The key of a custom field without what is appended to it.
pub(super) fn bare_key(field: &str) -> &str {
    KEY_ENDS.iter().find_map(|end| field.strip_suffix(end)).unwrap_or(field)
}

/// Whether a key was cut within what may be a word for such data: `cf_emergency_contact_in_home_p`.
pub(super) fn is_cut_within_personal(field: &str) -> bool {
    let key = bare_key(field).to_ascii_lowercase();
    let last = key.rsplit('_').next().unwrap_or_default();
    key.len() >= CUT_KEY
        && key.starts_with("cf_")
        && !last.is_empty()
        && PERSONAL.iter().chain(PERSONAL_WORDS).chain(PERSONAL_ENDS).any(|word| word.starts_with(last))
}

/// By these, an object names the field that it tells of: a custom field, a parameter in the audit, a line of a history.
const NAMING: &[&str] = &[
    "label",
    "field_label",
    "api_name",
    "name",
    "key",
    "field",
    "field_name",
    "column",
    "column_name",
    "param",
    "param_name",
    "parameter",
];

/// How the names of members begin that hold such a field's value.
const VALUES: &[&str] = &[
    "val",
    "old",
    "new",
    "prev",
    "current",
    "before",
    "after",
    "content",
    "data",
    "text",
    "display",
    "search_text",
];

/// The members that do not, though their names begin so.
const NO_VALUES: &[&str] = &["data_type", "content_type"];

/// Whether a member of an object tells which field it is about.
pub(super) fn is_naming(member: &str) -> bool {
    NAMING.contains(&member)
}

/// Whether a member of an object holds the value of the field that another member names.
pub(super) fn is_value(member: &str) -> bool {
    let member = member.trim_start_matches(['_', '$']).to_ascii_lowercase();
    let begins = |begin: &&str| member.starts_with(*begin);
    matches!(member.as_str(), "from" | "to")
        || (VALUES.iter().any(begins) && !NO_VALUES.contains(&member.as_str()))
}

/// Parameters and fields in which somebody asks for anything: `(Phone:equals:0431)`.
pub(super) fn is_question(field: &str) -> bool {
    matches!(field, "criteria" | "select_query" | "search_text" | "word")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_field_holds() {
        for name in [
            "Email",
            "Secondary_Email",
            "phone_contains",
            "Mobile",
            "cell",
            "Cell_No",
            "homeCell",
            "tel",
            "Tel.",
            "WhatsApp_Number",
            "Other_State",
            "Billing_State",
            "billing_state",
            "State",
            "Contact_Name.Phone",
            "Leads.State",
            "Mailing_Country",
            "City",
            "Other_Zip",
            "Billing_Code",
            "DOB",
            "Date_of_Birth",
        ] {
            assert!(is_personal(name), "{name}");
        }
        for name in [
            "state",
            "Stage",
            "Status",
            "cancelled",
            "cancelled_at",
            "hotel_name",
            "excellent",
            "capacity",
            "Amount",
            "contact_name",
            "Account_Name",
            "billing_reference",
            "organization_id",
            "title",
        ] {
            assert!(!is_personal(name), "{name}");
        }
    }
}
