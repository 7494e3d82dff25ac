//! How an agent asks, and what it reads.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::Value;
use shared::base::problem::Code;
use tokio::time::timeout;

use super::{LONGEST_ANSWER, Play, Seen};
use crate::faults::world::Served;
use crate::in_process::ask;

const ITEM: &str = "/v1/inventory/items/3300000000070001";
const STOCK: &str = "/v1/inventory/items?location=Outlet&search=SHELF-OAK-80";
const DEALS: &str = "/v1/crm/deals?per_page=1";
const PASSED: &str = "/v1/zoho/inventory/items/3300000000070001";

impl Play {
    pub(super) async fn read_an_item(&self) -> Seen {
        self.ask("GET", ITEM, None, None).await
    }

    pub(super) async fn read_deals(&self) -> Seen {
        self.ask("GET", DEALS, None, None).await
    }

    pub(super) async fn read_stock(&self) -> Seen {
        let seen = self.ask("GET", STOCK, None, None).await;
        if seen.good && !seen.body.contains("\"Outlet\"") {
            self.breaks(format!("told as all that there is: {}", seen.body));
        }
        seen
    }

    /// What is passed through stands as it came, be it an item or none: who gets none asks again. Half of one is no answer.
    pub(super) async fn pass_a_read(&self) -> Seen {
        let seen = self.ask("GET", PASSED, None, None).await;
        if !seen.good || seen.body.contains("\"SHELF-OAK-80\"") {
            return seen;
        }
        if seen.body.starts_with('{') {
            self.breaks(format!("passed on as an item: {}", seen.body));
        }
        Seen::bad("what Zoho sent", true, seen.body)
    }

    /// Sends a request with the agent's key.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Seen {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.world.key.expose()));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = match body {
            None => Body::empty(),
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        let Some((status, body)) = self.answer(self.world.api(), request.body(body).unwrap()).await else {
            return Seen::nothing();
        };
        if (200..300).contains(&status) {
            return Seen::good(body);
        }
        self.problem(status, body)
    }

    /// A problem must be one of those that are documented, and none that nobody foresaw.
    pub(super) fn problem(&self, status: u16, body: String) -> Seen {
        let problem: Value = serde_json::from_str(&body).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or_default().to_owned();
        let known = Code::ALL.iter().find(|known| known.as_str() == code);
        match known {
            Some(known) if known.as_str() != "internal_error" && known.status().as_u16() == status => {}
            _ => self.breaks(format!("{status} is no documented problem: {body}")),
        }
        Seen::bad(&code, problem["retryable"] == true, body)
    }

    pub(super) async fn answer(&self, served: Served, request: Request<Body>) -> Option<(u16, String)> {
        let answering = async {
            let told = ask(&served.router, request).await;
            (told.status.as_u16(), told.text().into_owned())
        };
        timeout(LONGEST_ANSWER, self.world.calls.live(served.process, answering)).await.ok()
    }
}
