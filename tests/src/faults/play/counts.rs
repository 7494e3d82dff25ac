//! A stock count: compared with what Zoho says, and applied.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Play, Seen};

const COUNTS: &str = "/v1/inventory/reconciliations";

/// So often an agent follows `next` before it asks anew.
const FOLLOWS: usize = 20;

/// And waits for this long at most.
const LONGEST_WAIT: u64 = 60;

fn parsed(seen: &Seen) -> Value {
    serde_json::from_str(&seen.body).unwrap_or_default()
}

impl Play {
    /// Goes on for as long as there is more to do.
    async fn follow(&self, mut seen: Seen) -> Seen {
        for _ in 0..FOLLOWS {
            let answer = parsed(&seen);
            let Some(next) = answer["next"].as_str().filter(|_| seen.good) else { return seen };
            let wait = answer["retry_after"].as_u64().unwrap_or_default().min(LONGEST_WAIT);
            sleep(Duration::from_secs(wait)).await;
            seen = self.ask("POST", next, None, None).await;
        }
        Seen::bad("still at it", true, seen.body)
    }

    /// The same request with the same key goes on with what the first one made.
    pub(super) async fn compare(&self) -> Seen {
        let key = format!("matrix-{}", self.keys.load(Ordering::SeqCst));
        let body = json!({
            "location": "Main",
            "reason": "Stock Written off",
            "counts": [
                { "sku": "SHELF-OAK-80", "quantity": 29 },
                { "sku": "SHELF-OAK-80", "location": "Outlet", "quantity": 11 },
            ],
        });
        let seen = self.ask("POST", COUNTS, Some(&key), Some(&body)).await;
        let seen = self.follow(seen).await;
        let told = parsed(&seen);
        let found = told["summary"]["drifted"].as_u64().unwrap_or_default()
            + told["summary"]["matched"].as_u64().unwrap_or_default();
        if seen.good && found != 2 {
            self.breaks(format!("told as compared: {}", seen.body));
        }
        seen
    }

    /// Nothing was written, and there is one comparison.
    pub(super) async fn check_comparison(&self) {
        if self.made_since() > 0 {
            self.breaks("a comparison has adjusted stock");
        }
        let listed = self.ask("GET", COUNTS, None, None).await;
        let made = parsed(&listed)["data"].as_array().map_or(0, Vec::len);
        if made != 1 {
            self.breaks(format!("{made} comparisons were made of one request"));
        }
    }

    /// There are counts to be applied.
    pub(super) async fn have_counts_compared(&self) {
        let compared = self.compared().await;
        assert!(compared.is_ok(), "{compared:?}");
    }

    /// The id of the comparison with the present key.
    async fn compared(&self) -> Result<String, Seen> {
        let key = self.keys.load(Ordering::SeqCst);
        let known = self.compared.lock().unwrap().clone();
        if let Some((_, id)) = known.filter(|(of, _)| *of == key) {
            return Ok(id);
        }
        let seen = self.compare().await;
        let id = parsed(&seen)["id"].as_str().map(str::to_owned);
        let Some(id) = id.filter(|_| seen.good) else { return Err(seen) };
        *self.compared.lock().unwrap() = Some((key, id.clone()));
        Ok(id)
    }

    /// As an agent does that reads what is told of each row: what is uncertain is looked for once more, and then counted again.
    pub(super) async fn apply(&self) -> Seen {
        let id = match self.compared().await {
            Ok(id) => id,
            Err(seen) => return seen,
        };
        let path = format!("{COUNTS}/{id}/apply");
        let seen = self.ask("POST", &path, None, Some(&json!({ "rows": "all" }))).await;
        let seen = self.follow(seen).await;
        if !seen.good {
            return seen;
        }
        let told = parsed(&seen);
        let count = |ending: &str| told["summary"]["applied"][ending].as_u64().unwrap_or_default();
        let anew = || {
            self.keys.fetch_add(1, Ordering::SeqCst);
            self.is_uncertain.store(false, Ordering::SeqCst);
        };
        if count("uncertain") > 0 {
            if self.is_uncertain.swap(true, Ordering::SeqCst) {
                anew();
            }
            return Seen::bad("uncertain", true, seen.body);
        }
        if count("refused") + count("changed") + count("pending") > 0 {
            anew();
            return Seen::bad("not all", true, seen.body);
        }
        if !self.is_moved() {
            self.breaks("told as applied, and Zoho's stock is not as counted");
        }
        seen
    }
}
