//! Bodies on their way in. `Caller` receives the body of its request between the check of the key and the place that it takes: who
//! sends slowly holds no place meanwhile, and a body without a valid key is never waited for. A large one arrives only while few
//! others do: what has arrived lies in memory.

use std::convert::Infallible;
use std::future::ready;
use std::mem::{replace, take};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::Extensions;
use futures::{StreamExt, stream};
use shared::base::problem::Problem;

use crate::request::places::{LARGE, Place, Places};

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
    ///
    /// # Errors
    /// It is large, and there is no place for it.
    pub(crate) async fn receive(&self, extensions: &Extensions, places: &Places) -> Result<(), Problem> {
        let coming = take(&mut *self.stage());
        let received = match coming {
            Stage::Coming(body) => {
                let room = Room::default();
                let received = read(room.watched(body, places.clone()), extensions).await;
                if let Some(busy) = room.refused() {
                    return Err(busy);
                }
                Stage::Received(received)
            }
            other => other,
        };
        *self.stage() = received;
        Ok(())
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(body: Body, extensions: &Extensions) -> Result<Bytes, BytesRejection> {
    let mut request = Request::new(body);
    *request.extensions_mut() = extensions.clone();
    Bytes::from_request(request, &()).await
}

/// What a body that arrives needs beside the others.
#[derive(Clone, Default)]
struct Room(Arc<Mutex<Option<Result<Place, Problem>>>>);

impl Room {
    /// The same body, which takes a place as soon as it turns out to be large, and ends there without one.
    fn watched(&self, body: Body, places: Places) -> Body {
        let (room, mut size) = (self.clone(), 0_usize);
        Body::from_stream(body.into_data_stream().map(move |part| {
            let part = part?;
            size = size.saturating_add(part.len());
            if size > LARGE && !room.is_there(&places) {
                return Err(axum::Error::new("there is no room for it"));
            }
            Ok(part)
        }))
    }

    fn is_there(&self, places: &Places) -> bool {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.get_or_insert_with(|| places.take_large()).is_ok()
    }

    /// Why there was none. What was taken ends here.
    fn refused(&self) -> Option<Problem> {
        take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))?.err()
    }
}

/// The bytes of a body, or why they could not be read.
pub(crate) struct Received(pub(crate) Result<Bytes, BytesRejection>);

impl<S: Send + Sync> FromRequest<S> for Received {
    type Rejection = Infallible;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Infallible> {
        let arriving = request.extensions_mut().remove::<Arriving>();
        let stage = arriving.map(|arriving| take(&mut *arriving.stage())).unwrap_or_default();
        Ok(Self(match stage {
            Stage::Received(received) => received,
            Stage::Coming(body) => read(body, request.extensions()).await,
            Stage::Taken => Bytes::from_request(request, state).await,
        }))
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
    use shared::base::problem::Code;
    use tokio::sync::oneshot;
    use tower::ServiceExt;

    use super::*;

    /// What `Caller` does.
    struct Waited;

    impl<S: Send + Sync> FromRequestParts<S> for Waited {
        type Rejection = Infallible;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
            if let Some(arriving) = parts.extensions.get::<Arriving>().cloned() {
                arriving.receive(&parts.extensions, &Places::new(1)).await.unwrap();
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

    /// A body of so many bytes, in parts, that comes to its end when it is let.
    fn coming(size: usize) -> (Arriving, oneshot::Sender<()>) {
        let (end, ended) = oneshot::channel::<()>();
        let parts = stream::iter([Bytes::from(vec![b'x'; LARGE]), Bytes::from(vec![b'x'; size - LARGE])]);
        let rest = stream::once(async move {
            drop(ended.await);
            Bytes::new()
        });
        let body = Body::from_stream(parts.chain(rest).map(Ok::<_, Infallible>));
        (Arriving(Arc::new(Mutex::new(Stage::Coming(body)))), end)
    }

    #[tokio::test]
    async fn a_large_body_arrives_while_there_is_a_place_for_it_and_keeps_none() {
        let places = Places::new(1);
        // The usual limit is 2 MB.
        let extensions = Extensions::new();
        let (first, let_first_end) = coming(LARGE + 1);
        let (second, let_second_end) = coming(LARGE + 1);
        let (small, let_small_end) = coming(LARGE);
        let waits = {
            let (first, extensions, places) = (first.clone(), extensions.clone(), places.clone());
            tokio::spawn(async move { first.receive(&extensions, &places).await })
        };
        while places.take_large().is_ok() {
            tokio::task::yield_now().await;
        }
        let refused = second.receive(&extensions, &places).await.unwrap_err();
        assert_eq!(refused.code(), Code::ConnectorBusy);
        let_small_end.send(()).unwrap();
        small.receive(&extensions, &places).await.unwrap();
        let_first_end.send(()).unwrap();
        waits.await.unwrap().unwrap();
        assert!(matches!(&*first.stage(), Stage::Received(Ok(bytes)) if bytes.len() == LARGE + 1));
        assert!(places.take_large().is_ok(), "it is there, and holds no place any more");
        drop(let_second_end);
    }
}
