//! Zoho's quotas, shared by all processes of an installation. A row for each organisation of Inventory counts its calls
//! (`window`). A call that cannot succeed is refused here, with the time at which it can.
//!
//! While less than half of the minute's calls are used and no daily limit is set, a process leases five slots at once, as early as
//! when it starts, and uses them without asking the store again; with the last one, beside the call to Zoho, it leases ten ahead, or
//! up to twenty where it uses as many at its pace. Otherwise each call takes one slot. If the store is down, calls are sent without
//! a slot: at worst Zoho refuses them.

mod account;
mod caller;
mod credits;
#[cfg(test)]
mod slot_tests;
mod store_call;
#[cfg(test)]
mod tests;
mod window;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

pub use account::Slot;
pub use caller::Caller;
pub use credits::{Credits, Remaining};
pub use window::Priority;

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, later, seconds_until};
use crate::base::problem::{Code, Problem};
use crate::base::settings::InventoryLimits;
use crate::core::connection::access_token::AccessToken;
use crate::store::{Key, StoreError, Table};
use crate::zoho::data_centre::DataCentre;
use crate::zoho::failure::{Failure, FailureKind};
use crate::zoho::http::Answer;

use account::{Account, Refusal};
use store_call::timestamp;
use window::{Blocked, Why, Window};

/// The calls to Inventory of all organisations, as one process sees them.
pub struct Quotas {
    state: Arc<dyn Table>,
    clock: SharedClock,
    limits: InventoryLimits,
    accounts: Mutex<HashMap<DataCentre, HashMap<String, Arc<Account>>>>,
    credits: Credits,
}

/// The rest of an organisation's calls of the current minute.
#[derive(Debug, Clone, Serialize)]
pub struct Left {
    /// Zoho's limit.
    pub limit_per_minute: u32,
    /// Calls that count now: those made, and slots that processes hold.
    pub used: u32,
    /// Calls that can still be made, without the places that are kept for refused callers.
    pub left: u32,
    /// When all calls are free again.
    pub resets_at: Timestamp,
    /// Until when Zoho itself refuses all calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_until: Option<Timestamp>,
}

impl Quotas {
    /// The rows are in this table.
    pub fn new(state: Arc<dyn Table>, clock: SharedClock, limits: InventoryLimits) -> Self {
        let credits = Credits::new(state.clone(), clock.clone());
        Self { state, clock, limits, accounts: Mutex::default(), credits }
    }

    /// The credits of CRM, which has no limit per minute.
    pub fn credits(&self) -> &Credits {
        &self.credits
    }

    /// Takes a slot for one call to Inventory. The caller holds it until the answer has arrived.
    ///
    /// # Errors
    /// Where no call can succeed now. The problem says when one can.
    pub async fn take(&self, token: &AccessToken, caller: Caller<'_>) -> Result<Slot, Problem> {
        self.account(token).take(caller).await.map_err(|refusal| self.refused(refusal))
    }

