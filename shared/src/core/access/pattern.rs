//! Patterns of calls that a key may pass through to Zoho: a method and a set of paths.
//!
//! ```text
//! zoho:GET:inventory/itemgroups/*        any one group
//! zoho:*:crm/Leads                       every method, only this path
//! zoho:GET:crm/settings/**               everything below `settings`
//! ```
//!
//! `*` stands for exactly one whole part of a path, `**` at the end for one part or more. Case matters, as it may at Zoho.

use std::fmt;
use std::str::FromStr;

use crate::zoho::api_path::{ApiPath, BadPath, UnknownVerb, Verb};
use crate::zoho::scope::Product;

/// The beginning of every pattern.
pub const PREFIX: &str = "zoho:";

/// The longest pattern. Some hundred of them must fit into a key's row.
const MAX_LENGTH: usize = 300;

/// A set of methods and paths of one product.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The one method; none for all.
    verb: Option<Verb>,
    product: Product,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Segment {
    Exactly(String),
    /// `*`
    One,
    /// `**`
    Rest,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// The method is unknown.
    #[error("{0}, or * for all")]
    Verb(#[from] UnknownVerb),
    /// The product is unknown.
    #[error("the path must begin with inventory/ or crm/")]
    Product,
    /// The path is invalid.
    #[error("{0}; * stands for one part, ** for the rest")]
    Path(#[from] BadPath),
    /// A star is not a whole part, or `**` is not the last one.
    #[error("* and ** must be whole parts of the path, and ** the last")]
    Star,
    /// The text does not have the form of a pattern.
    #[error("it must have the form zoho:<method>:<product>/<path>")]
    Form,
}

impl Pattern {
    /// The narrowest pattern that covers a call.
    pub fn exactly(verb: Verb, product: Product, path: &ApiPath) -> Self {
        let segments = path.segments().map(|segment| Segment::Exactly(segment.to_owned())).collect();
        Self { verb: Some(verb), product, segments }
    }

    /// Whether this pattern covers all calls that the other one covers.
    pub fn covers(&self, other: &Self) -> bool {
        if self.product != other.product || self.verb.is_some_and(|verb| other.verb != Some(verb)) {
            return false;
        }
        let mut rest = other.segments.iter();
        for own in &self.segments {
            let fits = match (own, rest.next()) {
                (Segment::Rest, Some(_)) => return true,
                (_, None) => false,
                (Segment::One, Some(theirs)) => *theirs != Segment::Rest,
                (Segment::Exactly(own), Some(Segment::Exactly(theirs))) => own == theirs,
                (Segment::Exactly(_), Some(_)) => false,
            };
            if !fits {
                return false;
            }
        }
        rest.next().is_none()
    }

    /// The connector's own route: `GET /v1/zoho/inventory/itemgroups/*`.
    pub fn route(&self) -> String {
        format!("{} /v1/zoho/{}/{}", self.method(), self.product, self.path())
    }

    fn method(&self) -> &'static str {
        self.verb.map_or("*", Verb::as_str)
    }

    fn path(&self) -> String {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Exactly(text) => text.as_str(),
            Segment::One => "*",
            Segment::Rest => "**",
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}:{}/{}", self.method(), self.product, self.path())
    }
}

