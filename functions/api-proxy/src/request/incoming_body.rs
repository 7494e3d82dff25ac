//! Bodies on their way in. `Caller` receives the body of its request after it has checked the key and before it takes a place: a caller
//! who sends slowly holds no place, and a body without a valid key is never waited for. Few large bodies arrive at a time, because what
//! has arrived lies in memory. A body that no route reads, or that is declared to be too large, is not waited for.
//!
//! A body of a GET or a DELETE means nothing by HTTP (<https://www.rfc-editor.org/rfc/rfc9110#section-9.3.1>), and the connector's own
//! routes do not read it: what they take stands in path and query. The pass-through reads it, because it must not drop what a caller
//! wants to be passed on, and demands that it is empty. Some clients send an empty body in chunks, without a chunk.

use std::convert::Infallible;
use std::future::ready;
use std::mem::{replace, take};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{Extensions, Method};
use futures::{StreamExt, stream};
use shared::base::problem::{Code, Problem};
use tokio::time::timeout;

use crate::request::concurrency::{LARGE, Places};

/// How long the end of a body that must be empty is waited for. The end of an empty body comes with the head of the request. While it is
/// waited for, the caller holds a place.
const EMPTY_BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// How many bytes the body of a route may have, where that is not [`LARGE`]. It is an `Extension` around the route.
#[derive(Clone, Copy)]
pub(crate) struct MostBytes(pub(crate) usize);

impl MostBytes {
    fn of(extensions: &Extensions) -> usize {
        extensions.get::<Self>().map_or(LARGE, |most| most.0)
    }
}

/// A body that nobody has asked for yet, or all of it.
#[derive(Clone)]
pub(crate) struct Arriving(Arc<Mutex<Stage>>);

#[derive(Default)]
enum Stage {
    Coming(Body),
    /// It must be empty, because its method has no use for it. Only a route that reads it waits for it.
    Unwanted(Method, Body),
    Received(Result<Bytes, Problem>),
    /// Somebody reads it, or has it.
    #[default]
    Taken,
}

/// Takes a body that is still to come out of its request, so that it can be read before the rest of the request is.
pub(crate) async fn set_apart(mut request: Request) -> Request {
    if !request.body().is_end_stream() {
        // An empty body in its place would look like what the caller sent.
        let elsewhere = "this body is read with `Received`";
        let elsewhere = Body::from_stream(stream::once(ready(Err::<Bytes, _>(elsewhere))));
        let body = replace(request.body_mut(), elsewhere);
        let stage = match request.method() {
            method if matches!(*method, Method::GET | Method::HEAD | Method::DELETE) => {
                Stage::Unwanted(method.clone(), body)
            }
            _ => Stage::Coming(body),
        };
        request.extensions_mut().insert(Arriving(Arc::new(Mutex::new(stage))));
    }
    request
}

