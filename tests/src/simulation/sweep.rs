//! Single scenes, swept: the process dies at its first poll, at its second, and so on until it lives to its end; then each
//! call to a store or to Zoho fails, before and after its work; then each is so slow that the lease runs out, while
//! somebody else works on the same connection. After each the installation must recover.

use std::sync::Arc;
use std::time::Duration;

use shared::core::connection::token_refresh::Reply;
use token_refresh::Task;
use tokio::time::{Instant, sleep};

use super::functions::begin;
use super::history::{What, Who};
use super::people::{Proxy, choice, consent, disconnect, exchange, name, see, set_client, tick};
use super::recovery::recover;
use super::world::{Strike, World};
use super::{Outcome, on_simulated_time};

/// What is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// The first consent of a connection.
    First,
    /// The consent of a connection that works.
    Again,
    /// The consent of a connection whose grant the user removed.
    Revived,
    /// A renewal of a token that ends.
    Renewal,
    /// A renewal of a token that a caller found dead.
    Dead,
    /// The end of a connection.
    Disconnect,
    /// The schedule, with three connections that are due.
    Tick,
    /// The schedule, with a connection whose end was begun by a process that died.
    HalfEnded,
    /// The consent of a user in two organisations.
    Park,
    /// The same, while another consent waits for its choice.
    ParkAgain,
    /// The choice, for a connection that works.
    Choice,
    /// The choice, seconds before it is too late.
    LastMoment,
    /// The end of a connection that still waits for its first choice; the person does not know, and chooses.
    EndedParked,
    /// The schedule, after a choice that nobody made.
    Abandoned,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::First,
        Self::Again,
        Self::Revived,
        Self::Renewal,
        Self::Dead,
        Self::Disconnect,
        Self::Tick,
        Self::HalfEnded,
        Self::Park,
        Self::ParkAgain,
        Self::Choice,
        Self::LastMoment,
        Self::EndedParked,
        Self::Abandoned,
    ];

    fn connections(self) -> usize {
        if self == Self::Tick { 3 } else { 1 }
    }

    /// What stands before, and what is asked.
    async fn prepare(self, world: &Arc<World>) -> (Task, Option<String>) {
        world.zoho().add_user(1);
        world.zoho().add_user(2);
        assert!(set_client(world).await);
        if !matches!(self, Self::First | Self::Park | Self::EndedParked) {
            for connection in 1..=self.connections() {
                assert!(consent(world, 0, connection).await);
            }
        }
        let label = name(1);
        let stored = || world.history().rules.grant("c1").map(str::to_owned).unwrap();
        let ask = match self {
            Self::First | Self::Again => return new_code(world, 0),
            Self::Park => return new_code(world, 1),
            Self::Revived => {
                let grant = stored();
                world.zoho().end(&**world, Who::Person, &grant, super::history::End::ByUser);
                return new_code(world, 0);
            }
            Self::Renewal => {
                sleep(Duration::from_secs(3590)).await;
                Task::Renew { connection: label, dead: None }
            }
            Self::Dead => {
                world.zoho().evict_tokens("c1");
                let token = world.kept().current("connections/c1/access-token").unwrap().0;
                let token: serde_json::Value = serde_json::from_str(&token).unwrap();
                let token = shared::base::secret::Secret::new(token["token"].as_str().unwrap());
                Task::Renew { connection: label, dead: Some(token.digest()) }
            }
            Self::Disconnect => Task::Disconnect(label),
            Self::Tick => {
                sleep(Duration::from_secs(2000)).await;
                Task::Tick
            }
            Self::HalfEnded => {
                // It dies right after its tombstone.
                let half = begin(world, Task::Disconnect(label), 10);
                assert!(half.await.unwrap().is_none());
                sleep(Duration::from_secs(20)).await;
                Task::Tick
            }
            Self::ParkAgain | Self::Choice | Self::LastMoment | Self::EndedParked | Self::Abandoned => {
                let (ask, code) = new_code(world, 1);
                let reply = begin(world, ask, u64::MAX).await.unwrap();
                assert!(matches!(reply, Some(Ok(Reply::Choose { .. }))), "{reply:?}");
                let wait = match self {
                    Self::LastMoment => 890,
                    Self::Abandoned => 961,
                    _ => 60,
                };
                sleep(Duration::from_secs(wait)).await;
                match self {
                    Self::ParkAgain => return new_code(world, 1),
                    Self::Choice | Self::LastMoment => return (chosen(world, code.as_ref().unwrap()), code),
                    Self::EndedParked => return (Task::Disconnect(label), code),
                    _ => Task::Tick,
                }
            }
        };
        (ask, None)
    }
}

