//! The query string: taken apart strictly and put together anew, so that what was judged is what is sent.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use shared::base::problem::Problem;
use shared::zoho::scope::Product;

use super::field::{is_json_string, own, without_organization};
use crate::request::params::invalid;

/// More parameters, or longer ones, no call of Zoho's has.
const MAX_PARAMETERS: usize = 60;
const MAX_LENGTH: usize = 8 * 1024;

/// The parameters, without ours, and whether it is only shown what would be done.
pub(super) fn read(query: &str, product: Product) -> Result<(Vec<(String, String)>, bool), Problem> {
    if query.len() > MAX_LENGTH {
        return Err(invalid(format!("The query string is longer than {MAX_LENGTH} characters.")));
    }
    let mut pairs = Vec::new();
    let mut dry_run = None;
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (decoded(name)?, decoded(value)?);
        // What has another letter may be read as another name: `organization%5Fid`, `organization_id[]`.
        if !is_plain(&name) {
            return Err(invalid("Names of parameters have 1 to 100 letters, digits and `_ . -`."));
        }
        if name.eq_ignore_ascii_case("dry_run") {
            // Passed on for a misspelling, it would be done and not shown.
            dry_run = match (name.as_str(), value.as_str(), dry_run) {
                ("dry_run", "true", None) => Some(true),
                ("dry_run", "false", None) => Some(false),
                _ => return Err(invalid("`dry_run` must stand once, and be `true` or `false`.")),
            };
            continue;
        }
        if value.chars().any(char::is_control) {
            return Err(invalid(format!("The value of `{name}` holds a control character.")));
        }
        own(&name)?;
        if product == Product::Inventory && is_json_string(&name) {
            without_organization(value.as_bytes())?;
        }
        pairs.push((name, value));
    }
    if pairs.len() > MAX_PARAMETERS {
        return Err(invalid(format!("There are more than {MAX_PARAMETERS} parameters.")));
    }
    Ok((pairs, dry_run.unwrap_or(false)))
}

fn is_plain(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Text, strictly: a byte that belongs to none would arrive as another one.
fn decoded(text: &str) -> Result<String, Problem> {
    let spaced: Cow<'_, str> =
        if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8();
    decoded
        .map(Cow::into_owned)
        .map_err(|_| invalid("The query string holds bytes that are no text (UTF-8)."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(query: &str) -> Vec<(String, String)> {
        read(query, Product::Inventory).unwrap().0
    }

    #[test]
    fn parameters_are_taken_apart_and_dry_run_is_ours() {
        assert_eq!(
            pairs("name=a+b%26c&empty=&flag&cf_x.y-z=%C3%BC"),
            [("name", "a b&c"), ("empty", ""), ("flag", ""), ("cf_x.y-z", "ü")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(read("a=1&dry_run=true", Product::Crm).unwrap(), (pairs("a=1"), true));
        assert_eq!(read("dry_run=false", Product::Crm).unwrap(), (Vec::new(), false));
        assert_eq!(read("", Product::Crm).unwrap(), (Vec::new(), false));
        assert!(read(r#"JSONString={"name":"x"}"#, Product::Inventory).is_ok());
        assert!(read("method=cash", Product::Inventory).is_ok());
    }

    #[test]
    fn what_is_ours_is_refused_in_every_writing() {
        for query in [
            "organization_id=1",
            "a=1&organization_id=1",
            "ORGANIZATION_ID=1",
            "Organization_Id=",
            "organization%5Fid=1",
            "%6frganization_id=1",
            "organization%255Fid=1",
            "organization_id%00=1",
            "organization_id%20=1",
            "+organization_id=1",
            "organization_id[]=1",
            "organization_id%5B%5D=1",
            "organizationId=1",
            "organization-id=1",
            "X-com-zoho-inventory-organizationid=1",
            "organization_id",
            "=1",
            "JSONString=%7B%22organization_id%22%3A1%7D",
            "jsonstring=%7B%22organization%5Cu005fid%22%3A1%7D",
            "JSONString=x",
            "authtoken=x",
            "access_token=x",
            "_method=DELETE",
            "dry_run",
            "dry_run=1",
            "Dry_Run=true",
            "dry_run=true&dry_run=false",
            "a=%FF",
            "a=%C0%AF",
            "a=%0d%0aX: y",
            "a=%00",
            "a;b=1",
        ] {
            assert!(read(query, Product::Inventory).is_err(), "{query}");
        }
        assert!(read(&"a=1&".repeat(MAX_PARAMETERS + 1), Product::Crm).is_err());
        assert!(read(&"a".repeat(MAX_LENGTH + 1), Product::Crm).is_err());
    }
}
