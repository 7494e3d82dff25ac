//! Secrets in AWS Secrets Manager.
//!
//! A pending version carries the label `zoho-connector-pending`; promotion moves `AWSCURRENT` to it from the very version
//! that was read. Secrets Manager makes the first version of a secret current by itself, whatever its labels, so a new
//! secret gets a placeholder first, which reads as nothing.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use tokio::time::{sleep, timeout};

use super::client::CALL_TIMEOUT;
use super::error::unavailable;
use crate::base::clock::{Timestamp, jittered};
use crate::base::secret::{Secret, random_hex};
use crate::store::{SecretValue, Secrets, StoreError, VersionId};

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "zoho-connector-pending";

/// What a secret holds before its first value.
const PLACEHOLDER: &str = "-";

/// Secrets Manager is not everywhere at once: a new secret can be missing for some seconds, and the name of a deleted one is
/// free again only some seconds later. The pauses between so many tries are 5 seconds on average and 7 at most.
const MAX_TRIES: u32 = 7;

/// It takes 50 writes of a kind in a second, of the whole account. Where the SDK has come back in vain, and spent what it may spend on
/// that, a write is sent anew so often: what it would store may be a token that Zoho counts.
const THROTTLED_TRIES: u32 = 4;

/// Secrets of which this function only reads the values: what writes them, and counts what was written, is in token-refresh and in the
/// operator's commands.
pub(super) struct ReadableSecrets {
    pub(super) client: Client,
    pub(super) stack: String,
}

impl ReadableSecrets {
    fn id(&self, name: &str) -> String {
        format!("{}/{name}", self.stack)
    }

    /// The current version, be it a placeholder.
    async fn current(&self, id: &str) -> Result<Option<SecretValue>, StoreError> {
        let answer = self.client.get_secret_value().secret_id(id).version_stage(CURRENT).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(unavailable("GetSecretValue", &error)),
        };
        match (answer.secret_string, answer.version_id) {
            (Some(value), Some(version)) => {
                Ok(Some(SecretValue { value: Secret::new(value), version: VersionId(version) }))
            }
            _ => Err(StoreError::Unreadable(format!("the secret {id} holds no text"))),
        }
    }
}

#[async_trait]
impl Secrets for ReadableSecrets {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        let current = self.current(&self.id(name)).await?;
        Ok(current.filter(|found| found.value.expose() != PLACEHOLDER))
    }

    async fn stage(&self, name: &str, _: &Secret) -> Result<VersionId, StoreError> {
        Err(only_read(name))
    }

    async fn promote(&self, name: &str, _: &VersionId, _: Option<&VersionId>) -> Result<bool, StoreError> {
        Err(only_read(name))
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        Err(only_read(name))
    }

    async fn versions_since(&self, name: &str, _: Timestamp) -> Result<usize, StoreError> {
        Err(StoreError::Unavailable(format!(
            "{name} is a secret, whose versions this function may not count"
        )))
    }
}

/// What the role would refuse, too.
fn only_read(name: &str) -> StoreError {
    StoreError::Unavailable(format!("{name} is a secret, whose value this function may only read"))
}

/// Secrets that are read and written.
pub(super) struct ManagedSecrets {
    pub(super) read: ReadableSecrets,
    /// The key of KMS for what is made; without it, the one of Secrets Manager itself.
    pub(super) kms_key: Option<String>,
}

impl ManagedSecrets {
    /// Stores a pending version. Says whether it did: the secret may not be there.
    async fn put_pending(&self, id: &str, value: &Secret, token: &str) -> Result<bool, StoreError> {
        let request = self
            .read
            .client
            .put_secret_value()
            .secret_id(id)
            .secret_string(value.expose())
            .client_request_token(token)
            .version_stages(PENDING);
        match unthrottled(move || request.clone().send()).await {
            Ok(_) => Ok(true),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(unavailable("PutSecretValue", &error)),
        }
    }

    /// Makes a secret. Says whether it is new: one that is there, or not gone yet, needs time.
    async fn create(&self, id: &str) -> Result<bool, StoreError> {
        let request = self.read.client.create_secret().name(id).secret_string(PLACEHOLDER);
        let request = request.set_kms_key_id(self.kms_key.clone());
        match unthrottled(move || request.clone().send()).await {
            Ok(_) => Ok(true),
            Err(error) if is_gone(&error) || error.code() == Some("ResourceExistsException") => Ok(false),
            Err(error) => Err(unavailable("CreateSecret", &error)),
        }
    }

