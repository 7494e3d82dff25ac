//! Bodies on their way in. `Caller` receives the body of its request between the check of the key and the place that it takes: who
//! sends slowly holds no place meanwhile, and a body without a valid key is never waited for.

use std::convert::Infallible;
use std::future::ready;
use std::mem::{replace, take};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::Extensions;
use futures::stream;

/// A body that nobody has asked for yet, or all of it.
#[derive(Clone)]
pub(crate) struct Arriving(Arc<Mutex<Stage>>);

#[derive(Default)]
enum Stage {
    Coming(Body),
    Received(Result<Bytes, BytesRejection>),
    /// Somebody reads it, or has it.
    #[default]
    Taken,
}

/// Takes a body that is still to come out of its request, so that it can be read before the rest of the request is.
pub(crate) async fn set_apart(mut request: Request) -> Request {
    if !request.body().is_end_stream() {
        // Empty, it would look like what the caller sent.
        let elsewhere = "this body is read with `Received`";
        let elsewhere = Body::from_stream(stream::once(ready(Err::<Bytes, _>(elsewhere))));
        let body = replace(request.body_mut(), elsewhere);
        request.extensions_mut().insert(Arriving(Arc::new(Mutex::new(Stage::Coming(body)))));
    }
    request
}

impl Arriving {
    /// Waits until it is there, or until it is clear that it will not be. The extensions of its request say how large it may be.
    pub(crate) async fn receive(&self, extensions: &Extensions) {
        let coming = take(&mut *self.stage());
        let received = match coming {
            Stage::Coming(body) => {
                let mut request = Request::new(body);
                *request.extensions_mut() = extensions.clone();
                Stage::Received(Bytes::from_request(request, &()).await)
            }
            other => other,
        };
        *self.stage() = received;
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a body, or why they could not be read.
pub(crate) struct Received(pub(crate) Result<Bytes, BytesRejection>);

impl<S: Send + Sync> FromRequest<S> for Received {
    type Rejection = Infallible;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Infallible> {
        if let Some(arriving) = request.extensions_mut().remove::<Arriving>() {
            arriving.receive(request.extensions()).await;
            let stage = take(&mut *arriving.stage());
            if let Stage::Received(received) = stage {
                return Ok(Self(received));
            }
        }
        Ok(Self(Bytes::from_request(request, state).await))
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::to_bytes;
    use axum::extract::{DefaultBodyLimit, FromRequestParts};
    use axum::http::request::Parts;
    use axum::middleware::map_request;
    use axum::routing::post;
    use tower::ServiceExt;

    use super::*;

    /// What `Caller` does.
    struct Waited;

    impl<S: Send + Sync> FromRequestParts<S> for Waited {
        type Rejection = Infallible;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
            if let Some(arriving) = parts.extensions.get::<Arriving>().cloned() {
                arriving.receive(&parts.extensions).await;
                let stage = arriving.stage();
                assert!(matches!(*stage, Stage::Received(_)), "it is there before the handler is");
            }
            Ok(Self)
        }
    }

    fn told(Received(read): Received) -> String {
        match read {
            Ok(bytes) => format!("{bytes:?}"),
            Err(rejection) => rejection.status().as_u16().to_string(),
        }
    }

    #[tokio::test]
    async fn a_body_is_what_was_sent_within_the_limit_of_its_route() {
        let app = Router::new()
            .route("/waited", post(|_: Waited, received: Received| async move { told(received) }))
            .route("/read", post(|received: Received| async move { told(received) }))
            .route("/unread", post(|body: Bytes| async move { format!("{body:?}") }))
            .layer(DefaultBodyLimit::max(5))
            .layer(map_request(set_apart));
        for (path, sent, expected) in [
            ("/waited", "", r#"b"""#),
            ("/waited", "12345", r#"b"12345""#),
            ("/waited", "123456", "413"),
            ("/read", "", r#"b"""#),
            ("/read", "12345", r#"b"12345""#),
            ("/read", "123456", "413"),
            ("/unread", "", r#"b"""#),
        ] {
            let request = Request::post(path).body(Body::from(sent)).unwrap();
            let answer = app.clone().oneshot(request).await.unwrap();
            let text = to_bytes(answer.into_body(), 100).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&text), expected, "{path} {sent:?}");
        }
        let request = Request::post("/unread").body(Body::from("12345")).unwrap();
        let answer = app.oneshot(request).await.unwrap();
        assert!(answer.status().is_client_error(), "a body is never taken for an empty one");
    }
}
