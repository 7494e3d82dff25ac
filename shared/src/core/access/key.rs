//! Service keys, which agents hold in place of Zoho's secrets. Only the SHA-256 of a key's 256 random bits is stored.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::clock::{SharedClock, Timestamp};
use crate::base::id::ConnectionName;
use crate::base::problem::{Code, Problem};
use crate::base::secret::{Secret, digests_equal, random_hex};
use crate::base::ttl_cache::TtlCache;
use crate::core::access::key_text::{PREFIX, parse, seen};
use crate::core::access::permission::Permission;
use crate::store::{Condition, Key, Put, Query, StoreError, Table, all_rows};

const PARTITION: &str = "key";

/// The most keys that a process reads before its first request.
const MAX_PRELOADED: usize = 50;

/// What a key may use of a day, which ends at midnight UTC; without a number, as much as there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayLimits {
    /// Calls to Zoho, of all products.
    pub calls: Option<u32>,
    /// Writes to Zoho, of all products.
    pub writes: Option<u32>,
}

/// A key as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceKey {
    /// The public part of the key.
    pub id: String,
    /// What the operator calls it.
    pub label: String,
    /// SHA-256 of the secret part.
    digest: String,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// The connections that it may use.
    pub connections: Vec<ConnectionName>,
    /// When it was made.
    pub created: Timestamp,
    /// When it expires, if ever.
    pub expires: Option<Timestamp>,
    /// Whether each of its writes must be previewed.
    #[serde(default)]
    pub confirm: bool,
    /// Whether it sees no addresses, numbers and birthdays of people.
    #[serde(default)]
    pub redact_contacts: bool,
    /// What it may use of a day.
    #[serde(default)]
    pub limits: DayLimits,
    /// Since when it is off: since the store was restored from a backup, until the operator confirms it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_since: Option<Timestamp>,
}

impl ServiceKey {
    /// The same, off until the operator confirms it.
    pub(crate) fn switched_off(self, now: Timestamp) -> Self {
        Self { off_since: Some(now), ..self }
    }

    /// The connection of a key that has exactly one.
    pub fn only_connection(&self) -> Option<&ConnectionName> {
        match self.connections.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Checks that the key has a permission.
    ///
    /// # Errors
    /// Where the key lacks it.
    pub fn demand(&self, needed: &Permission) -> Result<(), Problem> {
        if self.permissions.iter().any(|own| own.covers(needed)) {
            return Ok(());
        }
        Err(Problem::new(
            Code::KeyNotAllowed,
            format!("This needs the permission {needed}, which key {} lacks.", self.id),
        ))
    }
}

/// The operator's request for a new key.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What the operator calls it.
    pub label: String,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// The connections that it may use.
    pub connections: Vec<ConnectionName>,
    /// When it expires, if ever.
    pub expires: Option<Timestamp>,
    /// Whether each of its writes must be previewed.
    pub confirm: bool,
    /// Whether it sees no addresses, numbers and birthdays of people.
    pub redact_contacts: bool,
    /// What it may use of a day.
    pub limits: DayLimits,
}

impl NewKey {
    /// A key without an end and without limits.
    #[must_use]
    pub fn new(label: &str, permissions: Vec<Permission>, connections: Vec<ConnectionName>) -> Self {
        Self {
            label: label.to_owned(),
            permissions,
            connections,
            expires: None,
            confirm: false,
            redact_contacts: false,
            limits: DayLimits::default(),
        }
    }
}

/// The service keys of an installation.
pub struct Keys {
    state: Arc<dyn Table>,
    clock: SharedClock,
    believed: TtlCache<String, Arc<ServiceKey>>,
}

