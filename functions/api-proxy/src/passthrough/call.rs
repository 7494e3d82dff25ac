//! A call as it will be sent, judged piece by piece: first method and path, then the rest.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::{IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE};
use shared::base::problem::{Code, Problem};
use shared::core::access::key::{Permission, ServiceKey};
use shared::core::access::pattern::Pattern;
use shared::zoho::api_path::{ApiPath, Verb};
use shared::zoho::http::Body;
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
    /// Of all the caller's headers only three go on: what the body is, and CRM's two conditions. The others are ours
    /// (`Authorization`), tell who calls, or change what is done: methods overridden, organisations, upserts that Inventory
    /// does not document.
    pub(crate) if_modified_since: Option<String>,
    pub(crate) if_unmodified_since: Option<String>,
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
        let body = body::read(verb, product, headers, body)?;
        Ok(Self { verb, product, path, query, if_modified_since, if_unmodified_since, body, dry_run })
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
