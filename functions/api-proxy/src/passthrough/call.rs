//! A call as it will be sent, judged piece by piece: first method and path, then the rest.

use axum::body::Bytes;
use axum::http::header::{IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE};
use axum::http::{HeaderMap, HeaderName};
use shared::base::problem::{Code, Problem};
use shared::core::access::key::ServiceKey;
use shared::core::access::pattern::Pattern;
use shared::core::access::permission::Permission;
use shared::zoho::api_path::{ApiPath, Verb};
use shared::zoho::http::{Body, EXTERNAL};
use shared::zoho::scope::Product;

use super::{body, denylist, query};
use crate::request::params::invalid;

/// A call as it will be sent.
#[derive(Debug, Clone)]
pub(crate) struct Passed {
    pub(crate) verb: Verb,
    pub(crate) product: Product,
    pub(crate) path: ApiPath,
    /// The caller's parameters, decoded; ours are not among them.
    pub(crate) query: Vec<(String, String)>,
    /// Of all the caller's headers only four go on: what the body is, CRM's two conditions, and the fields of other systems' ids.
    /// The others are ours (`Authorization`) or tell who calls. Those that change what is done are refused: without them, something
    /// else would be done.
    pub(crate) if_modified_since: Option<String>,
    pub(crate) if_unmodified_since: Option<String>,
    pub(crate) external: Option<String>,
    pub(crate) body: Option<Body>,
    pub(crate) dry_run: bool,
}

/// A method and a path: all that a key's patterns tell of.
pub(crate) struct Aim {
    verb: Verb,
    product: Product,
    path: ApiPath,
}

impl Aim {
    /// Judges a path, which is decoded.
    pub(crate) fn judge(verb: Verb, product: &str, path: &str) -> Result<Self, Problem> {
        let product = product.parse().map_err(|_| {
            Problem::new(Code::RouteNotFound, "What is passed through begins with `inventory` or `crm`.")
        })?;
        let path = path.parse().map_err(|error| invalid(format!("The path is not passed on: {error}.")))?;
        Ok(Self { verb, product, path })
    }

    /// Demands that this key may call there.
    pub(crate) fn allowed(&self, key: &ServiceKey) -> Result<(), Problem> {
        self.not_denied(denylist::reason(self.verb, self.product, &self.path))?;
        key.demand(&Permission::Zoho(Pattern::exactly(self.verb, self.product, &self.path)))
    }

    fn not_denied(&self, reason: Option<&str>) -> Result<(), Problem> {
        let Some(why) = reason else { return Ok(()) };
        Err(Problem::new(
            Code::PathDenied,
            format!("{} {}/{} is not passed through: {why}.", self.verb, self.product, self.path),
        ))
    }
}

impl Passed {
    /// Judges the rest of a call: the query is as it was sent.
    pub(crate) fn judge(aim: Aim, query: &str, headers: &HeaderMap, body: Bytes) -> Result<Self, Problem> {
        let (query, dry_run) = query::read(query, aim.product)?;
        aim.not_denied(denylist::reason_of_query(aim.verb, &query))?;
        let Aim { verb, product, path } = aim;
        if dry_run && verb.is_read() {
            return Err(invalid("`dry_run` is for writes; a read changes nothing."));
        }
        let (if_modified_since, if_unmodified_since) = conditions(verb, product, headers)?;
        refuse_headers(verb, headers)?;
        let external = external(product, headers)?;
        let body = body::read(verb, product, headers, body)?;
        Ok(Self {
            verb,
            product,
            path,
            query,
            if_modified_since,
            if_unmodified_since,
            external,
            body,
            dry_run,
        })
    }

    /// Whether it must be previewed, whatever the key: it cannot be taken back.
    pub(crate) fn is_final(&self) -> bool {
        self.verb == Verb::Delete || self.path.segments().any(|segment| denylist::stem(segment) == "void")
    }

    /// `POST /v1/zoho/inventory/itemgroups`
    pub(crate) fn action(&self) -> String {
        format!("{} /v1/zoho/{}/{}", self.verb, self.product, self.path)
    }

    /// Where it is sent.
    pub(crate) fn url(&self, api: &str, organization: &str) -> String {
        self.path.url(self.product, api, organization, &self.query)
    }
}

/// CRM's two conditions. Inventory knows neither: there a read without it gives what is asked for all the same, but a write
/// would go on where the caller wanted it to stop.
fn conditions(
    verb: Verb,
    product: Product,
    headers: &HeaderMap,
) -> Result<(Option<String>, Option<String>), Problem> {
    let text = |name| {
        let mut all = headers.get_all(&name).iter();
        match (all.next(), all.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => {
                let value = value.to_str().ok().filter(|value| (1..=40).contains(&value.len()));
                value
                    .map(|value| Some(value.to_owned()))
                    .ok_or_else(|| invalid(format!("`{name}` must be a moment.")))
            }
            (Some(_), Some(_)) => Err(invalid(format!("`{name}` stands twice."))),
        }
    };
    let crm = product == Product::Crm;
    let unmodified = text(IF_UNMODIFIED_SINCE)?;
    if unmodified.is_some() && (verb.is_read() || !crm) {
        return Err(invalid("`If-Unmodified-Since` is for writes to CRM; Inventory does not know it."));
    }
    let modified = if crm && verb.is_read() { text(IF_MODIFIED_SINCE)? } else { None };
    Ok((modified, unmodified))
}

