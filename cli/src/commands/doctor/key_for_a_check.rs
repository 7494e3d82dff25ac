//! A service key that lives for one check: with it, the doctor calls the API as an agent does.

use jiff::SignedDuration;
use shared::base::clock::later;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::access::key::{Keys, NewKey};
use shared::core::access::permission::Permission;
use shared::core::services::Services;
use shared::store::StoreError;

/// If the doctor dies, its key ends after this time.
const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

const LABEL: &str = "doctor, for a check";

pub(super) struct KeyForACheck {
    keys: Keys,
    pub(super) id: String,
    pub(super) text: Secret,
}

impl KeyForACheck {
    pub(super) async fn make(
        services: &Services,
        permissions: Vec<Permission>,
        connections: Vec<ConnectionName>,
    ) -> Result<Self, StoreError> {
        let keys = Keys::new(services.stores.state.clone(), services.clock.clone());
        let wanted = NewKey {
            expires: Some(later(services.clock.now(), LIFETIME)),
            ..NewKey::new(LABEL, permissions, connections)
        };
        let (key, text) = keys.create(wanted).await?;
        Ok(Self { keys, id: key.id, text })
    }

    /// Whether this is the key of a doctor, perhaps of one that was killed.
    pub(super) fn is_label(label: &str) -> bool {
        label == LABEL
    }

    /// Revokes the key. If that fails, the key ends by itself.
    pub(super) async fn end(self) {
        if let Err(error) = self.keys.revoke(&self.id).await {
            tracing::warn!(%error, "the key of a check could not be revoked: it ends within five minutes");
        }
    }
}