/// The choice of the user who is in two organisations.
fn chosen(world: &World, code: &str) -> Task {
    choice(1, code, &world.zoho().organizations(1)[1])
}

fn new_code(world: &World, user: usize) -> (Task, Option<String>) {
    let at = world.at();
    let code = world.zoho().consent(user, "c1", true, at);
    (exchange(1, &code), Some(code))
}

/// What befalls a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// The process dies at this poll.
    Death(u64),
    /// This call fails.
    Failure(Strike),
    /// From this call on the process is slow, and the other comes in between.
    Race(Strike, Rival),
}

/// Who comes in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rival {
    /// A person who consents.
    Person,
    /// A person who consents and chooses an organisation.
    Chooser,
    /// A caller who needs another token.
    Caller,
    /// The operator, who ends the connection.
    Operator,
    /// The schedule.
    Schedule,
}

impl Rival {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Person, Self::Chooser, Self::Caller, Self::Operator, Self::Schedule];

    async fn act(self, world: &Arc<World>) {
        match self {
            Self::Person => drop(consent(world, 0, 1).await),
            Self::Chooser => drop(consent(world, 1, 1).await),
            Self::Caller => {
                world.zoho().evict_tokens("c1");
                drop(Proxy::start(world).read(1).await);
            }
            Self::Operator => drop(disconnect(world, 1).await),
            Self::Schedule => {
                for _ in 0..4 {
                    tick(world);
                    sleep(Duration::from_secs(5)).await;
                }
            }
        }
    }
}

/// Plays a scene with a blow. Says, too, whether the blow fell before the scene was over.
pub fn play(scene: Scene, blow: Blow) -> (Outcome, bool) {
    let mut fell = false;
    let seen = &mut fell;
    let outcome = on_simulated_time(1, |world| async move {
        let (ask, code) = scene.prepare(&world).await;
        world.note(Who::Stage, What::Note { text: format!("{scene:?}, {blow:?}") });
        let last = match blow {
            Blow::Death(poll) => poll,
            Blow::Failure(strike) | Blow::Race(strike, _) => {
                world.set_strike(Some(strike));
                u64::MAX
            }
        };
        let ending = begin(&world, ask, last);
        if let Blow::Race(strike, rival) = blow {
            // A run in one piece takes less.
            let over = Instant::now() + Duration::from_secs(5);
            while world.calls() <= strike.call && Instant::now() < over {
                sleep(Duration::from_millis(1)).await;
            }
            rival.act(&world).await;
        }
        let result = ending.await.unwrap();
        *seen = match blow {
            Blow::Death(_) => result.is_none(),
            Blow::Failure(strike) | Blow::Race(strike, _) => world.calls() > strike.call,
        };
        world.set_strike(None);
        let mut reply = result.and_then(Result::ok);
        if let Some(code) = code {
            // Who is asked, chooses; whose choice was not answered, chooses again.
            let asked = matches!(reply, Some(Reply::Choose { .. }));
            let chooses = matches!(scene, Scene::Choice | Scene::EndedParked);
            if asked || chooses && !matches!(reply, Some(Reply::Exchanged { .. })) {
                sleep(Duration::from_secs(20)).await;
                reply = begin(&world, chosen(&world, &code), u64::MAX).await.unwrap().and_then(Result::ok);
            }
            see(&world, 1, &code, reply.as_ref());
        }
        // A caller comes at once, as after every blow.
        drop(Proxy::start(&world).read(1).await);
        recover(&world, scene.connections()).await;
    });
    (outcome, fell)
}