impl Arriving {
    /// Waits until the body is there, or until it is clear that it will not be. The extensions of its request say how large it may be, and
    /// `key` whose it is.
    ///
    /// # Errors
    /// It is large, and there is no place for it.
    pub(crate) async fn receive(
        &self,
        extensions: &Extensions,
        places: &Places,
        key: &str,
    ) -> Result<(), Problem> {
        let coming = take(&mut *self.stage());
        let received = match coming {
            Stage::Coming(body) => match read(body, MostBytes::of(extensions), Some((places, key))).await {
                Err(busy) if busy.code() == Code::ConnectorBusy => return Err(busy),
                received => Stage::Received(received),
            },
            other => other,
        };
        *self.stage() = received;
        Ok(())
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads all of a body. Once it turns out to be large, it takes one of the places of its key until it is there.
async fn read(body: Body, most: usize, room: Option<(&Places, &str)>) -> Result<Bytes, Problem> {
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) > most {
        return Err(too_large(most));
    }
    let (mut parts, mut whole, mut place) = (body.into_data_stream(), Vec::<u8>::new(), None);
    while let Some(part) = parts.next().await {
        let part =
            part.map_err(|_| Problem::new(Code::BodyInvalid, "The body could not be read to its end."))?;
        let size = whole.len() + part.len();
        if size > most {
            return Err(too_large(most));
        }
        if size > LARGE
            && place.is_none()
            && let Some((places, key)) = room
        {
            place = Some(places.take_large(key)?);
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.into())
}

/// Demands that a body ends without a byte. A body that is declared to have bytes is refused without reading it.
async fn read_nothing(method: &Method, body: Body) -> Result<Bytes, Problem> {
    let is_declared = body.size_hint().lower() > 0;
    let mut parts = body.into_data_stream();
    let is_empty = async {
        while let Some(part) = parts.next().await {
            if !part.is_ok_and(|part| part.is_empty()) {
                return false;
            }
        }
        true
    };
    if !is_declared && matches!(timeout(EMPTY_BODY_TIMEOUT, is_empty).await, Ok(true)) {
        return Ok(Bytes::new());
    }
    Err(Problem::new(
        Code::BodyInvalid,
        format!("A {method} has no body here: what it is about stands in path and query."),
    ))
}

fn too_large(most: usize) -> Problem {
    let most = match most / 1024 {
        kib if kib % 1024 == 0 => format!("{} MiB", kib / 1024),
        kib => format!("{kib} KiB"),
    };
    Problem::new(Code::BodyTooLarge, format!("The body has more than the {most} that this route takes."))
}

/// The bytes of a body, or why they could not be read.
pub(crate) struct Received(pub(crate) Result<Bytes, Problem>);

impl<S: Send + Sync> FromRequest<S> for Received {
    type Rejection = Infallible;

    async fn from_request(mut request: Request, _: &S) -> Result<Self, Infallible> {
        let most = MostBytes::of(request.extensions());
        let arriving = request.extensions_mut().remove::<Arriving>();
        let stage = arriving.map(|arriving| take(&mut *arriving.stage())).unwrap_or_default();
        Ok(Self(match stage {
            Stage::Received(received) => received,
            Stage::Coming(body) => read(body, most, None).await,
            Stage::Unwanted(method, body) => read_nothing(&method, body).await,
            Stage::Taken => read(request.into_body(), most, None).await,
        }))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::extract::FromRequestParts;
    use axum::http::request::Parts;
    use axum::middleware::map_request;
    use axum::routing::{any, post};
    use axum::{Extension, Router};
    use tokio::sync::oneshot;
    use tower::ServiceExt;

    use super::*;

    /// What `Caller` does.
    struct Waited;

    impl<S: Send + Sync> FromRequestParts<S> for Waited {
        type Rejection = Infallible;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
            if let Some(arriving) = parts.extensions.get::<Arriving>().cloned() {
                arriving.receive(&parts.extensions, &Places::new(1), "a").await.unwrap();
                let is_there = match *arriving.stage() {
                    Stage::Received(_) => true,
                    // Nobody waits for it here.
                    Stage::Unwanted(..) => parts.method == Method::GET || parts.method == Method::DELETE,
                    Stage::Coming(_) | Stage::Taken => false,
                };
                assert!(is_there, "it is there before the handler is");
            }
            Ok(Self)
        }
    }

    fn told(Received(read): Received) -> String {
        match read {
            Ok(bytes) => format!("{bytes:?}"),
            Err(problem) => problem.code().status().as_u16().to_string(),
        }
    }

    #[tokio::test]
    async fn a_body_is_what_was_sent_within_the_limit_of_its_route() {
        let app = Router::new()
            .route("/waited", post(|_: Waited, received: Received| async move { told(received) }))
            .route("/read", post(|received: Received| async move { told(received) }))
            .route("/unread", post(|body: Bytes| async move { format!("{body:?}") }))
            .layer(Extension(MostBytes(5)))
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
        let undeclared = Body::from_stream(stream::iter(["123", "456"].map(Ok::<_, Infallible>)));
        let answer = app.clone().oneshot(Request::post("/read").body(undeclared).unwrap()).await.unwrap();
        assert_eq!(to_bytes(answer.into_body(), 100).await.unwrap(), "413");
        let request = Request::post("/unread").body(Body::from("12345")).unwrap();
        let answer = app.oneshot(request).await.unwrap();
        assert!(answer.status().is_client_error(), "a body is never taken for an empty one");
    }

    /// A route that waits as `Caller` does and reads no body, and one that reads it.
    fn routes_of_any_method() -> Router {
        Router::new()
            .route("/waited", any(|_: Waited| async { "answered" }))
            .route("/read", any(|_: Waited, received: Received| async move { told(received) }))
            .layer(map_request(set_apart))
    }

    fn sent(method: &str, path: &str, body: Body) -> Request {
        Request::builder().method(method).uri(path).body(body).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_method_without_a_body_waits_for_none_that_nobody_reads_and_takes_none() {
        let app = routes_of_any_method();
        for (method, path, patience, expected) in [
            ("GET", "/waited", Duration::ZERO, Some("answered")),
            ("DELETE", "/waited", Duration::ZERO, Some("answered")),
            ("GET", "/read", EMPTY_BODY_TIMEOUT * 2, Some("400")),
            ("DELETE", "/read", EMPTY_BODY_TIMEOUT * 2, Some("400")),
            ("POST", "/waited", EMPTY_BODY_TIMEOUT * 100, None),
            ("PATCH", "/read", EMPTY_BODY_TIMEOUT * 100, None),
        ] {
            let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
            let answer = timeout(patience, app.clone().oneshot(sent(method, path, never))).await;
            let text = match answer {
                Ok(answer) => Some(to_bytes(answer.unwrap().into_body(), 100).await.unwrap()),
                Err(_) => None,
            };
            assert_eq!(text.as_deref(), expected.map(str::as_bytes), "{method} {path}");
        }
    }

    /// As several clients send it: chunked, without a chunk.
    #[tokio::test]
    async fn an_empty_body_of_a_method_without_one_is_none() {
        let app = routes_of_any_method();
        let cases: [(&str, &'static [&'static str], &str); 5] = [
            ("GET", &[], r#"b"""#),
            ("DELETE", &[], r#"b"""#),
            ("GET", &[""], r#"b"""#),
            ("GET", &["", "1"], "400"),
            ("DELETE", &["{}"], "400"),
        ];
        for (method, parts, expected) in cases {
            let chunks = stream::iter(parts.iter().copied().map(Ok::<_, Infallible>));
            let answer = app.clone().oneshot(sent(method, "/read", Body::from_stream(chunks))).await;
            let text = to_bytes(answer.unwrap().into_body(), 100).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&text), expected, "{method} {parts:?}");
        }
        let broken = Body::from_stream(stream::once(ready(Err::<Bytes, _>("broken"))));
        for body in [broken, Body::from("declared")] {
            let answer = app.clone().oneshot(sent("DELETE", "/read", body)).await.unwrap();
            assert_eq!(to_bytes(answer.into_body(), 100).await.unwrap(), "400");
        }
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
        let mut extensions = Extensions::new();
        extensions.insert(MostBytes(LARGE + 1));
        let (first, let_first_end) = coming(LARGE + 1);
        let (second, let_second_end) = coming(LARGE + 1);
        let (small, let_small_end) = coming(LARGE);
        let waits = {
            let (first, extensions, places) = (first.clone(), extensions.clone(), places.clone());
            tokio::spawn(async move { first.receive(&extensions, &places, "a").await })
        };
        while places.take_large("c").is_ok() {
            tokio::task::yield_now().await;
        }
        let refused = second.receive(&extensions, &places, "b").await.unwrap_err();
        assert_eq!(refused.code(), Code::ConnectorBusy);
        let_small_end.send(()).unwrap();
        small.receive(&extensions, &places, "b").await.unwrap();
        let_first_end.send(()).unwrap();
        waits.await.unwrap().unwrap();
        assert!(matches!(&*first.stage(), Stage::Received(Ok(bytes)) if bytes.len() == LARGE + 1));
        assert!(places.take_large("c").is_ok(), "it is there, and holds no place any more");
        drop(let_second_end);
    }
}
