//! Paths of Zoho's API as callers name them. They are sent exactly as they were checked, and hold no character that a proxy or
//! server on the way could read as syntax.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::zoho::http::Method;
use crate::zoho::scope::Product;
use crate::zoho::value::query_of;

/// The longest path, in characters, which are all of ASCII. Zoho's own are far shorter.
const MAX_LENGTH: usize = 300;

/// The method of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// Read.
    Get,
    /// Create, or perform an action.
    Post,
    /// Replace or change.
    Put,
    /// Change.
    Patch,
    /// Delete.
    Delete,
}

impl Verb {
    /// All methods.
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// Its name, in capitals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it changes nothing.
    pub const fn is_read(self) -> bool {
        matches!(self, Self::Get)
    }

    /// As a method of the HTTP client.
    pub const fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is none of the five methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the method must be GET, POST, PUT, PATCH or DELETE")]
pub struct UnknownVerb;

impl FromStr for Verb {
    type Err = UnknownVerb;

    fn from_str(text: &str) -> Result<Self, UnknownVerb> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == text).ok_or(UnknownVerb)
    }
}

/// Why a text is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It is longer than 300 characters.
    #[error("a path has at most {MAX_LENGTH} characters")]
    TooLong,
    /// It has a character that would have to be encoded, or that could be read as syntax.
    #[error("a path has only letters, digits and `_ . - /`, not encoded, and here is {0:?}")]
    Character(char),
    /// It has two slashes in a row, or one at an end.
    #[error("a path has no empty part: no slash at its ends and no two in a row")]
    EmptySegment,
    /// It has a part `.` or `..`.
    #[error("a path has no part `.` or `..`")]
    DotSegment,
}

/// A path below a product's prefix, like `itemgroups/33`. It has only characters that no proxy decodes, joins or shortens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiPath(String);

impl ApiPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its parts.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The whole address. The connector sets the host, the prefix and Inventory's organisation.
    pub fn url(&self, product: Product, api: &str, organization: &str, query: &[(String, String)]) -> String {
        let prefix = match product {
            Product::Inventory => "inventory/v1",
            Product::Crm => "crm/v8",
        };
        let address = format!("{api}/{prefix}/{}", self.0);
        if product == Product::Crm && query.is_empty() {
            return address;
        }
        let mut url = query_of(address);
        if product == Product::Inventory {
            url.append_pair("organization_id", organization);
        }
        url.extend_pairs(query).finish()
    }
}

impl fmt::Display for ApiPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ApiPath {
    type Error = BadPath;

    fn try_from(text: String) -> Result<Self, BadPath> {
        text.parse()
    }
}

impl From<ApiPath> for String {
    fn from(path: ApiPath) -> Self {
        path.0
    }
}

impl FromStr for ApiPath {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        if text.len() > MAX_LENGTH {
            return Err(BadPath::TooLong);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/');
        if let Some(odd) = text.chars().find(|c| !plain(*c)) {
            return Err(BadPath::Character(odd));
        }
        if text.split('/').any(str::is_empty) {
            return Err(BadPath::EmptySegment);
        }
        if text.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(BadPath::DotSegment);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_reads_as_syntax_is_a_path() {
        for good in
            ["items", "itemgroups/33", "Deals/6.1/Notes", "settings/modules", "a_b-c.d", "...", "a..b"]
        {
            assert_eq!(good.parse::<ApiPath>().unwrap().as_str(), good);
        }
        for (bad, why) in [
            ("", BadPath::EmptySegment),
            ("/items", BadPath::EmptySegment),
            ("items/", BadPath::EmptySegment),
            ("items//33", BadPath::EmptySegment),
            (".", BadPath::DotSegment),
            ("items/../users", BadPath::DotSegment),
            ("items/./33", BadPath::DotSegment),
            ("items%2F33", BadPath::Character('%')),
            ("items\\33", BadPath::Character('\\')),
            ("items\0", BadPath::Character('\0')),
            ("items?a", BadPath::Character('?')),
            ("items#a", BadPath::Character('#')),
            ("items;a=b", BadPath::Character(';')),
            ("a@evil.example", BadPath::Character('@')),
            ("https://evil.example", BadPath::Character(':')),
            ("itéms", BadPath::Character('é')),
            ("items\u{2215}33", BadPath::Character('\u{2215}')),
            ("a b", BadPath::Character(' ')),
        ] {
            assert_eq!(bad.parse::<ApiPath>(), Err(why), "{bad}");
        }
        assert_eq!("a".repeat(MAX_LENGTH + 1).parse::<ApiPath>(), Err(BadPath::TooLong));
    }

    #[test]
    fn host_prefix_and_organisation_are_ours() {
        let path: ApiPath = "itemgroups".parse().unwrap();
        let query = [("name".to_owned(), "a&b=c d".to_owned())];
        assert_eq!(
            path.url(Product::Inventory, "https://z", "1", &query),
            "https://z/inventory/v1/itemgroups?organization_id=1&name=a%26b%3Dc+d"
        );
        assert_eq!(path.url(Product::Crm, "https://z", "1", &[]), "https://z/crm/v8/itemgroups");
    }
}
