//! The key that a command calls with: given to it, or made for an hour in the store of the installation.

use jiff::SignedDuration;
use shared::base::clock::{SharedClock, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::access::key::{Keys, NewKey};
use shared::core::access::permission::Permission;
use shared::core::services::Services;
use shared::zoho::scope::{Access as Level, Product};

use crate::failure::Failure;

/// How long a key lives that a command makes, and after which time it makes another.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);
const RENEW_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// What such keys are called.
pub(crate) const LABEL: &str = "command line, for an hour";

/// A key in use.
pub(super) enum CallKey {
    Given(Secret),
    Made(Box<MadeKey>),
}

/// A key that was made, and where.
pub(super) struct MadeKey {
    keys: Keys,
    clock: SharedClock,
    wanted: NewKey,
    id: String,
    text: Secret,
    made: Timestamp,
}

impl CallKey {
    /// The key; one that was made is made anew before it ends.
    pub(super) async fn key(&mut self) -> Result<&Secret, Failure> {
        match self {
            Self::Given(key) => Ok(key),
            Self::Made(made) => {
                made.renew().await?;
                Ok(&made.text)
            }
        }
    }

    /// Revokes it, if it was made.
    pub(super) async fn end(&self) -> Result<(), Failure> {
        match self {
            Self::Given(_) => Ok(()),
            Self::Made(made) => made.revoke().await,
        }
    }
}

impl MadeKey {
    pub(super) async fn new(
        services: &Services,
        connection: ConnectionName,
        level: Level,
    ) -> Result<Self, Failure> {
        let clock = services.clock.clone();
        let keys = Keys::new(services.stores.state.clone(), clock.clone());
        let now = clock.now();
        // Commands that were killed have left their keys.
        for old in keys.list().await? {
            if old.label == LABEL && old.expires.is_some_and(|end| end < now) {
                keys.revoke(&old.id).await?;
            }
        }
        let may = vec![Permission::Product(Product::Inventory, level)];
        let wanted =
            NewKey { expires: Some(later(now, LIFETIME)), ..NewKey::new(LABEL, may, vec![connection]) };
        let (key, text) = keys.create(wanted.clone()).await?;
        Ok(Self { keys, clock, wanted, id: key.id, text, made: now })
    }

    async fn renew(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        if now.duration_since(self.made) < RENEW_AFTER {
            return Ok(());
        }
        self.revoke().await?;
        self.wanted.expires = Some(later(now, LIFETIME));
        let (key, text) = self.keys.create(self.wanted.clone()).await?;
        (self.id, self.text, self.made) = (key.id, text, now);
        Ok(())
    }

    async fn revoke(&self) -> Result<(), Failure> {
        let revoked = self.keys.revoke(&self.id).await;
        revoked.map(|_| ()).map_err(|error| {
            Failure::Other(format!(
                "the key {} could not be revoked ({error}); it ends by itself within an hour",
                self.id
            ))
        })
    }
}
