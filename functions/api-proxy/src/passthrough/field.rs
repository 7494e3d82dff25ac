//! One field of what is passed through, wherever it stands: in the query, in a form, in a part of a form with files.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use shared::base::problem::Problem;

use crate::request::body::{invalid, no_json};
use crate::request::params;

/// By these Zoho, or what stands before it, takes or once took tokens: a call is made with the connection's own.
const CREDENTIALS: [&str; 6] =
    ["authtoken", "accesstoken", "oauthtoken", "zohooauthtoken", "authorization", "zapikey"];

/// Judges one field of a form.
pub(super) fn field(name: &str, value: &[u8], inventory: bool) -> Result<(), Problem> {
    own(name)?;
    if !is_plain(name) {
        return Err(invalid(NAMES));
    }
    // By it, a form says in which charset the rest is to be read.
    if bare(name) == "charset" && name.starts_with('_') {
        return Err(invalid("`_charset_` is not passed on: send UTF-8."));
    }
    if inventory && is_json_string(name) { without_organization(value) } else { Ok(()) }
}

/// Refuses what only the connector says.
pub(super) fn own(name: &str) -> Result<(), Problem> {
    if is_organization(name) {
        return Err(params::invalid(
            "`organization_id` is the connector's to set. Leave it out; another organisation is another connection.",
        ));
    }
    let bare = bare(name);
    if CREDENTIALS.contains(&bare.as_str()) {
        return Err(params::invalid(format!(
            "`{name}` is not passed on: the connector calls with its own token."
        )));
    }
    if bare == "method" && name.starts_with('_') {
        return Err(params::invalid("`_method` is not passed on: send the method that you mean."));
    }
    Ok(())
}

/// `organization_id` in any writing.
pub(super) fn is_organization(name: &str) -> bool {
    matches!(bare(name).as_str(), "organizationid" | "organisationid" | "xcomzohoinventoryorganizationid")
}

/// Inventory's older form of a body: a field with a document in it.
pub(super) fn is_json_string(name: &str) -> bool {
    bare(name) == "jsonstring"
}

const NAMES: &str = "Names of fields have 1 to 100 letters (A to Z), digits and `_ . - $ [ ]`.";

/// Whether a name is read alike everywhere: to some servers, `organızation_id` is `ORGANIZATION_ID`.
fn is_plain(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-$[]".contains(&b);
    (1..=100).contains(&name.len()) && name.bytes().all(plain)
}

/// Letters and digits alone, in small letters.
fn bare(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A JSON object that names no organisation at its top. Deeper down, `organization_id` is a field like any other.
pub(super) fn without_organization(bytes: &[u8]) -> Result<(), Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let named = deserializer.deserialize_any(Top).and_then(|named| deserializer.end().map(|()| named));
    let named = named.map_err(|error| no_json(&error))?;
    if let Some(name) = named.odd {
        return Err(invalid(format!("`{}` is no name of a field. {NAMES}", name.escape_debug())));
    }
    if named.portal {
        return Err(invalid(
            "Only a person opens the portal of customers, in Zoho: leave out `enable_portal` and `is_added_in_portal`.",
        ));
    }
    if named.organization {
        return Err(invalid(
            "`organization_id` is the connector's to set. Leave it out; another organisation is another connection.",
        ));
    }
    Ok(())
}

/// Reads the names at the top of a document.
struct Top;

/// What is found there.
#[derive(Default)]
struct Names {
    organization: bool,
    /// Whether it lets somebody into the portal of customers.
    portal: bool,
    /// One that could be read as another.
    odd: Option<String>,
}

impl<'de> Visitor<'de> for Top {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
        let mut names = Names::default();
        while let Some(name) = map.next_key::<String>()? {
            names.organization |= is_organization(&name);
            match name.as_str() {
                "enable_portal" | "is_added_in_portal" => names.portal |= opens(&map.next_value()?),
                "contact_persons" => names.portal |= lets_in(&map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
            if !is_plain(&name) {
                names.odd.get_or_insert(name);
            }
        }
        Ok(names)
    }
}

/// What Zoho could take for a yes.
fn opens(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && value != "false"
}

fn lets_in(people: &Value) -> bool {
    let mut people = people.as_array().into_iter().flatten();
    people.any(|person| {
        ["enable_portal", "is_added_in_portal"].iter().any(|name| person.get(name).is_some_and(opens))
    })
}
