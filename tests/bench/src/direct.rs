//! The call to Zoho without a function in between: what any caller pays, with the HTTP client that is below all others.

use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::process;

/// Calls so often after a first time, and prints the time on a processor and what each call took, in nanoseconds.
pub(crate) async fn run(url: &str, times: usize) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let call = async || {
        let request = Request::get(url).header("authorization", "Zoho-oauthtoken 1000.access");
        let response = client.request(request.body(Empty::new()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.unwrap().to_bytes()
    };
    call().await;
    let before = process::cpu("self");
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = Instant::now();
        call().await;
        taken.push(begun.elapsed().as_nanos());
    }
    println!("{}", (process::cpu("self") - before).as_nanos());
    for nanos in taken {
        println!("{nanos}");
    }
}
