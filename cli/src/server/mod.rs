//! All functions on one port, as API Gateway and EventBridge put them together in the cloud.

pub(crate) mod calls;
mod connections;
pub(crate) mod counts;
pub(crate) mod deliver;
mod front;
mod lingering;
pub(crate) mod lock;
pub(crate) mod presence;
pub(crate) mod signals;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::routing::get;
use shared::base::clock::SharedClock;
use shared::base::settings::Settings;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient};
use shared::core::services::Services;
use token_refresh::Local;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tower::{ServiceExt, service_fn};

use self::connections::Limits;
use self::deliver::NewEvents;

const SCHEDULE_INTERVAL: Duration = Duration::from_mins(5);

/// How long requests that are under way at the end of the process may take.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an exchange of a code may take: Zoho's call, one read for each product, and the wait for the lease.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(40);

/// Each function behind its own paths, and at `/` where they are.
pub(crate) fn functions(services: &Services, token_refresh: &Local) -> Router {
    let token_refresh: Arc<dyn TokenRefreshClient> = Arc::new(token_refresh.clone());
    let oauth = oauth_callback::router(services, token_refresh.clone());
    let webhooks = webhook_intake::router(services);
    let api = api_proxy::router(&with_room(services), token_refresh);
    let front = Router::new().route("/", get(front::front));
    Router::new().fallback_service(service_fn(move |request: Request| {
        let function = match request.uri().path() {
            path if path.starts_with("/oauth/") => &oauth,
            path if path.starts_with("/webhooks/") => &webhooks,
            "/" if [Method::GET, Method::HEAD].contains(request.method()) => &front,
            _ => &api,
        };
        function.clone().oneshot(request)
    }))
}

/// The same services, with so few calls at a time that connections are left for others.
fn with_room(services: &Services) -> Services {
    let wanted = services.settings.calls_at_once;
    let calls_at_once = Limits::of_this_process(wanted).calls(wanted);
    if calls_at_once < wanted {
        tracing::warn!(
            wanted,
            calls_at_once,
            "this process may have too few files open for so many calls at a time"
        );
    }
    let settings = Settings { calls_at_once, ..(*services.settings).clone() };
    Services { settings: Arc::new(settings), ..services.clone() }
}

/// Serves until `stop`, renewing tokens on schedule and delivering events.
pub(crate) async fn run(
    listener: TcpListener,
    app: Router,
    token_refresh: Local,
    services: &Services,
    new: NewEvents,
    stop: impl Future<Output = ()>,
) {
    let schedule = tokio::spawn(tick(token_refresh.clone(), services.clock.clone()));
    let delivery = tokio::spawn({
        let (services, token_refresh) = (services.clone(), token_refresh.clone());
        async move { deliver::run(&services, token_refresh, new).await }
    });
    connections::serve(
        listener,
        app,
        Limits::of_this_process(services.settings.calls_at_once),
        stop,
        SHUTDOWN_TIMEOUT,
    )
    .await;
    schedule.abort();
    delivery.abort();
    let _still_busy = timeout(EXCHANGE_TIMEOUT, token_refresh.idle()).await;
    // Finishes the work that the last answers did not wait for. It may not even have begun.
    services.background.finish().await;
}

async fn tick(token_refresh: Local, clock: SharedClock) {
    loop {
        // The interval goes from one beginning to the next.
        let next = clock.sleep(SCHEDULE_INTERVAL);
        match token_refresh.ask(Ask::Tick).await {
            Ok(Reply::Ticked { renewed, failed }) => tracing::debug!(renewed, failed, "schedule"),
            Ok(other) => tracing::error!(?other, "the schedule got a reply that is none of its own"),
            Err(error) => tracing::error!(%error, "schedule"),
        }
        next.await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::atomic::{AtomicBool, Ordering};

    use shared::base::clock::SystemClock;
    use shared::store::Stores;
    use shared::store::sqlite::Sqlite;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_the_last_answers_did_not_wait_for_is_done_before_the_end() {
        let clock: SharedClock = Arc::new(SystemClock);
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let services = Services::new(Settings::read(|_| None).unwrap(), clock, stores).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let written = Arc::new(AtomicBool::new(false));
        services.background.spawn({
            let written = written.clone();
            async move {
                sleep(Duration::from_secs(1)).await;
                written.store(true, Ordering::SeqCst);
            }
        });
        let token_refresh = Local::new(&services);
        run(listener, Router::new(), token_refresh, &services, NewEvents::default(), ready(())).await;
        assert!(written.load(Ordering::SeqCst));
    }
}