/// How the names of headers begin that change what a call does, at Zoho or at any server on the way. None is passed on.
const CHANGING: &[&str] = &[
    "x-http-method",
    "x-method-override",
    "x-http-override",
    "x-original-",
    "x-rewrite-",
    "x-zoho-",
    "x-com-zoho-",
    "x-crm",
    "x-zcsrf",
    // Upserts of Inventory, which no document has.
    "x-upsert",
    "x-unique-",
    "content-encoding",
    "content-range",
];

/// The same, of writes: a read without them gives what is asked for all the same.
const CHANGING_WRITES: &[&str] = &["if-match", "if-none-match", "if-range", "if-modified-since"];

/// The name and version that Zoho's own SDKs say of themselves. It changes nothing.
const SDK: &str = "x-zoho-sdk";

fn refuse_headers(verb: Verb, headers: &HeaderMap) -> Result<(), Problem> {
    let of_writes = if verb.is_read() { &[] } else { CHANGING_WRITES };
    let begins = CHANGING.iter().chain(of_writes);
    let name = headers
        .keys()
        .map(HeaderName::as_str)
        .filter(|name| *name != SDK)
        .find(|name| begins.clone().any(|begin| name.starts_with(begin)));
    match name {
        None => Ok(()),
        Some(name) => Err(invalid(format!(
            "The header `{name}` is not passed on, and without it Zoho would do something else. Leave it out."
        ))),
    }
}

/// The fields by whose values CRM is to find the records, like `Deals.External_Order_ID`; several are separated by commas.
fn external(product: Product, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut all = headers.get_all(EXTERNAL).iter();
    let (Some(value), None) = (all.next(), all.next()) else {
        return match headers.contains_key(EXTERNAL) {
            true => Err(invalid("`X-EXTERNAL` stands twice.")),
            false => Ok(None),
        };
    };
    if product != Product::Crm {
        return Err(invalid("`X-EXTERNAL` is for CRM; Inventory does not know it."));
    }
    let is_field = |field: &str| {
        let name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let field = field.trim();
        field.len() <= 120 && field.split('.').count() >= 2 && field.split('.').all(name)
    };
    let text = value.to_str().ok().filter(|text| text.len() <= 500 && text.split(',').all(is_field));
    let text = text
        .ok_or_else(|| invalid("`X-EXTERNAL` names modules and fields, like `Deals.External_Order_ID`."))?;
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(verb: Verb, product: Product, header: (&'static str, &'static str)) -> Result<Passed, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(header.0, header.1.parse().unwrap());
        let aim = Aim { verb, product, path: "Deals/1".parse().unwrap() };
        Passed::judge(aim, "", &headers, Bytes::new())
    }

    #[test]
    fn a_header_that_changes_the_call_goes_on_or_is_refused() {
        let external = ("x-external", "Deals.External_Order_ID, Accounts.ERP_No");
        let passed = judged(Verb::Put, Product::Crm, external).unwrap();
        assert_eq!(passed.external.as_deref(), Some(external.1));
        assert!(judged(Verb::Put, Product::Inventory, external).is_err());
        for (verb, header) in [
            (Verb::Put, ("x-external", "External_Order_ID")),
            (Verb::Put, ("x-external", "Deals.A\tB")),
            (Verb::Post, ("x-http-method-override", "DELETE")),
            (Verb::Get, ("x-com-zoho-inventory-organizationid", "1")),
            (Verb::Put, ("x-upsert", "true")),
            (Verb::Put, ("x-unique-identifier-key", "cf_id")),
            (Verb::Post, ("x-zoho-skip-webhook-trigger", "true")),
            (Verb::Put, ("if-match", "\"1\"")),
            (Verb::Put, ("if-modified-since", "2026-11-21T10:00:00+01:00")),
        ] {
            let problem = judged(verb, Product::Crm, header).err().unwrap_or_else(|| panic!("{header:?}"));
            assert_eq!(problem.code(), Code::InvalidParameter, "{header:?}");
        }
        for header in [
            ("x-request-id", "1"),
            ("accept", "*/*"),
            ("if-none-match", "\"1\""),
            ("x-forwarded-for", "::1"),
            ("x-zoho-sdk", "Linux/6.18/python-8.0/3.11.7:7.0.0"),
        ] {
            assert!(judged(Verb::Get, Product::Crm, header).is_ok(), "{header:?}");
        }
    }
}
