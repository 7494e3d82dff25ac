//! What an agent writes. Zoho must have it once.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::{Play, Seen};
use crate::faults::scenes::Scene;

const REFERENCE: &str = "MATRIX-1";
const NOTE: &str = "Wants oak, not pine. MATRIX-1";
const OAK: &str = "3300000000070001";
const MAIN: &str = "3300000000038080";
const OUTLET: &str = "3300000000038095";

/// How many of these have this reference.
fn referring(records: &[Value]) -> usize {
    records.iter().filter(|record| record["reference_number"] == REFERENCE).count()
}

impl Play {
    /// How many records of the scene's kind Zoho has: of adjustments and transfers, all.
    pub(super) fn made(&self) -> usize {
        let sandbox = &self.world.outside.sandbox;
        match self.scene {
            Scene::Order | Scene::PassedWrite => referring(&sandbox.salesorders()),
            Scene::Note => sandbox.notes().iter().filter(|note| note["Note_Content"] == NOTE).count(),
            Scene::Adjustment | Scene::Comparison | Scene::Application => sandbox.adjustments().len(),
            Scene::Transfer => sandbox.transfer_orders().len(),
            _ => 0,
        }
    }

    /// How many it has since all stood ready.
    pub(super) fn made_since(&self) -> usize {
        self.made() - self.before.load(Ordering::SeqCst)
    }

    fn wanted(&self) -> (&'static str, Value) {
        match self.scene {
            Scene::Note => (
                "/v1/crm/deals/6100000000451001/notes",
                json!({ "Note_Title": "Call", "Note_Content": NOTE }),
            ),
            Scene::Adjustment => (
                "/v1/inventory/adjustments",
                json!({ "item_id": OAK, "location": "Main", "reason": "Damaged goods", "delta": -1 }),
            ),
            Scene::Transfer => (
                "/v1/inventory/transferorders",
                json!({ "from": "Main", "to": "Outlet", "lines": [{ "item_id": OAK, "quantity": 1 }] }),
            ),
            Scene::PassedWrite => (
                "/v1/zoho/inventory/salesorders",
                json!({
                    "customer_id": "3300000000060210",
                    "line_items": [{ "item_id": "3300000000070002", "quantity": 1 }],
                    "reference_number": REFERENCE,
                }),
            ),
            _ => (
                "/v1/inventory/salesorders",
                json!({
                    "customer": "Harbor Interiors GmbH",
                    "line_items": [{ "sku": "BRKT-STD", "quantity": 1 }],
                    "reference_number": REFERENCE,
                }),
            ),
        }
    }

    /// As an agent does that has read the hint of `write_uncertain`: the same request again looks for the record, and a new one is sent
    /// only after somebody has seen that Zoho has none. Of what is passed through, only the agent can look.
    pub(super) async fn write(&self) -> Seen {
        let (path, body) = self.wanted();
        let key = format!("matrix-{}", self.keys.load(Ordering::SeqCst));
        let seen = self.ask("POST", path, Some(&key), Some(&body)).await;
        let made = self.made_since();
        if seen.good && made == 0 {
            self.breaks("told as done, and Zoho has no such record");
        }
        if seen.text == "write_uncertain" {
            let is_second = self.is_uncertain.swap(true, Ordering::SeqCst);
            if is_second && made == 0 {
                self.keys.fetch_add(1, Ordering::SeqCst);
                self.is_uncertain.store(false, Ordering::SeqCst);
            }
            if is_second && made > 0 && self.scene == Scene::PassedWrite {
                return Seen { good: true, ..seen };
            }
        } else if !seen.good && !seen.is_retryable && made > 0 {
            self.breaks(format!("told as refused ({}), and Zoho has the record", seen.text));
        }
        seen
    }

    pub(super) fn check_that_it_is_made_once(&self) {
        let made = self.made_since();
        if made != 1 {
            self.breaks(format!("Zoho has {made} of one record"));
        }
    }

    /// Whether stock is what it is once the scene went well.
    pub(super) fn is_moved(&self) -> bool {
        let sandbox = &self.world.outside.sandbox;
        let at = |place| sandbox.stock_at(OAK, place).and_then(|text| text.parse::<f64>().ok());
        // From 30 and 12.
        let wanted = match self.scene {
            Scene::Adjustment => (29.0, 12.0),
            Scene::Transfer => (29.0, 13.0),
            Scene::Application => (29.0, 11.0),
            _ => (30.0, 12.0),
        };
        (at(MAIN), at(OUTLET)) == (Some(wanted.0), Some(wanted.1))
    }

    pub(super) fn check_stock(&self) {
        if !self.is_moved() {
            let stock = self.world.outside.sandbox.stock(OAK);
            self.breaks(format!("the stock is not what it should be: {stock:?}"));
        }
    }
}
