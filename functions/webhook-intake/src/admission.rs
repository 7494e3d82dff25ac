//! What all endpoints share: a delivery is checked with the connection's secrets, and stored once it is known to be genuine.

use axum::Json;
use shared::base::problem::{Code, Problem};
use shared::core::events::webhook_secrets::WebhookSecrets;
use shared::core::events::{Delivery, Events, Receipt, TEST};
use shared::store::StoreError;

use crate::operators_test::is_test;
use crate::rejection::too_large;
use crate::secret_cache::SecretCache;

/// How deep a body may nest. Readers get it within an event, and many of them give up at 64 or 128 levels.
const MAX_DEPTH: usize = 64;

/// Checks a delivery with the secrets that are cached and, where it does not fit, with newer ones.
pub(crate) async fn check(
    secrets: &SecretCache,
    judge: impl Fn(&WebhookSecrets) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let cached = secrets.get().await?;
    let Err(problem) = judge(&cached) else { return Ok(()) };
    // A delivery without a signature or token fits no secret.
    if problem.code() == Code::WebhookUnsigned {
        return Err(problem);
    }
    match secrets.newer(&cached).await? {
        Some(newer) => judge(&newer),
        None => Err(problem),
    }
}

/// Stores a genuine delivery: one conditional write, and the only call to a store that an answer waits for.
pub(crate) async fn store(events: &Events, mut delivery: Delivery) -> Result<Json<Receipt>, Problem> {
    if depth(&delivery.body) > MAX_DEPTH {
        let detail = format!("The body nests deeper than {MAX_DEPTH} lists and objects.");
        return Err(Problem::new(Code::WebhookUnreadable, detail));
    }
    if is_test(&delivery.kind, &delivery.body)
        && let Some(data) = delivery.data.as_object_mut()
    {
        data.insert(TEST.to_owned(), true.into());
    }
    match events.store(delivery).await {
        // A form can grow when it becomes JSON.
        Err(StoreError::TooLarge(_)) => Err(too_large()),
        stored => Ok(Json(stored?)),
    }
}

/// How deep a document nests.
fn depth(json: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let (mut is_text, mut is_escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            // JSON has none outside of texts.
            b'\\' => is_escaped = true,
            b'"' => is_text = !is_text,
            b'{' | b'[' if !is_text => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' if !is_text => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_texts_do_not_nest() {
        for (json, expected) in [
            ("1", 0),
            ("[]", 1),
            (r#"{"a":[{}],"b":[]}"#, 3),
            (r#"["[[[\"[","]"]"#, 1),
            (r#"["\\",[[]]]"#, 3),
            (r#"["]}",[[]]]"#, 3),
        ] {
            assert_eq!(depth(json), expected, "{json}");
        }
    }
}