impl FromStr for Pattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        if text.len() > MAX_LENGTH {
            return Err(BadPath::TooLong.into());
        }
        let rest = text.strip_prefix(PREFIX).ok_or(BadPattern::Form)?;
        let (verb, rest) = rest.split_once(':').ok_or(BadPattern::Form)?;
        let verb = if verb == "*" { None } else { Some(verb.parse()?) };
        let (product, path) = rest.split_once('/').ok_or(BadPattern::Product)?;
        let product = product.parse().map_err(|_| BadPattern::Product)?;
        let mut segments = Vec::new();
        for part in path.split('/') {
            if segments.last() == Some(&Segment::Rest) {
                return Err(BadPattern::Star);
            }
            segments.push(match part {
                "*" => Segment::One,
                "**" => Segment::Rest,
                starred if starred.contains('*') => return Err(BadPattern::Star),
                exact => Segment::Exactly(exact.parse::<ApiPath>()?.as_str().to_owned()),
            });
        }
        Ok(Self { verb, product, segments })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_is_read_strictly_and_printed_as_it_was_written() {
        for good in [
            "zoho:GET:inventory/itemgroups",
            "zoho:*:inventory/itemgroups/*/image",
            "zoho:DELETE:crm/Deals/*",
            "zoho:POST:crm/**",
            "zoho:GET:crm/*",
        ] {
            assert_eq!(pattern(good).to_string(), good);
        }
        for (bad, why) in [
            ("zoho", BadPattern::Form),
            ("zoho:GET", BadPattern::Form),
            ("GET:inventory/items", BadPattern::Form),
            ("zoho:get:inventory/items", BadPattern::Verb(UnknownVerb)),
            ("zoho::inventory/items", BadPattern::Verb(UnknownVerb)),
            ("zoho:HEAD:inventory/items", BadPattern::Verb(UnknownVerb)),
            ("zoho:GET:inventory", BadPattern::Product),
            ("zoho:GET:books/items", BadPattern::Product),
            ("zoho:GET:*/items", BadPattern::Product),
            ("zoho:GET:Inventory/items", BadPattern::Product),
            ("zoho:GET:inventory/", BadPattern::Path(BadPath::EmptySegment)),
            ("zoho:GET:inventory//items", BadPattern::Path(BadPath::EmptySegment)),
            ("zoho:GET:inventory/items/", BadPattern::Path(BadPath::EmptySegment)),
            ("zoho:GET:inventory/../crm", BadPattern::Path(BadPath::DotSegment)),
            ("zoho:GET:inventory/items?x", BadPattern::Path(BadPath::Character('?'))),
            ("zoho:GET:inventory/item groups", BadPattern::Path(BadPath::Character(' '))),
            ("zoho:GET:inventory/item*", BadPattern::Star),
            ("zoho:GET:inventory/***", BadPattern::Star),
            ("zoho:GET:inventory/**/items", BadPattern::Star),
            ("zoho:GET:inventory/**/**", BadPattern::Star),
        ] {
            assert_eq!(bad.parse::<Pattern>(), Err(why), "{bad}");
        }
    }

    #[test]
    fn a_pattern_covers_its_own_paths_and_no_others() {
        let covers = |own: &str, call: &str| pattern(own).covers(&pattern(call));
        for (own, call) in [
            ("zoho:GET:inventory/itemgroups", "zoho:GET:inventory/itemgroups"),
            ("zoho:*:inventory/itemgroups", "zoho:DELETE:inventory/itemgroups"),
            ("zoho:GET:inventory/itemgroups/*", "zoho:GET:inventory/itemgroups/33"),
            ("zoho:GET:inventory/*/33", "zoho:GET:inventory/items/33"),
            ("zoho:GET:inventory/**", "zoho:GET:inventory/items/33/image"),
            ("zoho:GET:inventory/items/**", "zoho:GET:inventory/items/33"),
            ("zoho:GET:inventory/items/**", "zoho:GET:inventory/items/*/image"),
        ] {
            assert!(covers(own, call), "{own} {call}");
        }
        for (own, call) in [
            ("zoho:GET:inventory/itemgroups", "zoho:POST:inventory/itemgroups"),
            ("zoho:GET:inventory/itemgroups", "zoho:*:inventory/itemgroups"),
            ("zoho:GET:inventory/itemgroups", "zoho:GET:crm/itemgroups"),
            ("zoho:GET:inventory/itemgroups", "zoho:GET:inventory/itemGroups"),
            ("zoho:GET:inventory/itemgroups", "zoho:GET:inventory/itemgroups/33"),
            ("zoho:GET:inventory/itemgroups/*", "zoho:GET:inventory/itemgroups"),
            ("zoho:GET:inventory/itemgroups/*", "zoho:GET:inventory/itemgroups/33/image"),
            ("zoho:GET:inventory/items/**", "zoho:GET:inventory/items"),
            ("zoho:GET:inventory/items/*", "zoho:GET:inventory/items/**"),
        ] {
            assert!(!covers(own, call), "{own} {call}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_printed_the_same(text in "(zoho:)?[GETPOSDL*]{0,6}:?(inventory|crm|[a-z]{0,3})/[a-z*./%-]{0,12}") {
            if let Ok(pattern) = text.parse::<Pattern>() {
                prop_assert_eq!(pattern.to_string(), text);
                prop_assert!(pattern.covers(&pattern));
            }
        }
    }
}