    async fn promote_in_time(
        &self,
        id: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let from = match from {
                Some(from) => Some(from.clone()),
                None => match self.read.current(id).await? {
                    Some(found) if found.value.expose() == PLACEHOLDER => Some(found.version),
                    Some(found) => return Ok(found.version == *pending),
                    None => None,
                },
            };
            let Some(from) = from else {
                if tried == MAX_TRIES {
                    return Ok(false);
                }
                pause(tried).await;
                continue;
            };
            let request = self
                .read
                .client
                .update_secret_version_stage()
                .secret_id(id)
                .version_stage(CURRENT)
                .remove_from_version_id(&from.0)
                .move_to_version_id(&pending.0);
            let Err(error) = unthrottled(move || request.clone().send()).await else { return Ok(true) };
            match error.code() {
                // What was staged a moment ago is on its way.
                Some("ResourceNotFoundException") if tried < MAX_TRIES => pause(tried).await,
                // The label is not where it was thought to be. A call whose answer was lost and that was sent again is
                // refused, too, though it did its work.
                Some(
                    "ResourceNotFoundException" | "InvalidParameterException" | "InvalidRequestException",
                ) => return Ok(self.read.current(id).await?.is_some_and(|found| found.version == *pending)),
                _ => return Err(unavailable("UpdateSecretVersionStage", &error)),
            }
        }
    }
}

#[async_trait]
impl Secrets for ManagedSecrets {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        self.read.get(name).await
    }

    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError> {
        let id = self.read.id(name);
        // The token becomes the version's id; a retried call with the same token stores it once.
        let token = random_hex::<16>();
        for tried in 1..=MAX_TRIES {
            if self.put_pending(&id, value, &token).await? {
                return Ok(VersionId(token));
            }
            if !self.create(&id).await? && tried < MAX_TRIES {
                pause(tried).await;
            }
        }
        Err(StoreError::Unavailable(format!("the secret {id} is being deleted; try again in a minute")))
    }

    async fn promote(
        &self,
        name: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        // Leases rely on the end of a call: who promotes after it could bring back what another process replaced.
        let id = self.read.id(name);
        let promoting = self.promote_in_time(&id, pending, from);
        let late = || StoreError::Unavailable(format!("UpdateSecretVersionStage: {CALL_TIMEOUT:?} are over"));
        timeout(CALL_TIMEOUT, promoting).await.unwrap_or_else(|_| Err(late()))
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let request = self
            .read
            .client
            .delete_secret()
            .secret_id(self.read.id(name))
            .force_delete_without_recovery(true);
        match unthrottled(move || request.clone().send()).await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(unavailable("DeleteSecret", &error)),
        }
    }

    async fn versions_since(&self, name: &str, since: Timestamp) -> Result<usize, StoreError> {
        let mut pages = self
            .read
            .client
            .list_secret_version_ids()
            .secret_id(self.read.id(name))
            .include_deprecated(true)
            .into_paginator()
            .send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) if is_gone(&error) => return Ok(0),
                Err(error) => return Err(unavailable("ListSecretVersionIds", &error)),
            };
            let recent = |at: i64| at >= since.as_second();
            count +=
                page.versions().iter().filter(|v| v.created_date.is_none_or(|at| recent(at.secs()))).count();
        }
        Ok(count)
    }
}

/// There is no such secret, or it is marked for deletion: deleted without a window, it is gone some seconds later.
fn is_gone(error: &impl ProvideErrorMetadata) -> bool {
    match error.code() {
        Some("ResourceNotFoundException") => true,
        Some("InvalidRequestException") => error.message().is_some_and(|said| said.contains("delet")),
        _ => false,
    }
}

/// Sends a write until it is not throttled.
async fn unthrottled<T, E, S>(send: impl Fn() -> S) -> Result<T, E>
where
    E: ProvideErrorMetadata,
    S: Future<Output = Result<T, E>>,
{
    let mut tried = 0;
    loop {
        tried += 1;
        match send().await {
            Err(error) if tried < THROTTLED_TRIES && error.code() == Some("ThrottlingException") => {
                pause(tried).await;
            }
            answer => return answer,
        }
    }
}

async fn pause(tried: u32) {
    let growing = Duration::from_millis(100) * 2_u32.saturating_pow(tried);
    sleep(jittered(growing.min(Duration::from_secs(2)))).await;
}

#[cfg(test)]
mod tests {
    use aws_config::environment::EnvironmentVariableCredentialsProvider;

    use super::*;
    use crate::store::aws::config;

    #[tokio::test]
    async fn who_only_reads_is_told_what_it_may_not() {
        let credentials = EnvironmentVariableCredentialsProvider::new();
        let config = config("eu-central-1".to_owned(), credentials, None).unwrap();
        let secrets = ReadableSecrets { client: Client::new(&config), stack: "stack".to_owned() };
        let version = VersionId("1".to_owned());
        let only_read = "s is a secret, whose value this function may only read";
        for refused in [
            secrets.stage("s", &Secret::new("x")).await.map(drop),
            secrets.promote("s", &version, None).await.map(drop),
            secrets.delete("s").await,
        ] {
            assert!(refused.unwrap_err().to_string().ends_with(only_read));
        }
        let not_counted = secrets.versions_since("s", Timestamp::UNIX_EPOCH).await.unwrap_err().to_string();
        assert!(
            not_counted.ends_with("s is a secret, whose versions this function may not count"),
            "{not_counted}"
        );
    }
}
