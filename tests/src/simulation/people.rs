//! Those who act in a simulation: who consents, who calls, who operates, and the schedule.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::core::connection::consent::Wish;
use shared::core::connection::token_cache::{NoOther, TokenState, Tokens};
use shared::core::connection::token_refresh::Reply;
use shared::core::grant::client;
use shared::core::grant::client::Client;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::ScopeSet;
use shared::zoho::secrets::{AuthorizationCode, ClientSecret};
use token_refresh::{Exchange, Task};
use tokio::time::{Instant, sleep};

use super::functions::{Invocations, begin};
use super::history::{What, Who};
use super::stores::stores;
use super::world::World;
use super::zoho::{CLIENT, REDIRECT};

/// What a connection asks for.
const SCOPES: &str = "ZohoInventory.settings.READ ZohoCRM.org.READ";

/// How long api-proxy works on one call.
const DEADLINE: Duration = Duration::from_secs(25);

/// The name of the connection of that number.
pub fn name(connection: usize) -> ConnectionName {
    format!("c{connection}").parse().unwrap()
}

/// The operator registers the client with the secret that Zoho has now.
pub async fn set_client(world: &Arc<World>) -> bool {
    let secret = ClientSecret::new(world.zoho().secret());
    let client = Client { id: CLIENT.to_owned(), home: DataCentre::Us, secret, secrets: Vec::new() };
    client::set(&*stores(world, Who::Operator).secrets, client).await.is_ok()
}

/// What a consent asks for.
pub fn exchange(connection: usize, code: &str) -> Task {
    let wish = Wish {
        connection: name(connection),
        client_id: CLIENT.to_owned(),
        home: DataCentre::Us,
        scopes: ScopeSet::parse(SCOPES),
        organization: None,
        crm_organization: None,
        again: None,
    };
    let (redirect_uri, ticket, code) =
        (Some(REDIRECT.to_owned()), ticket(code), AuthorizationCode::new(code));
    Task::Exchange(Exchange { wish, data_centre: DataCentre::Us, redirect_uri, code, verifier: None, ticket })
}

/// What the browser must bring to choose; in the simulation it is told by the code.
fn ticket(code: &str) -> String {
    format!("ticket of {code}")
}

/// How a person takes the question which organisation is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mind {
    /// Answers within seconds.
    Quick,
    /// Answers so late that it may be too late.
    Slow,
    /// Answers twice.
    Twice,
    /// Closes the page.
    Gone,
}

/// A person brings a code back and looks at the page: whether it says, in the end, that the connection is made.
pub async fn bring_code(world: &Arc<World>, connection: usize, code: &str, mind: Mind) -> bool {
    let reply = Invocations(world.clone()).run(exchange(connection, code)).await;
    let Ok(Reply::Choose { organizations }) = reply else {
        return see(world, connection, code, reply.ok().as_ref());
    };
    match mind {
        Mind::Gone => return false,
        Mind::Slow => sleep(world.random.seconds(800, 1000)).await,
        Mind::Quick | Mind::Twice => sleep(world.random.seconds(1, 20)).await,
    }
    let organization = organizations.first().unwrap().id.as_str();
    let choose = || choose(world, connection, code, organization);
    if mind == Mind::Twice {
        let (one, other) = join(choose(), choose()).await;
        return one || other;
    }
    choose().await
}

/// A person chooses, and again while the page asks for it.
async fn choose(world: &Arc<World>, connection: usize, code: &str, organization: &str) -> bool {
    for _ in 0..4 {
        let reply = Invocations(world.clone()).run(choice(connection, code, organization)).await;
        if let Ok(Reply::Exchanged { .. }) = reply {
            return see(world, connection, code, reply.ok().as_ref());
        }
        sleep(world.random.seconds(2, 30)).await;
    }
    false
}

/// The choice of an organisation.
pub fn choice(connection: usize, code: &str, organization: &str) -> Task {
    Task::Choose { connection: name(connection), ticket: ticket(code), organization: organization.to_owned() }
}

/// Whether the page says that the connection is made.
pub fn see(world: &World, connection: usize, code: &str, reply: Option<&Reply>) -> bool {
    let connected = matches!(reply, Some(Reply::Exchanged { ending }) if ending.connected);
    if connected {
        let grant = world.zoho().grant_of(code);
        world.note(Who::Person, What::SuccessPage { connection: name(connection).to_string(), grant });
    }
    connected
}

/// A person consents and brings the code back.
pub async fn consent(world: &Arc<World>, user: usize, connection: usize) -> bool {
    let at = world.at();
    let code = world.zoho().consent(user, name(connection).as_str(), true, at);
    bring_code(world, connection, &code, Mind::Quick).await
}

/// A process of api-proxy, warm for as long as it is kept.
pub struct Proxy {
    world: Arc<World>,
    who: Who,
    tokens: Tokens,
}

impl Proxy {
    /// A cold one.
    pub fn start(world: &Arc<World>) -> Arc<Self> {
        let who = Who::Caller(world.number());
        let token_refresh = Arc::new(Invocations(world.clone()));
        let tokens = Tokens::new(stores(world, who).secrets, token_refresh, world.clock());
        Arc::new(Self { world: world.clone(), who, tokens })
    }

    /// A read at Zoho, as a `Session` of `ZohoClient` does it: a dead token is replaced once.
    ///
    /// # Errors
    /// What the agent would read.
    pub async fn read(&self, connection: usize) -> Result<(), Problem> {
        let result = self.attempt(&name(connection)).await;
        let answer = match &result {
            Ok(()) => "ok".to_owned(),
            Err(problem) => format!("{:?}", problem.code()),
        };
        self.world.note(self.who, What::Served { connection: name(connection).to_string(), answer });
        result
    }

    async fn attempt(&self, connection: &ConnectionName) -> Result<(), Problem> {
        let until = Instant::now() + DEADLINE;
        let token = self.tokens.current(connection, until).await?;
        if self.takes(token.token.expose()).await {
            return Ok(());
        }
        let other = self.tokens.instead_of(connection, &token, async { TokenState::Dead }, until).await;
        let token = other.map_err(|none| match none {
            NoOther::Failed(problem) | NoOther::Unknown(problem) => problem,
            NoOther::Alive => unreachable!("it is said to be dead"),
        })?;
        match self.takes(token.token.expose()).await {
            true => Ok(()),
            false => Err(Problem::new(Code::ScopeMissing, "refused twice")),
        }
    }

    async fn takes(&self, token: &str) -> bool {
        sleep(self.world.random.milliseconds(20, 200)).await;
        self.world.zoho().takes(token, self.world.at())
    }
}

/// The operator ends a connection, and asks again while somebody else works on it.
pub async fn disconnect(world: &Arc<World>, connection: usize) -> bool {
    for _ in 0..4 {
        let task = Task::Disconnect(name(connection));
        match Invocations(world.clone()).run(task).await {
            Ok(Reply::Disconnected { .. } | Reply::Unknown) => return true,
            _ => sleep(world.random.seconds(1, 20)).await,
        }
    }
    false
}

/// The schedule's event. Nobody waits for it.
pub fn tick(world: &Arc<World>) {
    let (random, crashes) = (&world.random, world.trouble().crashes);
    let last = if random.chance(crashes) { random.between(1, 120) } else { u64::MAX };
    drop(begin(world, Task::Tick, last));
}
