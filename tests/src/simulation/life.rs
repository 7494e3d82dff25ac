//! Some hours of an installation in which everything happens that can happen, at random times.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{join, join_all};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::history::{End, What, Who};
use super::people::{Mind, Proxy, bring_code, consent, disconnect, name, set_client, tick};
use super::trouble::{StoreMood, Trouble, ZohoMood};
use super::world::World;

const TICK: Duration = Duration::from_secs(300);

/// What a seed is about.
#[derive(Debug, Clone, Copy)]
struct Plot {
    connections: u64,
    users: u64,
    /// Of the first user.
    organizations: u64,
    length: Duration,
    /// Callers that find their token dead again and again.
    storm: bool,
    /// Many who get in each other's way.
    crowd: bool,
    zoho: [ZohoMood; 2],
    stores: [StoreMood; 2],
    late: bool,
    crashes: u64,
    lost: u64,
}

impl Plot {
    fn of(world: &World) -> Self {
        let random = &world.random;
        let zoho = [ZohoMood::Good, ZohoMood::Throttling, ZohoMood::Slow, ZohoMood::Down, ZohoMood::Odd];
        // Versions of a secret are counted by the day, so that only hours without end reach their number.
        let storm = random.chance(60);
        let length = if storm { random.seconds(3600, 12_000) } else { random.seconds(1200, 6000) };
        let stores = [
            StoreMood::Good,
            StoreMood::Good,
            StoreMood::Flaky,
            StoreMood::Slow,
            StoreMood::Throttled,
            StoreMood::Cold,
        ];
        Self {
            connections: random.between(1, 3),
            users: random.between(1, 2),
            organizations: random.pick(&[1, 1, 2]),
            length,
            storm,
            crowd: random.chance(400),
            zoho: [random.pick(&zoho), random.pick(&zoho)],
            stores: [random.pick(&stores), random.pick(&stores)],
            late: random.chance(300),
            crashes: random.pick(&[0, 0, 100, 400]),
            lost: random.pick(&[0, 50, 200]),
        }
    }

    fn connection(&self, world: &World) -> usize {
        usize::try_from(world.random.between(1, self.connections)).unwrap()
    }

    fn user(&self, world: &World) -> usize {
        usize::try_from(world.random.between(1, self.users)).unwrap() - 1
    }
}

/// The installation is set up, lives, and is left alone. Says how many connections there were.
pub async fn live(world: &Arc<World>) -> usize {
    let plot = Plot::of(world);
    world.note(Who::Stage, What::Note { text: format!("{plot:?}") });
    for user in 0..plot.users {
        let organizations = if user == 0 { plot.organizations } else { 1 };
        world.zoho().add_user(usize::try_from(organizations).unwrap());
    }
    assert!(set_client(world).await, "nothing is wrong yet");
    for connection in 1..=usize::try_from(plot.connections).unwrap() {
        assert!(consent(world, plot.user(world), connection).await, "nothing is wrong yet");
    }
    let end = Instant::now() + plot.length;
    let mut acting = JoinSet::new();
    let begun = |world: &Arc<World>| (world.clone(), plot, end);
    acting.spawn(schedule(begun(world)));
    acting.spawn(callers(begun(world)));
    acting.spawn(people(begun(world)));
    acting.spawn(operator(begun(world)));
    acting.spawn(collisions(begun(world)));
    acting.spawn(mishaps(begun(world)));
    acting.spawn(moods(begun(world)));
    while let Some(done) = acting.join_next().await {
        done.unwrap();
    }
    usize::try_from(plot.connections).unwrap()
}

/// Some hours in which Zoho forgets every token within a minute, and a person consents again and again: enough to fill the
/// versions of a day.
pub async fn wear_out(world: &Arc<World>) {
    world.zoho().add_user(1);
    assert!(set_client(world).await && consent(world, 0, 1).await, "nothing is wrong yet");
    for minute in 0..300 {
        sleep(Duration::from_secs(60)).await;
        world.zoho().evict_tokens("c1");
        drop(Proxy::start(world).read(1).await);
        if minute % 7 == 0 {
            consent(world, 0, 1).await;
        }
    }
}

type Begun = (Arc<World>, Plot, Instant);

/// Waits, or says that the time is over.
async fn pause(world: &World, end: Instant, low: u64, high: u64) -> bool {
    let until = Instant::now() + world.random.seconds(low, high);
    sleep_until(until.min(end)).await;
    until < end
}

async fn schedule((world, _, end): Begun) {
    while Instant::now() + TICK < end {
        sleep(TICK).await;
        // EventBridge may leave one out, or deliver it twice.
        let times = if world.random.chance(50) { 0 } else { 1 + u64::from(world.random.chance(30)) };
        (0..times).for_each(|_| tick(&world));
    }
}

