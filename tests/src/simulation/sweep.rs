//! Single scenes, swept: the process dies at its first poll, at its second, and so on until it lives to its end; then each
//! call to a store or to Zoho fails, before and after its work; then each is so slow that the lease runs out, while
//! somebody else works on the same connection. After each the installation must recover.

use std::sync::Arc;
use std::time::Duration;

use shared::core::renewer::{Ask, Reply};
use tokio::time::{Instant, sleep};

use super::functions::begin;
use super::history::{What, Who};
use super::people::{Proxy, consent, disconnect, exchange, name, set_client, tick};
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
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::First,
        Self::Again,
        Self::Revived,
        Self::Renewal,
        Self::Dead,
        Self::Disconnect,
        Self::Tick,
        Self::HalfEnded,
    ];

    fn connections(self) -> usize {
        if self == Self::Tick { 3 } else { 1 }
    }

    /// What stands before, and what is asked.
    async fn prepare(self, world: &Arc<World>) -> (Ask, Option<String>) {
        world.zoho().add_user(1);
        assert!(set_client(world).await);
        if self != Self::First {
            for connection in 1..=self.connections() {
                assert!(consent(world, 0, connection).await);
            }
        }
        let label = name(1);
        let stored = || world.history().rules.grant("c1").map(str::to_owned).unwrap();
        let ask = match self {
            Self::First | Self::Again => return new_code(world),
            Self::Revived => {
                let grant = stored();
                world.zoho().end(world, Who::Person, &grant, super::history::End::ByUser);
                return new_code(world);
            }
            Self::Renewal => {
                sleep(Duration::from_secs(3590)).await;
                Ask::Renew { connection: label, dead: None }
            }
            Self::Dead => {
                world.zoho().evict_tokens("c1");
                let token = world.kept().current("connections/c1/access-token").unwrap().0;
                let token: serde_json::Value = serde_json::from_str(&token).unwrap();
                let token = shared::base::secret::Secret::new(token["token"].as_str().unwrap());
                Ask::Renew { connection: label, dead: Some(token.digest()) }
            }
            Self::Disconnect => Ask::Disconnect { connection: label },
            Self::Tick => {
                sleep(Duration::from_secs(2000)).await;
                Ask::Tick
            }
            Self::HalfEnded => {
                // It dies right after its tombstone.
                let half = begin(world, Ask::Disconnect { connection: label }, 10);
                assert!(half.await.unwrap().is_none());
                sleep(Duration::from_secs(20)).await;
                Ask::Tick
            }
        };
        (ask, None)
    }
}

fn new_code(world: &World) -> (Ask, Option<String>) {
    let at = world.at();
    let code = world.zoho().consent(0, "c1", true, at);
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
    /// A caller who needs another token.
    Caller,
    /// The operator, who ends the connection.
    Operator,
    /// The schedule.
    Schedule,
}

impl Rival {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Person, Self::Caller, Self::Operator, Self::Schedule];

    async fn act(self, world: &Arc<World>) {
        match self {
            Self::Person => drop(consent(world, 0, 1).await),
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
        if let Some(Ok(Reply::Exchanged { ending })) = &result
            && ending.connected
        {
            let grant = world.zoho().grant_of(&code.unwrap());
            world.note(Who::Person, What::SuccessPage { connection: "c1".to_owned(), grant });
        }
        // A caller comes at once, as after every blow.
        drop(Proxy::start(&world).read(1).await);
        recover(&world, scene.connections()).await;
    });
    (outcome, fell)
}