impl Keys {
    /// The rows are in this table.
    pub fn new(state: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, believed: TtlCache::new(clock.clone()), clock }
    }

    /// Makes a key. The text returned is shown once and stored nowhere.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn create(&self, wanted: NewKey) -> Result<(ServiceKey, Secret), StoreError> {
        let secret = Secret::random();
        let key = ServiceKey {
            id: random_hex::<6>(),
            label: wanted.label,
            digest: secret.digest(),
            permissions: wanted.permissions,
            connections: wanted.connections,
            created: self.clock.now(),
            expires: wanted.expires,
            confirm: wanted.confirm,
            redact_contacts: wanted.redact_contacts,
            limits: wanted.limits,
            off_since: None,
        };
        self.state.put(Put::record(Key::new(PARTITION, &key.id), &key, Condition::Absent)?).await?;
        let text = Secret::new(format!("{PREFIX}{}_{}", key.id, secret.expose()));
        Ok((key, text))
    }

    /// All keys.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn list(&self) -> Result<Vec<ServiceKey>, StoreError> {
        all_rows(&*self.state, PARTITION, "").await?.iter().map(crate::store::Row::read).collect()
    }

    /// Revokes a key, whoever changes it meanwhile. False where there is none.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        let key = Key::new(PARTITION, id);
        if self.state.get(&key).await?.is_none() {
            return Ok(false);
        }
        self.state.delete(key, Condition::Any).await?;
        Ok(true)
    }

    /// Switches a key on again that is off since a restore. False where there is no such key, or it is on.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn confirm(&self, id: &str) -> Result<bool, StoreError> {
        let at = Key::new(PARTITION, id);
        let Some(row) = self.state.get(&at).await? else { return Ok(false) };
        let mut key: ServiceKey = row.read()?;
        if key.off_since.take().is_none() {
            return Ok(false);
        }
        let put = Put::record(at, &key, Condition::Version(row.version))?;
        Ok(self.state.put(put).await?.is_done())
    }

    /// Checks the key in an `Authorization` header.
    ///
    /// # Errors
    /// Where there is no key, or it is unknown, revoked or expired.
    pub async fn check(&self, authorization: Option<&str>) -> Result<Arc<ServiceKey>, Problem> {
        let Some(header) = authorization else {
            return Err(Problem::new(Code::KeyMissing, "The request has no `Authorization` header."));
        };
        if header.trim().is_empty() {
            return Err(Problem::new(Code::KeyMissing, "The `Authorization` header is empty."));
        }
        let invalid = |detail: &'static str| Problem::new(Code::KeyInvalid, detail);
        let Some((id, secret)) = parse(header) else {
            let detail = format!(
                "The `Authorization` header holds {}. A service key comes as `Bearer zck_…`.",
                seen(header)
            );
            let problem = Problem::new(Code::KeyInvalid, detail);
            return Err(problem.hint("Send the service key exactly as `zoho-connector keys create` printed it, and nothing around it. Where `detail` names a variable, the operator sets it for the agent."));
        };
        let key =
            self.find(id).await?.filter(|key| digests_equal(&key.digest, &Secret::new(secret).digest()));
        let Some(key) = key else { return Err(invalid("This service key is unknown or revoked.")) };
        if key.off_since.is_some() {
            let detail =
                format!("Service key {} is off since the connector was restored from a backup.", key.id);
            let problem = Problem::new(Code::KeyInvalid, detail);
            return Err(problem.hint("The operator confirms the key with `zoho-connector keys confirm ID`; it works within a minute. It may have been revoked after the backup was made."));
        }
        match key.expires {
            Some(end) if end <= self.clock.now() => {
                Err(Problem::new(Code::KeyExpired, format!("This service key ended at {end}.")))
            }
            _ => Ok(key),
        }
    }

    /// Reads some keys ahead, so that the first request need not wait for it.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn preload(&self) -> Result<(), StoreError> {
        let page = self.state.query(Query::partition(PARTITION, MAX_PRELOADED)).await?;
        for row in &page.rows {
            let key: ServiceKey = row.read()?;
            self.believed.learn(key.id.clone(), Arc::new(key));
        }
        Ok(())
    }

    /// The last known state of the key in an `Authorization` header, without a check of its age or its secret. Use it only to
    /// read ahead.
    pub fn last_known(&self, authorization: Option<&str>) -> Option<Arc<ServiceKey>> {
        self.believed.last_known(parse(authorization?)?.0)
    }

    async fn find(&self, id: &str) -> Result<Option<Arc<ServiceKey>>, StoreError> {
        if let Some(key) = self.believed.get(id) {
            return Ok(Some(key));
        }
        let row = self.state.get(&Key::new(PARTITION, id)).await?;
        let key = row.map(|row| row.read::<ServiceKey>()).transpose()?.map(Arc::new);
        match &key {
            Some(key) => self.believed.learn(id.to_owned(), key.clone()),
            None => self.believed.forget(id),
        }
        Ok(key)
    }
}

