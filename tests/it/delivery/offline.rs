//! Days without a gateway: nothing is lost, nothing is worked on twice, and all of it in order.

use std::collections::HashMap;

use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::core::events::agent_hook::ALL_TYPES;
use tests::gateway::Mood;
use tests::simulation::random::Random;

use super::{Scene, ids};

/// Thirteen days: the gateway is away, in every way, while events come and somebody pulls now and then. Then it is back.
#[tokio::test(flavor = "multi_thread")]
async fn thirteen_days_offline_lose_nothing() {
    let random = Random::new(13);
    let mut scene = Scene::with_hook(ALL_TYPES).await;
    let mut order = HashMap::<String, Vec<String>>::new();
    let mut watch = Watch::default();
    scene.gateway.stop().await;
    for step in 0..13_u32 * 24 * 12 {
        match random.between(0, 400) {
            0 => scene.gateway.stop().await,
            1 => {
                scene.gateway.boot().await;
                scene.gateway.set(random.pick(&[
                    Mood::Says(503, Some(30)),
                    Mood::Says(409, None),
                    Mood::Says(429, Some(600)),
                    Mood::Says(502, None),
                    Mood::Resets,
                ]));
            }
            _ => {}
        }
        while random.chance(480) {
            let subject = format!("item/{}", random.between(1, 150));
            let id = scene.item(&subject).await;
            order.entry(subject).or_default().push(id);
        }
        scene.after(300).await;
        if step % 500 == 250 {
            // Somebody else who pulls: half of what they take is left lying.
            let claimed = scene.claim(json!({ "limit": 20, "seconds": 900 })).await;
            watch.claimed(&scene, &claimed);
            let taken = ids(&claimed);
            let (done, _left) = taken.split_at(taken.len() / 2);
            let done: Vec<&str> = done.iter().map(String::as_str).collect();
            if !done.is_empty() {
                scene.ack(&done, "done").await;
                watch.done(&done);
            }
        }
    }
    let all: usize = order.values().map(Vec::len).sum();
    assert!(all > 3000, "{all}");
    assert!(scene.gateway.runs().is_empty(), "nothing was admitted yet");

    scene.gateway.boot().await;
    scene.gateway.set(Mood::Admits);
    let mut minutes = 0;
    let mut seen = 0;
    let mut begun = Vec::new();
    while watch.done.len() < all {
        scene.after(60).await;
        minutes += 1;
        assert!(minutes < 3 * 24 * 60, "{} of {all} after three days", watch.done.len());
        let runs = scene.gateway.runs();
        for run in &runs[seen..] {
            assert!(run.body.len() < 8 * 1024, "{}", run.body.len());
            if watch.work(&scene, &random, &run.key).await {
                begun.push(minutes);
            }
        }
        seen = runs.len();
        if random.chance(50) {
            scene.gateway.boot().await;
        }
    }
    for (index, first) in begun.iter().enumerate() {
        assert!(
            begun[index..].iter().filter(|at| **at < first + 59).count() <= 12,
            "more than 12 turns an hour"
        );
    }
    watch.check_order(&order);
    for id in order.values().flatten().step_by(50) {
        assert_eq!(scene.state(id).await, "done");
    }
    println!(
        "{all} events of {} records; {} requests, {} turns after the return, {} claimed of {} in {minutes} minutes",
        order.len(),
        scene.gateway.requests().len(),
        begun.len(),
        watch.claims,
        all,
    );
}

/// What claims give and who is done with what.
#[derive(Default)]
struct Watch {
    held: HashMap<String, Timestamp>,
    done: Vec<String>,
    claims: usize,
}

impl Watch {
    fn claimed(&mut self, scene: &Scene, claimed: &Value) {
        let until: Option<Timestamp> = claimed["until"].as_str().map(|text| text.parse().unwrap());
        for id in ids(claimed) {
            assert!(!self.done.contains(&id), "{id} was done already");
            let before = self.held.insert(id.clone(), until.unwrap());
            assert!(before.is_none_or(|end| end <= scene.now()), "{id} is claimed twice");
            self.claims += 1;
        }
    }

    fn done(&mut self, ids: &[&str]) {
        for id in ids {
            self.held.remove(*id);
            self.done.push((*id).to_owned());
        }
    }

    /// A run: claims until there is no more, and sometimes dies. Says whether its turn counts: one that others were faster than got
    /// nothing.
    async fn work(&mut self, scene: &Scene, random: &Random, delivery: &str) -> bool {
        let mut had_some = false;
        loop {
            if random.chance(30) {
                return true;
            }
            let (status, claimed) =
                scene.post("/v1/events/claim", json!({ "delivery": delivery, "seconds": 300 })).await;
            if status != 200 {
                assert_eq!(claimed["code"], "events_claimed", "{claimed}");
                return had_some;
            }
            had_some = true;
            self.claimed(scene, &claimed);
            if random.chance(30) {
                return true;
            }
            let taken = ids(&claimed);
            let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
            scene.ack(&taken, "done").await;
            self.done(&taken);
            if claimed["more"] == json!(false) {
                return true;
            }
        }
    }

    /// What was done was done in the order in which it came, record by record.
    fn check_order(&self, order: &HashMap<String, Vec<String>>) {
        let place: HashMap<&str, usize> =
            self.done.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
        assert_eq!(place.len(), self.done.len(), "each once");
        for (subject, ids) in order {
            let places: Vec<usize> = ids.iter().map(|id| place[id.as_str()]).collect();
            assert!(places.is_sorted(), "{subject}: {places:?}");
        }
    }
}
