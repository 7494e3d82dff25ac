//! Both traits on AWS: secrets in Secrets Manager, rows in two DynamoDB tables.

mod client;
mod error;
mod http_client;
mod removal;
mod secrets;
mod table;

use std::sync::Arc;

use aws_config::SdkConfig;

use super::{Secrets, Stores};
use crate::base::clock::SharedClock;
use crate::base::settings::Stack;

pub use client::{config, config_from_env};
pub use http_client::http_client;
pub use removal::{remove_secrets, remove_table};

/// What a stack keeps, by the names that its template gave.
pub fn open(config: &SdkConfig, clock: &SharedClock, stack: &Stack, secrets: OpenSecrets) -> Stores {
    let dynamo = aws_sdk_dynamodb::Client::new(config);
    let table = |name: &Option<String>, variable| {
        let client = dynamo.clone();
        let name = name.clone().ok_or(variable);
        Arc::new(table::DynamoTable { client, name, clock: clock.clone() })
    };
    Stores {
        secrets: secrets(config, stack),
        state: table(&stack.state_table, crate::base::settings::STATE_TABLE),
        events: table(&stack.events_table, crate::base::settings::EVENTS_TABLE),
    }
}

/// Opens the secrets of a stack. A pointer, so that what writes secrets is in no program that only reads them.
pub type OpenSecrets = fn(&SdkConfig, &Stack) -> Arc<dyn Secrets>;

/// Secrets that are read and written.
pub fn managed_secrets(config: &SdkConfig, stack: &Stack) -> Arc<dyn Secrets> {
    Arc::new(secrets::ManagedSecrets { read: secrets_read(config, stack), kms_key: stack.kms_key.clone() })
}

/// Secrets that are read, by a function whose role lets it do no more.
pub fn readable_secrets(config: &SdkConfig, stack: &Stack) -> Arc<dyn Secrets> {
    Arc::new(secrets_read(config, stack))
}

fn secrets_read(config: &SdkConfig, stack: &Stack) -> secrets::ReadableSecrets {
    secrets::ReadableSecrets {
        client: aws_sdk_secretsmanager::Client::new(config),
        stack: stack.name.clone(),
    }
}