/// What a text holds in place of a whole key: the end of a sentence, without the key. Nothing where it has the form of one.
pub fn flaw(text: &str) -> Option<String> {
    let header = format!("Bearer {text}");
    parse(&header).is_none().then(|| seen(&header))
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::clock::{SignedDuration, TokioClock, later};
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    async fn keys() -> (Keys, ServiceKey, String) {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-21T10:00:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let keys = Keys::new(stores.state, clock.clone());
        let may = vec!["inventory:stock".parse().unwrap()];
        let wanted = NewKey {
            expires: Some(later(clock.now(), SignedDuration::from_hours(1))),
            ..NewKey::new("test", may, vec![ConnectionName::default()])
        };
        let (key, text) = keys.create(wanted).await.unwrap();
        (keys, key, text.expose().to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_whole_key_is_accepted() {
        let (keys, key, text) = keys().await;
        assert_eq!(keys.check(Some(&format!("Bearer {text}"))).await.unwrap().id, key.id);
        assert_eq!(keys.check(None).await.unwrap_err().code(), Code::KeyMissing);
        let mut other = text.clone();
        let last = if other.pop() == Some('0') { '1' } else { '0' };
        other.push(last);
        let unknown = text.replace(&key.id, "000000000000");
        let longer = format!("{text}0");
        for wrong in [other.as_str(), &unknown, "zck_", "zck__", &text.to_uppercase(), &longer, ""] {
            let problem = keys.check(Some(&format!("Bearer {wrong}"))).await.unwrap_err();
            assert_eq!(problem.code(), Code::KeyInvalid, "{wrong}");
        }
        assert_eq!(keys.check(Some(&text)).await.unwrap_err().code(), Code::KeyInvalid);
    }

    #[tokio::test(start_paused = true)]
    async fn a_revoked_key_is_dead_within_a_minute_and_an_old_one_at_its_end() {
        let (keys, key, text) = keys().await;
        let header = format!("Bearer {text}");
        keys.check(Some(&header)).await.unwrap();
        assert!(keys.revoke(&key.id).await.unwrap());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(keys.check(Some(&header)).await.unwrap_err().code(), Code::KeyInvalid);
        assert!(!keys.revoke(&key.id).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_off_works_once_it_is_confirmed() {
        let (keys, key, text) = keys().await;
        let header = format!("Bearer {text}");
        let id = key.id.clone();
        assert!(!keys.confirm(&id).await.unwrap(), "it is on");
        let off = key.switched_off(keys.clock.now());
        let row = Put::record(Key::new(PARTITION, &id), &off, Condition::Any).unwrap();
        keys.state.put(row).await.unwrap();
        let refused = keys.check(Some(&header)).await.unwrap_err();
        assert_eq!(refused.code(), Code::KeyInvalid);
        assert!(keys.confirm(&id).await.unwrap());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(keys.check(Some(&header)).await.unwrap().id, id);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_confirmed_at_the_same_moment_is_revoked_all_the_same() {
        // Which of the two is first is the store's choice.
        for _ in 0..30 {
            let (keys, key, _) = keys().await;
            let id = key.id.clone();
            let off = key.switched_off(keys.clock.now());
            let row = Put::record(Key::new(PARTITION, &id), &off, Condition::Any).unwrap();
            keys.state.put(row).await.unwrap();
            let (revoked, confirmed) = tokio::join!(keys.revoke(&id), keys.confirm(&id));
            assert!(revoked.unwrap());
            confirmed.unwrap();
            assert!(keys.list().await.unwrap().is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_key_is_dead_at_its_end() {
        let (keys, _, text) = keys().await;
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(keys.check(Some(&format!("Bearer {text}"))).await.unwrap_err().code(), Code::KeyExpired);
    }
}