async fn callers((world, plot, end): Begun) {
    let warm: Vec<_> = (0..3).map(|_| Proxy::start(&world)).collect();
    let (low, high) = if plot.storm { (5, 90) } else { (5, 1200) };
    while pause(&world, end, low, high).await {
        let connection = plot.connection(&world);
        if world.random.chance(if plot.storm { 900 } else { 150 }) {
            world.zoho().evict_tokens(name(connection).as_str());
            world.note(Who::Zoho, What::Note { text: format!("forgets the tokens of c{connection}") });
        }
        let together = if plot.storm { 1 } else { world.random.pick(&[1, 1, 2, 3, 6]) };
        let reads = (0..together).map(|_| {
            let cold = world.random.chance(500);
            let proxy = if cold {
                Proxy::start(&world)
            } else {
                world.random.pick(&[0, 1, 2].map(|i| &warm[i])).clone()
            };
            async move { proxy.read(connection).await }
        });
        drop(join_all(reads.collect::<Vec<_>>()).await);
    }
}

async fn people((world, plot, end): Begun) {
    while pause(&world, end, 60, 3600).await {
        let (connection, user) = (plot.connection(&world), plot.user(&world));
        let offline = !world.random.chance(100);
        let at = world.at();
        let code = world.zoho().consent(user, name(connection).as_str(), offline, at);
        let mind = world.random.pick(&[Mind::Quick, Mind::Quick, Mind::Slow, Mind::Twice, Mind::Gone]);
        match world.random.between(0, 9) {
            // Too late, or nearly.
            0 => {
                sleep(world.random.seconds(40, 70)).await;
                bring_code(&world, connection, &code, mind).await;
            }
            // The same code twice.
            1 => {
                let again = async {
                    sleep(world.random.milliseconds(0, 2000)).await;
                    bring_code(&world, connection, &code, mind).await
                };
                join(bring_code(&world, connection, &code, mind), again).await;
            }
            // Two people at once.
            2 | 3 => {
                let other = async {
                    sleep(world.random.milliseconds(0, 3000)).await;
                    consent(&world, plot.user(&world), connection).await
                };
                join(bring_code(&world, connection, &code, mind), other).await;
            }
            _ => drop(bring_code(&world, connection, &code, mind).await),
        }
    }
}

async fn operator((world, plot, end): Begun) {
    while pause(&world, end, 300, 7200).await {
        if world.random.chance(600) {
            let connection = plot.connection(&world);
            disconnect(&world, connection).await;
            if world.random.chance(700) {
                sleep(world.random.seconds(0, 300)).await;
                consent(&world, plot.user(&world), connection).await;
            }
        } else {
            world.zoho().change_secret();
            world
                .note(Who::Operator, What::Note { text: "the client has another secret at Zoho".to_owned() });
            sleep(world.random.seconds(60, 2400)).await;
            set_client(&world).await;
        }
    }
}

/// Several who work on one connection within seconds of each other.
async fn collisions((world, plot, end): Begun) {
    let (low, high) = if plot.crowd { (20, 400) } else { (600, 7200) };
    while pause(&world, end, low, high).await {
        let connection = plot.connection(&world);
        if world.random.chance(500) {
            world.zoho().evict_tokens(name(connection).as_str());
        }
        let each = (0..world.random.between(2, 4)).map(|_| {
            let (deed, when) = (world.random.between(0, 9), world.random.milliseconds(0, 20_000));
            let (user, world) = (plot.user(&world), world.clone());
            async move {
                sleep(when).await;
                match deed {
                    0..=2 => tick(&world),
                    3..=5 => drop(Proxy::start(&world).read(connection).await),
                    6..=7 => drop(consent(&world, user, connection).await),
                    _ => drop(disconnect(&world, connection).await),
                }
            }
        });
        join_all(each.collect::<Vec<_>>()).await;
    }
}

async fn mishaps((world, plot, end): Begun) {
    while pause(&world, end, 300, 5400).await {
        let connection = plot.connection(&world);
        match world.random.between(0, 2) {
            0 => {
                let mut mine =
                    world.zoho().living().into_iter().filter(|(_, of)| *of == name(connection).as_str());
                let newest = mine.next_back();
                if let Some((grant, _)) = newest {
                    world.zoho().end(&*world, Who::Person, &grant, End::ByUser);
                }
            }
            // The user consents for other apps of the same client.
            1 => {
                let user = plot.user(&world);
                for _ in 0..world.random.between(1, 20) {
                    world.zoho().grant(&*world, Who::Zoho, user, "");
                }
            }
            _ => world.zoho().evict_tokens(name(connection).as_str()),
        }
    }
}

async fn moods((world, plot, end): Begun) {
    while pause(&world, end, 30, 1800).await {
        let trouble = Trouble {
            zoho: world.random.pick(&plot.zoho),
            stores: world.random.pick(&plot.stores),
            late: plot.late,
            crashes: plot.crashes,
            lost: plot.lost,
        };
        world.set_trouble(trouble);
        let more = pause(&world, end, 60, 1800).await;
        world.set_trouble(Trouble::default());
        if !more {
            return;
        }
    }
}
