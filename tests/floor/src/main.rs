//! The floor of every measurement: a function that does nothing but answer; at `/out` with 2 MB of bytes.

use lambda_http::{Body, Error, Request, RequestExt, Response, run, service_fn};

/// As large as the bodies whose way through the connector is measured.
const BYTES: usize = 2_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |request: Request| {
        if request.raw_http_path() == "/out" {
            let answer = Response::builder().header("content-type", "image/png");
            return Ok::<_, Error>(answer.body(Body::from(vec![0xA5_u8; BYTES]))?);
        }
        let answer = Response::builder().header("content-type", "application/json");
        Ok(answer.body(Body::from(r#"{"status":"ok"}"#))?)
    }))
    .await
}
