//! A run of the agent: it claims, works, dies, and acknowledges.

use std::collections::HashSet;
use std::time::Duration;

use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::events::ledger::{AckResult, ClaimTarget, Claimed, Ending, Entry};
use tokio::time::sleep;

use super::stage::Stage;

const KEY: &str = "agents-key";

impl Stage {
    /// What a claim gave must be free, and nothing before it of the same record undone.
    fn check_claim(&self, claim: &str, until: Timestamp, entries: &[Entry]) {
        let now = self.world.now();
        let mut seen = self.seen.lock().unwrap();
        seen.claims += entries.len();
        let ids: HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        for entry in entries {
            if let Some((other, end)) = seen.held.get(&entry.id)
                && *end > now
            {
                self.broken(format!("{} is claimed by {claim} and by {other}", entry.id));
            }
            let subject = entry.subject.clone().unwrap();
            for earlier in seen.stored[&subject].range(..entry.id.clone()) {
                if !ids.contains(earlier.as_str()) && !seen.done.contains_key(earlier) {
                    self.broken(format!("{} of {subject} comes before {earlier}", entry.id));
                }
            }
        }
        let subjects: HashSet<&str> = entries.iter().filter_map(|entry| entry.subject.as_deref()).collect();
        for subject in subjects {
            for (id, (other, end)) in &seen.held {
                let is_live = *end > now && !seen.done.contains_key(id);
                if is_live && !ids.contains(id.as_str()) && seen.stored[subject].contains(id) {
                    self.broken(format!("{subject} is claimed by {claim} while {other} has {id}"));
                }
            }
        }
        for id in ids {
            seen.held.insert(id.to_owned(), (claim.to_owned(), until));
        }
    }

    /// A run of the agent: claims what it was told of, works, acknowledges; or dies.
    pub(super) async fn work(self, wanted: Option<String>) {
        let (world, ledger) = (self.world.clone(), self.ledger());
        let (name, random) = (ConnectionName::default(), &world.random);
        let (diligent, mut has_claimed) = (self.diligent, false);
        sleep(random.seconds(0, if diligent { 3 } else { 60 })).await;
        for _ in 0..20 {
            if !diligent && random.chance(60) {
                return;
            }
            let limit = if diligent { 50 } else { usize::try_from(random.between(1, 50)).unwrap() };
            let which = wanted.as_deref().map_or(ClaimTarget::Oldest, ClaimTarget::Batch);
            let Ok(taken) = ledger.claim(&name, which, limit, 300, KEY).await else { continue };
            let Claimed::Taken { claim: Some(claim), entries, more } = taken else {
                if !has_claimed {
                    self.seen.lock().unwrap().wasted.extend(wanted);
                }
                return;
            };
            has_claimed = true;
            self.check_claim(&claim.id, claim.until, &entries);
            if diligent {
                sleep(Duration::from_secs(25)).await;
            } else {
                // Some work longer than their claim lasts.
                sleep(random.seconds(0, if random.chance(100) { 600 } else { 120 })).await;
                if random.chance(80) {
                    return;
                }
            }
            let ids: Vec<String> = entries.into_iter().map(|entry| entry.id).collect();
            let late = claim.until <= world.now();
            let ending = if !diligent && random.chance(100) { Ending::Retry } else { Ending::Done };
            {
                // Before the call: it may be done, or free for others, although its answer is lost or late.
                let mut seen = self.seen.lock().unwrap();
                if ending == Ending::Done {
                    ids.iter().for_each(|id| *seen.done.entry(id.clone()).or_default() += 1);
                } else {
                    seen.held.retain(|id, held| !(ids.contains(id) && held.0 == claim.id));
                }
            }
            let let_go = || {
                let mut seen = self.seen.lock().unwrap();
                let own = |held: &(String, Timestamp)| held.0 == claim.id;
                seen.held.retain(|id, held| !(ids.contains(id) && own(held)));
            };
            if ending == Ending::Retry {
                // Likewise: somebody else may take it before the answer is here.
                let_go();
            }
            match ledger.ack(&name, &ids, ending, None, KEY, Some(&claim.id)).await {
                Ok(AckResult::Written(_)) | Err(_) => {
                    let_go();
                    self.seen.lock().unwrap().acks.push(world.at());
                }
                Ok(AckResult::NotClaimed(_)) if late => {
                    // Somebody else has it since: it is theirs to end.
                    let mut seen = self.seen.lock().unwrap();
                    for id in ids.iter().filter(|_| ending == Ending::Done) {
                        if let Some(by) = seen.done.get_mut(id) {
                            *by -= 1;
                        }
                    }
                    seen.done.retain(|_, by| *by > 0);
                }
                Ok(other) => self.broken(format!("a good acknowledgement was answered {other:?}")),
            }
            if !more {
                return;
            }
        }
    }
}