    /// A lease of slots for the next calls, beside a call that an agent waits for, where this process has none left.
    pub(crate) fn lease_ahead(
        &self,
        token: &AccessToken,
    ) -> Option<impl Future<Output = ()> + Send + 'static + use<>> {
        let account = self.account(token);
        account.wanted_ahead().map(|_| async move { account.lease_ahead().await })
    }

    /// Leases slots ahead of the first calls of a process, so that these need not wait for the store.
    pub async fn begin(&self, token: &AccessToken) {
        if token.organization.is_some() && !self.limits.is_off() {
            self.account(token).begin().await;
        }
    }

    /// Remembers for all processes that Zoho refused a call because there were too many.
    pub async fn heed(&self, token: &AccessToken, failure: &Failure) {
        let Some(seconds) = failure.seconds() else { return };
        let daily = failure.kind == FailureKind::DailyLimit;
        if !daily && failure.kind != FailureKind::RateLimited || self.limits.is_off() {
            return;
        }
        let wait = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        let until = later(self.clock.now(), wait).as_millisecond();
        self.account(token).block(Blocked { until, daily }).await;
    }

    /// Stores the rest of CRM's credits, where an answer names it.
    pub async fn learn(&self, token: &AccessToken, answer: &Answer) {
        if let Some(left) = answer.credits {
            let organization = token.crm_organization.as_ref().map_or("-", |found| found.id.as_str());
            self.credits.learn(token.data_centre, organization, left).await;
        }
    }

    /// The rest of the minute, as this process knows it.
    pub fn known(&self, token: &AccessToken) -> Option<Left> {
        self.limits.per_minute?;
        self.account(token).look(|window| self.left(window))
    }

    /// The rest of the minute, as it is stored.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn stored(
        &self,
        data_centre: DataCentre,
        organization: &str,
    ) -> Result<Option<Left>, StoreError> {
        let row = self.state.get(&key(data_centre, organization)).await?;
        let window = row.map(|row| row.read::<Window>()).transpose()?.unwrap_or_default();
        Ok(self.left(&window))
    }

    /// The calls of this UTC day that are counted, as it is stored: with the slots that processes leased together and did not use.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn today(&self, data_centre: DataCentre, organization: &str) -> Result<u32, StoreError> {
        let row = self.state.get(&key(data_centre, organization)).await?;
        let window = row.map(|row| row.read::<Window>()).transpose()?.unwrap_or_default();
        Ok(window.today(self.clock.now().as_millisecond()))
    }

    fn left(&self, window: &Window) -> Option<Left> {
        let limit_per_minute = self.limits.per_minute?;
        let now = self.clock.now().as_millisecond();
        let (used, blocked) = (window.used(now), window.blocked(now));
        let left = if blocked.is_some() { 0 } else { window.left(now, limit_per_minute) };
        let resets = window.free_at(now).max(blocked.map_or(now, |blocked| blocked.until));
        Some(Left {
            limit_per_minute,
            used,
            left,
            resets_at: timestamp(resets),
            blocked_until: blocked.map(|blocked| timestamp(blocked.until)),
        })
    }

    fn account(&self, token: &AccessToken) -> Arc<Account> {
        let organization = token.organization.as_ref().map_or("-", |found| found.id.as_str());
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts = accounts.entry(token.data_centre).or_default();
        if let Some(known) = accounts.get(organization) {
            return known.clone();
        }
        let key = key(token.data_centre, organization);
        let new = Arc::new(Account::new(self.state.clone(), self.clock.clone(), self.limits, key));
        accounts.insert(organization.to_owned(), new.clone());
        new
    }

    fn refused(&self, refusal: Refusal) -> Problem {
        let now = self.clock.now();
        let (code, detail) = match refusal.why {
            Some(Why::Minute) => (
                Code::ZohoRateLimited,
                "The organisation's calls to Zoho Inventory of this minute are used up, so this one was not made.",
            ),
            Some(Why::ZohoMinute) => (
                Code::ZohoRateLimited,
                "Zoho has just refused a call because the organisation made too many, so this one was not made. Others use its quota, too.",
            ),
            Some(Why::Day) => (
                Code::ZohoDailyLimit,
                "The calls to Zoho Inventory that the operator set for a day are used up.",
            ),
            Some(Why::ZohoDay) => (
                Code::ZohoDailyLimit,
                "Zoho says that the organisation has used up its calls of the day, so this one was not made.",
            ),
            None => (
                Code::ZohoRateLimited,
                "So many calls to Zoho Inventory are under way that this one could not be made in time.",
            ),
        };
        Problem::new(code, detail).retry_after(seconds_until(timestamp(refusal.back), now))
    }
}

impl Left {
    /// Seconds until all calls are free again.
    pub fn resets_in(&self, now: Timestamp) -> u64 {
        if self.resets_at <= now { 0 } else { seconds_until(self.resets_at, now) }
    }
}

/// The row that counts an organisation's calls.
fn key(data_centre: DataCentre, organization: &str) -> Key {
    Key::new(format!("quota#{data_centre}/{organization}"), "inventory")
}
