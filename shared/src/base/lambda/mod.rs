//! Runs a router on Lambda, behind an HTTP API of API Gateway. It is `lambda_http`'s runtime; its types for all that an event and an answer
//! may hold are passed by, because they cost a twentieth of a read and 0.1 MB.

mod answer;
mod event;

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::Request;
use lambda_http::lambda_runtime::Runtime;
use lambda_http::lambda_runtime::tower::util::ThenLayer;
use lambda_http::{Context, Error, LambdaEvent, Service, service_fn};
use tokio::time::Instant;

use self::answer::Answer;
use self::event::Event;
use super::background::Background;
use super::public_url::PublicUrl;
use super::web::{Deadline, LambdaRequestId};

/// The time that is kept to write the answer after a call to Zoho has used up the rest.
const ANSWER_MARGIN: Duration = Duration::from_secs(1);

/// Serves until Lambda ends the process. An event is asked for once the answer to the last one has been sent, and the work beside it
/// is done.
///
/// # Errors
/// Where the Runtime API fails.
pub async fn serve(mut router: Router, background: Background) -> Result<(), Error> {
    let mut last = LastOrigin::default();
    let handler = service_fn(move |LambdaEvent { payload, context }: LambdaEvent<Event>| {
        // Here and not in a layer of the router, which would run only after the route was chosen.
        let answered = router.call(describe(payload, context, &mut last));
        async move {
            let Ok(response) = answered.await;
            Ok::<_, Infallible>(Answer::of(response).await)
        }
    });
    let afterwards = ThenLayer::new(move |sent: Result<(), Error>| {
        let background = background.clone();
        async move {
            background.finish().await;
            sent
        }
    });
    Runtime::new(handler).layer(afterwards).run().await
}

/// The request in the text of an event.
///
/// # Errors
/// Where it is no event of an HTTP API.
pub fn request_of(event: &str) -> serde_json::Result<Request> {
    serde_json::from_str::<Event>(event).map(|event| event.request)
}

/// The origin of the last request's domain: nearly all requests have the same.
#[derive(Default)]
struct LastOrigin(Option<(String, PublicUrl)>);

impl LastOrigin {
    /// The origin of a domain, if it is a host's name.
    fn of(&mut self, domain: &str) -> Option<PublicUrl> {
        if let Some((known, origin)) = &self.0
            && known == domain
        {
            return Some(origin.clone());
        }
        let origin = PublicUrl::of_domain(domain).ok()?;
        self.0 = Some((domain.to_owned(), origin.clone()));
        Some(origin)
    }
}

/// Adds the facts that only Lambda knows to a request: the domain that the caller used, the deadline, and Lambda's own id.
fn describe(event: Event, context: Context, last: &mut LastOrigin) -> Request {
    let Event { mut request, domain } = event;
    let extensions = request.extensions_mut();
    if let Some(origin) = domain.and_then(|domain| last.of(&domain)) {
        extensions.insert(origin);
    }
    if let Ok(left) = context.deadline().duration_since(SystemTime::now()) {
        extensions.insert(Deadline(Instant::now() + left.saturating_sub(ANSWER_MARGIN)));
    }
    extensions.insert(LambdaRequestId(context.request_id));
    request
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn an_answer_is_due_before_lambda_ends_the_function() {
        let end = SystemTime::now() + Duration::from_secs(20);
        let mut context = Context::default();
        context.deadline = u64::try_from(end.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        context.request_id = "8476a536".to_owned();
        let event = Event { request: Request::default(), domain: Some("a.example.com".to_owned()) };
        let request = describe(event, context, &mut LastOrigin::default());
        let Deadline(due) = *request.extensions().get().unwrap();
        assert!(due <= Instant::now() + Duration::from_secs(20) - ANSWER_MARGIN);
        assert_eq!(request.extensions().get::<PublicUrl>().unwrap().as_str(), "https://a.example.com");
        assert_eq!(request.extensions().get::<LambdaRequestId>().unwrap().0, "8476a536");
    }

    #[test]
    fn each_domain_has_its_own_origin() {
        let mut last = LastOrigin::default();
        for (domain, origin) in [
            ("a.example.com", Some("https://a.example.com")),
            ("a.example.com", Some("https://a.example.com")),
            ("evil.example/path", None),
            ("b.example.com", Some("https://b.example.com")),
            ("a.example.com", Some("https://a.example.com")),
        ] {
            assert_eq!(last.of(domain).as_ref().map(PublicUrl::as_str), origin, "{domain}");
        }
    }
}
