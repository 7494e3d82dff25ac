//! The call to Zoho without a function in between: what any caller pays, with the HTTP client that is below all others.
//!
//! It asks for events and answers them, as a function does, and makes one call for each. If it called again and again without waiting for
//! events, its processor and that of the stand-in would still be awake from the call before. For a function they are not.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// An HTTP client without TLS.
struct Caller(Client<HttpConnector, Full<Bytes>>);

impl Caller {
    async fn send(&self, request: Request<Full<Bytes>>) -> (u16, Bytes) {
        let answer = self.0.request(request).await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.into_body().collect().await.unwrap().to_bytes())
    }

    /// The call that is measured.
    async fn call(&self, url: &str) {
        let request = Request::get(url).header("authorization", "Zoho-oauthtoken 1000.access");
        let (status, body) = self.send(request.body(Full::default()).unwrap()).await;
        assert!(status == 200 && !body.is_empty());
    }
}

/// Makes the call once for each event, and answers the event with what the call took. It ends with its process.
pub(crate) async fn run(url: &str) -> ! {
    let runtime = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let runtime = format!("http://{runtime}/2018-06-01/runtime/invocation");
    let caller = Caller(Client::builder(TokioExecutor::new()).build_http());
    loop {
        // What the event says does not matter, nor does its id: the Runtime API has one event at a time.
        let next = Request::get(format!("{runtime}/next")).body(Full::default()).unwrap();
        caller.send(next).await;
        let begun = Instant::now();
        caller.call(url).await;
        let answer = answer(begun.elapsed().as_nanos());
        caller.send(Request::post(format!("{runtime}/event/response")).body(answer.into()).unwrap()).await;
    }
}

/// The answer to an event. The status comes first, where `Function::ask` looks for it.
fn answer(nanos: u128) -> String {
    format!(r#"{{"statusCode":200,"nanos":{nanos}}}"#)
}

/// Reads from such an answer what the call took.
pub(crate) fn took(answer: &[u8]) -> Duration {
    let answer: serde_json::Value = serde_json::from_slice(answer).unwrap();
    Duration::from_nanos(answer["nanos"].as_u64().unwrap())
}
