//! Deliveries to receivers when data changes: Inventory's webhooks and CRM's notifications.

use std::time::Duration;

use axum::body::Body;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Handle;

use crate::api::Delivered;
use crate::crm::notify;
use crate::outbox::Delivery;
use crate::sandbox::Sandbox;
use crate::state::State;

/// How long a receiver may take; Zoho's own limit is not known.
const PATIENCE: Duration = Duration::from_secs(15);
const ANSWER_BYTES: usize = 64 * 1024;

/// Takes the deliveries after a change. While deliveries are switched off they are lost, as in an outage at Zoho.
pub(crate) fn ready(state: &mut State) -> Vec<Delivery> {
    notify::announce(state);
    let ready = std::mem::take(&mut state.outbox);
    if state.switches.deliver_notifications { ready } else { Vec::new() }
}

impl Sandbox {
    /// All deliveries so far, in the order in which they were answered or failed (the last 10,000).
    pub fn delivered(&self) -> Vec<Delivered> {
        self.with(|state| state.delivered.iter().cloned().collect())
    }

    /// Forgets the deliveries so far.
    pub fn clear_delivered(&self) {
        self.with(|state| state.delivered.clear());
    }

    /// Waits until all changes so far were delivered, or failed to be.
    pub async fn flush(&self) {
        let ready = self.with(ready);
        self.send_soon(ready);
        let mut under_way = self.under_way().subscribe();
        // It fails only if the sandbox is gone.
        let _ = under_way.wait_for(|count| *count == 0).await;
    }

    /// Sends in the background, so that the caller does not wait.
    pub(crate) fn send_soon(&self, ready: Vec<Delivery>) {
        if ready.is_empty() {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => {
                let under_way = UnderWay::new(self);
                runtime.spawn(async move { under_way.0.send(ready).await });
            }
            // A change outside of any runtime is sent with the next one.
            Err(_) => self.with(|state| state.outbox.extend(ready)),
        }
    }

    /// Sends deliveries one by one. A failure is only recorded, because Zoho is not known to retry.
    pub(crate) async fn send(&self, ready: Vec<Delivery>) -> Vec<Delivered> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
        let mut done = Vec::new();
        for delivery in ready {
            let (status, answer) = match tokio::time::timeout(PATIENCE, post(&client, &delivery)).await {
                Ok(Ok((status, answer))) => (Some(status), answer),
                Ok(Err(why)) => (None, why),
                Err(_) => (None, "no answer in time".to_owned()),
            };
            let Delivery { url, body, signature, .. } = delivery;
            let delivered = Delivered { url, status, body, signature, answer };
            self.with(|state| state.note_delivered(delivered.clone()));
            done.push(delivered);
        }
        done
    }
}

/// Counts a batch while it is sent, also if the task is aborted.
struct UnderWay(Sandbox);

impl UnderWay {
    fn new(sandbox: &Sandbox) -> Self {
        sandbox.under_way().send_modify(|count| *count += 1);
        Self(sandbox.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way().send_modify(|count| *count -= 1);
    }
}

async fn post(client: &Client<HttpConnector, Body>, delivery: &Delivery) -> Result<(u16, String), String> {
    let mut request = hyper::Request::builder()
        .method(delivery.method.as_str())
        .uri(&delivery.url)
        .header("content-type", delivery.kind)
        .header("accept", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2")
        .header("connection", "close")
        .header("cache-control", "no-cache")
        .header("pragma", "no-cache");
    if !delivery.signature.is_empty() {
        request = request.header("x-zoho-webhook-signature", &delivery.signature);
    }
    let request = request.body(Body::from(delivery.body.clone())).map_err(|error| error.to_string())?;
    let response = client.request(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(Body::new(response.into_body()), ANSWER_BYTES).await;
    let bytes = bytes.map_err(|error| error.to_string())?;
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}
