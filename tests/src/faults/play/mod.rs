//! Plays a scene: what is done, what of it is told, and what must be true of it in the end.

mod agent;
mod counts;
mod events;
mod person;
mod schedule;
mod seen;
mod writes;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use shared::base::clock::{Clock, Timestamp};
use tokio::time::sleep;

use super::calls::Place;
use super::scenes::Scene;
use super::world::World;
pub use seen::Seen;

/// API Gateway gives up after so long.
const LONGEST_ANSWER: Duration = Duration::from_secs(29);

/// Lambda ends a function of the schedule after so long.
const LONGEST_RUN: Duration = Duration::from_secs(60);

/// One scene that is played, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Staged {
    /// Which.
    pub scene: Scene,
    /// Where.
    pub place: Place,
}

/// What a browser keeps.
type Jar = BTreeMap<String, String>;

/// One that is played.
pub struct Play {
    /// Which.
    pub scene: Scene,
    world: World,
    /// What was said that is not true, or must never be said.
    broken: Mutex<Vec<String>>,
    /// How many keys of idempotency were needed, and whether the last one was told to be uncertain.
    keys: AtomicU32,
    is_uncertain: AtomicBool,
    /// What of its kind Zoho had before.
    before: AtomicUsize,
    event: Mutex<Option<String>>,
    /// The counts that were compared, and with which key.
    compared: Mutex<Option<(u32, String)>>,
    /// The browser of a person who is asked to choose.
    choosing: Mutex<Option<Jar>>,
    /// When all stood ready.
    since: Timestamp,
}

impl Play {
    /// Everything stands ready.
    pub async fn prepare(staged: Staged) -> Self {
        let Staged { scene, place } = staged;
        let world = World::new(place, scene.organizations()).await;
        let mut play = Self {
            scene,
            since: world.clock.now(),
            world,
            broken: Mutex::default(),
            keys: AtomicU32::new(0),
            is_uncertain: AtomicBool::new(false),
            before: AtomicUsize::new(0),
            event: Mutex::default(),
            compared: Mutex::default(),
            choosing: Mutex::default(),
        };
        match scene {
            Scene::DeadToken => play.world.outside.sandbox.expire_access_tokens(),
            // Its token ends within half an hour.
            Scene::Renewal => sleep(Duration::from_secs(40 * 60)).await,
            Scene::Application => play.have_counts_compared().await,
            Scene::Choice => play.come_to_the_choice().await,
            Scene::Channel => play.want_a_channel().await,
            Scene::ChannelRenewal => play.have_an_old_channel().await,
            Scene::Delivery => play.change_a_deal().await,
            _ => {}
        }
        play.before.store(play.made(), Ordering::SeqCst);
        play.since = play.world.clock.now();
        play.world.calls.set(None);
        play
    }

    /// Where it is played.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// What was broken so far.
    pub fn broken(&self) -> Vec<String> {
        self.broken.lock().unwrap().clone()
    }

    /// Notes what must not be.
    pub fn breaks(&self, what: impl Into<String>) {
        self.broken.lock().unwrap().push(what.into());
    }

    /// Its processes have worked before, and have in memory what they keep there.
    pub async fn warm_up(&self) {
        // A dead token would be found out.
        if self.scene != Scene::DeadToken {
            let read = self.read_an_item().await;
            assert!(read.good, "{read:?}");
        }
    }

    /// Does it, or does it again.
    pub async fn go(&self) -> Seen {
        let seen = match self.scene {
            Scene::Item | Scene::DeadToken => self.read_an_item().await,
            Scene::Stock => self.read_stock().await,
            Scene::Deals => self.read_deals().await,
            Scene::PassedRead => self.pass_a_read().await,
            Scene::Order | Scene::Note | Scene::Adjustment | Scene::Transfer | Scene::PassedWrite => {
                self.write().await
            }
            Scene::Comparison => self.compare().await,
            Scene::Application => self.apply().await,
            Scene::Renewal => self.renew().await,
            Scene::Channel => self.order_a_channel().await,
            Scene::ChannelRenewal => self.renew_the_channel().await,
            Scene::Consent => self.consent().await,
            Scene::Choice => self.choose().await,
            Scene::Webhook | Scene::Notification | Scene::CustomWebhook | Scene::StandardWebhook => {
                self.report().await
            }
            Scene::Delivery => self.deliver().await,
        };
        if self.world.secrets().await.iter().any(|secret| seen.body.contains(secret)) {
            self.breaks(format!("a secret is in the answer {}", seen.text));
        }
        seen
    }

    /// What must be true once it went well, whatever befell it before.
    pub async fn check(&self) {
        match self.scene {
            Scene::Order | Scene::Note | Scene::PassedWrite => self.check_that_it_is_made_once(),
            Scene::Adjustment | Scene::Transfer => {
                self.check_that_it_is_made_once();
                self.check_stock();
            }
            Scene::Comparison => self.check_comparison().await,
            Scene::Application => self.check_stock(),
            Scene::Choice => self.check_choice().await,
            Scene::Channel | Scene::ChannelRenewal => self.check_channel().await,
            Scene::Webhook | Scene::Notification | Scene::CustomWebhook | Scene::StandardWebhook => {
                let stored = self.world.events(self.reported()).await;
                if stored != 1 {
                    self.breaks(format!("{stored} events are stored of one change"));
                }
            }
            Scene::Delivery => self.check_delivery().await,
            Scene::Item
            | Scene::Stock
            | Scene::Deals
            | Scene::DeadToken
            | Scene::PassedRead
            | Scene::Renewal
            | Scene::Consent => {}
        }
        // Whatever befell tokens: there is a good one.
        let read = self.read_an_item().await;
        if !read.good {
            self.breaks(format!("in the end, a read says {}", read.text));
        }
    }
}
