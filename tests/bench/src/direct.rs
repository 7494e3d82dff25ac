//! The call to Zoho without a function in between: what any caller pays, with the HTTP client that is below all others.
//!
//! It is told when to call as a function is told of its events. A caller that did nothing else would find its own processor and the other
//! side's awake from the call before, which no function does.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// A client without anything of TLS.
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

/// Calls once an event, and answers it with what the call took. It ends with its process.
pub(crate) async fn run(url: &str) -> ! {
    let runtime = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let runtime = format!("http://{runtime}/2018-06-01/runtime/invocation");
    let caller = Caller(Client::builder(TokioExecutor::new()).build_http());
    loop {
        let next = Request::get(format!("{runtime}/next")).body(Full::default()).unwrap();
        caller.send(next).await;
        let begun = Instant::now();
        caller.call(url).await;
        let answer = answer(begun.elapsed().as_nanos());
        caller.send(Request::post(format!("{runtime}/it/response")).body(answer.into()).unwrap()).await;
    }
}

/// An answer with what a call took.
fn answer(nanos: u128) -> String {
    format!(r#"{{"statusCode":200,"nanos":{nanos}}}"#)
}

/// What a call took, from that answer.
pub(crate) fn took(answer: &[u8]) -> Duration {
    let answer: serde_json::Value = serde_json::from_slice(answer).unwrap();
    Duration::from_nanos(answer["nanos"].as_u64().unwrap())
}
