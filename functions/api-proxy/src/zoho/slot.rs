//! Leave to call Zoho: a slot of the organisation's quota. What Zoho says of its limits is remembered for all processes.

use shared::base::problem::Problem;
use shared::core::connection::access_token::AccessToken;
use shared::core::quota::{self, Priority, Slot};
use shared::zoho::response::Failure;
use shared::zoho::scope::Product;

use crate::app::App;
use crate::zoho::Target;

impl App {
    /// Leave to make one call. CRM has no limit a minute, and needs none.
    pub(super) async fn leave(
        &self,
        target: &Target<'_>,
        product: Product,
        token: &AccessToken,
    ) -> Result<Option<Slot>, Problem> {
        if product == Product::Crm {
            return Ok(None);
        }
        let (key, deadline) = (target.caller.key.id.as_str(), target.caller.deadline);
        let slot = self.quotas.take(token, quota::Caller { key, priority: Priority::Agent, deadline }).await;
        target.caller.notes.quota(self.quotas.known(token));
        slot.map(Some)
    }

    /// What a refusal says of Inventory's limits.
    pub(super) async fn heed(&self, product: Product, token: &AccessToken, failure: &Failure) {
        if product == Product::Inventory {
            self.quotas.heed(token, failure).await;
        }
    }
}
