//! Posts a webhook of our own to the public address, the way that Zoho goes.

use std::time::Duration;

use serde_json::Value;
use shared::zoho::http;
use tokio::time::sleep;

/// For the whole call.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// A running connector reads the secrets again for what does not fit, but not more often than this.
const RETRY_DELAY: Duration = Duration::from_millis(2500);

/// A header with the signature.
pub(crate) type Signature = (&'static str, String);

/// The status and the document of the answer, or why there is none. A connector that does not know a new secret yet is asked once more.
pub(crate) async fn post(
    url: &str,
    signature: Option<&Signature>,
    body: &str,
) -> Result<(u16, Value), String> {
    match post_once(url, signature, body).await {
        Ok((401 | 404, _)) => {
            sleep(RETRY_DELAY).await;
            post_once(url, signature, body).await
        }
        answer => answer,
    }
}

async fn post_once(url: &str, signature: Option<&Signature>, body: &str) -> Result<(u16, Value), String> {
    let request = http::browser()?.post(url).timeout(CALL_TIMEOUT).header("content-type", "application/json");
    let request = match signature {
        Some((name, value)) => request.header(*name, value),
        None => request,
    };
    let answer = request.body(body.to_owned()).send().await;
    let answer = answer.map_err(|error| if error.is_timeout() { "not in time" } else { "no connection" })?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(|_| "the answer broke off")?;
    Ok((status, serde_json::from_str(&text).unwrap_or_default()))
}
