//! token-refresh as Lambda runs it: each run in a process of its own that goes on when its caller gives up, ends after a
//! minute at the latest, and can die at any poll.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use shared::base::background::Background;
use shared::base::settings::Settings;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::core::services::Services;
use shared::store::StoreError;
use shared::zoho::data_centre::DataCentres;
use shared::zoho::http::Http;
use token_refresh::{Task, TokenRefresh};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::history::{Kind, What, Who};
use super::line::Line;
use super::stores::stores;
use super::world::World;

/// The function's timeout in the template.
const LONGEST: Duration = Duration::from_secs(60);

/// A future that is dropped when it would be polled for the n-th time.
struct Mortal<F> {
    inner: Option<Pin<Box<F>>>,
    polls: u64,
    last: u64,
}

impl<F: Future> Future for Mortal<F> {
    /// What it came to, or after how many polls it died.
    type Output = Result<F::Output, u64>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.polls += 1;
        if self.polls >= self.last {
            self.inner = None;
        }
        let polls = self.polls;
        match &mut self.inner {
            Some(inner) => inner.as_mut().poll(context).map(Ok),
            None => Poll::Ready(Err(polls)),
        }
    }
}

/// Runs something that dies at its `last` poll: what it came to, or after how many polls it died.
///
/// # Errors
/// Where it died.
pub async fn mortal<F: Future>(work: F, last: u64) -> Result<F::Output, u64> {
    Mortal { inner: Some(Box::pin(work)), polls: 0, last }.await
}

/// What a process of token-refresh is made of.
fn services(world: &Arc<World>, who: Who) -> Services {
    Services {
        settings: Arc::new(Settings::read(|_| None).unwrap()),
        clock: world.clock(),
        stores: stores(world, who),
        token_refresh: None,
        http: Http::over(Line { world: world.clone(), who }),
        centres: DataCentres::new(None),
        background: Background::default(),
        operator: None,
    }
}

fn asked(task: &Task) -> What {
    let (kind, connection) = match task {
        Task::Renew { connection, .. } => (Kind::Renew, Some(connection)),
        Task::Exchange(asked) => (Kind::Exchange, Some(&asked.wish.connection)),
        Task::Choose { connection, .. } => (Kind::Choose, Some(connection)),
        Task::Disconnect(connection) => (Kind::Disconnect, Some(connection)),
        // Nothing is watched in this world.
        Task::Tick | Task::Watch(_) => (Kind::Tick, None),
    };
    What::Began { kind, connection: connection.map(ToString::to_string) }
}

/// A run's end, which nobody has to await.
pub type Ending = oneshot::Receiver<Option<Result<Reply, StoreError>>>;

/// Begins a run that dies at its `last` poll. The ending is nothing where it did.
pub fn begin(world: &Arc<World>, task: Task, last: u64) -> Ending {
    let who = Who::Run(world.number());
    let (tell, ending) = oneshot::channel();
    let world = world.clone();
    world.note(who, asked(&task));
    tokio::spawn(async move {
        let function = TokenRefresh::new(&services(&world, who));
        let work = Mortal { inner: Some(Box::pin(function.perform(task))), polls: 0, last };
        let result = match timeout(LONGEST, work).await {
            Ok(Ok(result)) => {
                let reply = match &result {
                    Ok(Reply::Exchanged { ending }) if ending.connected => "connected".to_owned(),
                    Ok(reply) => format!("{reply:?}"),
                    Err(error) => error.to_string(),
                };
                world.note(who, What::Ended { reply });
                Some(result)
            }
            Ok(Err(polls)) => {
                world.note(who, What::Died { polls });
                None
            }
            Err(_) => {
                world.note(who, What::Died { polls: 0 });
                None
            }
        };
        let _ = tell.send(result);
    });
    ending
}

/// The way of one process to token-refresh.
pub struct Invocations(pub Arc<World>);

impl Invocations {
    /// Has this done.
    ///
    /// # Errors
    /// Where nothing is known of how it ended.
    pub async fn run(&self, task: Task) -> Result<Reply, TokenRefreshError> {
        let Self(world) = self;
        let trouble = world.trouble();
        let random = &world.random;
        sleep(random.milliseconds(5, 60)).await;
        if random.chance(trouble.lost) {
            return Ok(Reply::Busy);
        }
        let last = if random.chance(trouble.crashes) { random.between(1, 80) } else { u64::MAX };
        let ending = begin(world, task, last);
        let lost = random.chance(trouble.lost);
        match ending.await {
            Ok(Some(Ok(reply))) if !lost => Ok(reply),
            Ok(Some(Err(error))) => Err(TokenRefreshError(error.to_string())),
            Ok(_) => Err(TokenRefreshError("the process died, or its reply was lost".to_owned())),
            Err(_) => {
                let broken = "a run of token-refresh panicked".to_owned();
                world.history().broken.push(broken.clone());
                Err(TokenRefreshError(broken))
            }
        }
    }
}

#[async_trait]
impl TokenRefreshClient for Invocations {
    /// Whether an ask may be done is no matter of this world: whoever asks may.
    async fn ask(&self, ask: Ask) -> Result<Reply, TokenRefreshError> {
        match ask {
            Ask::Renew { connection, dead } => self.run(Task::Renew { connection, dead }).await,
            other => unreachable!("no function asks for {other:?} here"),
        }
    }
}
