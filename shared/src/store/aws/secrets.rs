//! Secrets in AWS Secrets Manager.
//!
//! A pending version carries the label `zoho-connector-pending`; promotion moves `AWSCURRENT` to it from the very version
//! that was read. Secrets Manager makes the first version of a secret current by itself, whatever its labels, so a new
//! secret gets a placeholder first, which reads as nothing.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use aws_sdk_secretsmanager::operation::update_secret_version_stage::UpdateSecretVersionStageError;
use tokio::time::sleep;

use super::error::unavailable;
use crate::base::clock::{Timestamp, jittered};
use crate::base::secret::{Secret, random_hex};
use crate::store::{SecretValue, Secrets, StoreError, VersionId};

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "zoho-connector-pending";

/// What a secret holds before its first value.
const PLACEHOLDER: &str = "-";

/// A name is free again only some seconds after its secret was deleted.
const MAX_CREATIONS: u32 = 6;

pub(super) struct ManagedSecrets {
    pub(super) client: Client,
    pub(super) stack: String,
}

impl ManagedSecrets {
    fn id(&self, name: &str) -> String {
        format!("{}/{name}", self.stack)
    }

    /// The current version, be it a placeholder.
    async fn current(&self, id: &str) -> Result<Option<SecretValue>, StoreError> {
        let answer = self.client.get_secret_value().secret_id(id).version_stage(CURRENT).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError::is_resource_not_found_exception) => {
                return Ok(None);
            }
            Err(error) => return Err(unavailable("GetSecretValue", &error)),
        };
        match (answer.secret_string, answer.version_id) {
            (Some(value), Some(version)) => {
                Ok(Some(SecretValue { value: Secret::new(value), version: VersionId(version) }))
            }
            _ => Err(StoreError::Unreadable(format!("the secret {id} holds no text"))),
        }
    }

    /// Stores a pending version; `None` where the secret does not exist.
    async fn put_pending(&self, id: &str, value: &Secret, token: &str) -> Result<Option<()>, StoreError> {
        let answer = self
            .client
            .put_secret_value()
            .secret_id(id)
            .secret_string(value.expose())
            .client_request_token(token)
            .version_stages(PENDING)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Some(())),
            Err(error) if error.as_service_error().is_some_and(aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError::is_resource_not_found_exception) => {
                Ok(None)
            }
            // Deleted without recovery, but not gone yet.
            Err(error) if error.as_service_error().is_some_and(aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError::is_invalid_request_exception) => {
                Ok(None)
            }
            Err(error) => Err(unavailable("PutSecretValue", &error)),
        }
    }

    async fn create(&self, id: &str) -> Result<(), StoreError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let answer = self.client.create_secret().name(id).secret_string(PLACEHOLDER).send().await;
            let Err(error) = answer else { return Ok(()) };
            match error.as_service_error() {
                Some(CreateSecretError::ResourceExistsException(_)) => return Ok(()),
                Some(CreateSecretError::InvalidRequestException(_)) if tried < MAX_CREATIONS => {
                    sleep(jittered(Duration::from_millis(250) * tried)).await;
                }
                _ => return Err(unavailable("CreateSecret", &error)),
            }
        }
    }
}

#[async_trait]
impl Secrets for ManagedSecrets {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        let current = self.current(&self.id(name)).await?;
        Ok(current.filter(|found| found.value.expose() != PLACEHOLDER))
    }

    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError> {
        let id = self.id(name);
        // The token becomes the version's id; a retried call with the same token stores it once.
        let token = random_hex::<16>();
        for _ in 0..MAX_CREATIONS {
            if self.put_pending(&id, value, &token).await?.is_some() {
                return Ok(VersionId(token));
            }
            self.create(&id).await?;
        }
        Err(StoreError::Unavailable(format!("the secret {id} is being deleted; try again in a minute")))
    }

    async fn promote(
        &self,
        name: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        let id = self.id(name);
        let from = match from {
            Some(from) => from.clone(),
            None => match self.current(&id).await? {
                Some(found) if found.value.expose() == PLACEHOLDER => found.version,
                _ => return Ok(false),
            },
        };
        let answer = self
            .client
            .update_secret_version_stage()
            .secret_id(&id)
            .version_stage(CURRENT)
            .remove_from_version_id(&from.0)
            .move_to_version_id(&pending.0)
            .send()
            .await;
        let Err(error) = answer else { return Ok(true) };
        if !is_refusal(&error) {
            return Err(unavailable("UpdateSecretVersionStage", &error));
        }
        // A call whose answer was lost and that was sent again is refused, though it did its work.
        Ok(self.current(&id).await?.is_some_and(|found| found.version == *pending))
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let answer = self
            .client
            .delete_secret()
            .secret_id(self.id(name))
            .force_delete_without_recovery(true)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(aws_sdk_secretsmanager::operation::delete_secret::DeleteSecretError::is_resource_not_found_exception) => {
                Ok(())
            }
            Err(error) => Err(unavailable("DeleteSecret", &error)),
        }
    }

    async fn versions_since(&self, name: &str, since: Timestamp) -> Result<usize, StoreError> {
        let mut pages = self
            .client
            .list_secret_version_ids()
            .secret_id(self.id(name))
            .include_deprecated(true)
            .into_paginator()
            .send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error)
                    if error.as_service_error().is_some_and(aws_sdk_secretsmanager::operation::list_secret_version_ids::ListSecretVersionIdsError::is_resource_not_found_exception) =>
                {
                    return Ok(0);
                }
                Err(error) => return Err(unavailable("ListSecretVersionIds", &error)),
            };
            let recent = |at: i64| at >= since.as_second();
            count +=
                page.versions().iter().filter(|v| v.created_date.is_none_or(|at| recent(at.secs()))).count();
        }
        Ok(count)
    }
}

/// The label is not where it was thought to be.
fn is_refusal<R>(error: &SdkError<UpdateSecretVersionStageError, R>) -> bool {
    error.as_service_error().is_some_and(|error| {
        error.is_invalid_parameter_exception()
            || error.is_invalid_request_exception()
            || error.is_resource_not_found_exception()
    })
}
