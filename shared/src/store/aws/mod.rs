//! Both traits on AWS: secrets in Secrets Manager, rows in two DynamoDB tables.

mod client;
mod error;
mod http_client;
mod removal;
mod secrets;
mod table;

use std::sync::Arc;

use aws_config::SdkConfig;

use super::Stores;
use crate::base::clock::SharedClock;

pub use client::{config, config_from_env};
pub use http_client::http_client;
pub use removal::{remove_secrets, remove_table};

/// What a stack keeps, by the names that its template gave. `kms_key` encrypts the secrets that are made.
pub fn open(
    config: &SdkConfig,
    clock: &SharedClock,
    stack: &str,
    state: Option<String>,
    events: Option<String>,
    kms_key: Option<String>,
) -> Stores {
    let dynamo = aws_sdk_dynamodb::Client::new(config);
    let table = |name: Option<String>, variable| {
        let client = dynamo.clone();
        Arc::new(table::DynamoTable { client, name: name.ok_or(variable), clock: clock.clone() })
    };
    Stores {
        secrets: Arc::new(secrets::ManagedSecrets {
            client: aws_sdk_secretsmanager::Client::new(config),
            stack: stack.to_owned(),
            kms_key,
        }),
        state: table(state, crate::base::settings::STATE_TABLE),
        events: table(events, crate::base::settings::EVENTS_TABLE),
    }
}
