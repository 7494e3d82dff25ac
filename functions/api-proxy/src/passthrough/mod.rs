//! The rest of Zoho: a call that goes through as the caller made it, within limits. What it is made of is judged piece by
//! piece: the path (`zoho::api_path`), whether it may be called at all (`denylist`, the key's patterns), then `query` and `body`.

mod body;
mod call;
mod content_type;
mod denylist;
mod field;
mod multipart;
mod names;
mod plan;
#[cfg(test)]
mod properties;
mod query;
mod redacted;
pub(crate) mod routes;
