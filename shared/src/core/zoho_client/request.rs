//! What is sent to Zoho: a question or a write, each with the name under which a refusal of it is remembered.

use crate::base::secret::sha256_hex;
use crate::zoho::crm::coql;
use crate::zoho::http::{Body, Method};

/// Where a call goes: what its address is made of.
pub struct Endpoint<'a> {
    /// The address of the API in the data centre.
    pub api: &'a str,
    /// The organisation of Inventory; empty for CRM.
    pub organization: &'a str,
}

/// What is read: an address, or a query that is posted there.
pub struct Question {
    /// Its address.
    pub url: String,
    /// The query, where there is one.
    pub query: Option<String>,
    /// Only what was changed since, in CRM's own form.
    pub if_modified_since: Option<String>,
}

impl Question {
    /// A query to CRM.
    pub fn coql(endpoint: &Endpoint<'_>, query: &str) -> Self {
        Self { url: coql::url(endpoint.api), query: Some(coql::body(query)), if_modified_since: None }
    }

    /// Its name for [`Session::demand_not_denied`](super::Session::demand_not_denied): the address without its parameters, and the
    /// query. All pages of a list have the same name.
    pub fn name(&self) -> String {
        ["GET ", without_query(&self.url), " ", self.query.as_deref().unwrap_or_default()].concat()
    }
}

impl From<String> for Question {
    fn from(url: String) -> Self {
        Self { url, query: None, if_modified_since: None }
    }
}

/// What is written.
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: String,
    /// What it carries.
    pub body: Option<Body>,
    /// The time since which the record must not have changed, in CRM's own form.
    pub if_unmodified_since: Option<String>,
}

impl Outgoing {
    /// A POST, on no condition.
    pub fn post(url: String, body: Option<Body>) -> Self {
        Self { method: Method::POST, url, body, if_unmodified_since: None }
    }

    /// Its name for [`Session::demand_not_denied`](super::Session::demand_not_denied), with the digest of its body: another body may be
    /// allowed.
    pub fn name(&self) -> String {
        let body = self.body.as_ref().map(|body| sha256_hex(&body.bytes)).unwrap_or_default();
        format!("{} {} {body}", self.method, without_query(&self.url))
    }
}

fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(address, _)| address)
}
