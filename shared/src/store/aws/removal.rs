//! The end of a stack's secrets and tables, for the operator's command only: no function may do it, and none has the code.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry};

use super::error::unavailable;
use crate::store::StoreError;

/// Deletes all secrets of a stack at once and for good, and names them.
///
/// # Errors
/// Where Secrets Manager refuses or fails. What was deleted before is gone.
pub async fn remove_secrets(config: &SdkConfig, stack: &str) -> Result<Vec<String>, StoreError> {
    let client = aws_sdk_secretsmanager::Client::new(config);
    let prefix = format!("{stack}/");
    let filter = Filter::builder().key(FilterNameStringType::Name).values(&prefix).build();
    let mut pages = client.list_secrets().filters(filter).into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| unavailable("ListSecrets", &error))?;
        // The filter also finds names that only have the prefix in other capitals.
        let found = page.secret_list().iter().filter_map(SecretListEntry::name);
        names.extend(found.filter(|name| name.starts_with(&prefix)).map(str::to_owned));
    }
    for name in &names {
        let deleted = client.delete_secret().secret_id(name).force_delete_without_recovery(true).send().await;
        match deleted {
            Ok(_) => {}
            Err(error) if error.code() == Some("ResourceNotFoundException") => {}
            Err(error) => return Err(unavailable("DeleteSecret", &error)),
        }
    }
    Ok(names)
}

/// Deletes a table with all its rows. Says whether it was there.
///
/// # Errors
/// Where `DynamoDB` refuses or fails.
pub async fn remove_table(config: &SdkConfig, name: &str) -> Result<bool, StoreError> {
    let client = aws_sdk_dynamodb::Client::new(config);
    match client.delete_table().table_name(name).send().await {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(false),
        Err(error) => Err(unavailable("DeleteTable", &error)),
    }
}
