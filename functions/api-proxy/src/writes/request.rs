//! The request of a write: by whom, with which connection, with which key, and the digest that makes it the same as another.

use std::borrow::Cow;

use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::zoho::http::Body;
use shared::zoho::scope::Product;

use super::digest::digest;
use crate::request::caller::Caller;
use crate::zoho::{Scope, Target, Zoho};

/// The longest key of a caller's own.
const MAX_KEY_LENGTH: usize = 255;

/// The parameters of every write.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteParams {
    /// Whether it is only shown what it would do.
    #[serde(default)]
    pub(crate) dry_run: bool,
    /// Which fields of the written record are answered, separated by commas; all without.
    pub(crate) fields: Option<String>,
}

/// A request to write.
pub(crate) struct WriteRequest<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) connection: &'a ConnectionName,
    /// `POST /v1/inventory/salesorders`
    pub(crate) action: Cow<'static, str>,
    /// The digest of all that makes this request the same as another: action, connection, organisations, body.
    pub(crate) digest: String,
    pub(crate) dry_run: bool,
    /// Which fields are answered. They are not part of the digest, because the whole answer is kept.
    pub(crate) fields: Option<String>,
    /// The caller's `Idempotency-Key`.
    pub(crate) key: Option<String>,
    /// Whether it must have been previewed.
    pub(crate) needs_preview: bool,
    /// The organisations of the connection when the request came: the write goes to no others.
    account: String,
    /// The body that a passed-through write sends as it came. Other writes have theirs in the plan.
    pub(crate) body: Option<Body>,
}

impl<'a> WriteRequest<'a> {
    /// `about` is what makes the request another one: its body, and the id in its path.
    pub(crate) async fn new(
        zoho: &Zoho,
        caller: &'a Caller,
        connection: &'a ConnectionName,
        action: impl Into<Cow<'static, str>>,
        about: &Value,
        params: &WriteParams,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        let action = action.into();
        // The organisation is checked here, because a preview or a repeated answer may need no call to Zoho.
        let account = zoho.account(caller, connection).await?;
        let digest = digest(&action, connection, &account, about);
        let key = idempotency_key(headers)?;
        Ok(Self {
            caller,
            connection,
            action,
            digest,
            dry_run: params.dry_run,
            fields: params.fields.clone(),
            key,
            needs_preview: caller.key.confirm,
            account,
            body: None,
        })
    }

    /// A call to Zoho for it.
    pub(crate) fn target<'b>(&'b self, (product, scope): (Product, Scope<'b>)) -> Target<'b> {
        Target {
            caller: self.caller,
            connection: self.connection,
            product,
            scope,
            account: Some(&self.account),
            if_modified_since: None,
            external: None,
        }
    }
}

/// The caller's `Idempotency-Key`.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=MAX_KEY_LENGTH).contains(&key.len()));
    let unusable =
        || Problem::new(Code::InvalidParameter, "`Idempotency-Key` must be 1 to 255 plain characters.");
    key.map(|key| Some(key.to_owned())).ok_or_else(unusable)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_key_is_up_to_255_plain_characters() {
        let longest = "k".repeat(MAX_KEY_LENGTH);
        let key = |value: &[u8]| {
            let value = HeaderValue::from_bytes(value).unwrap();
            let headers = HeaderMap::from_iter([("idempotency-key".parse().unwrap(), value)]);
            idempotency_key(&headers).map_err(|problem| problem.code())
        };
        assert!(idempotency_key(&HeaderMap::new()).unwrap().is_none());
        for plain in ["1", "order 7", longest.as_str()] {
            assert_eq!(key(plain.as_bytes()), Ok(Some(plain.to_owned())));
        }
        let longer = format!("{longest}k");
        for other in [b"".as_slice(), b"\xfc", longer.as_bytes()] {
            assert_eq!(key(other), Err(Code::InvalidParameter));
        }
    }
}
