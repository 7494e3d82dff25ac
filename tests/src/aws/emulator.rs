//! AWS's stand-in for the tests, one for all tests of a process.

use std::sync::{Arc, OnceLock};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use shared::base::clock::{Clock, SharedClock, SystemClock};
use shared::base::secret::random_hex;
use shared::base::settings::Stack;
use shared::store::{Stores, aws};

use super::guard::{self, ADMIN};
use super::{Trouble, front, trouble};
use crate::clock::{StandingClock, until};
use crate::conformance::Subject;

/// The stand-in.
pub struct Aws {
    /// Where it listens.
    pub url: String,
}

/// The names of a stack's tables.
pub struct Names {
    /// The stack.
    pub stack: String,
    /// Its tables.
    pub state: String,
    /// Its tables.
    pub events: String,
}

impl Aws {
    /// The one of this test process.
    pub fn get() -> &'static Self {
        static AWS: OnceLock<Aws> = OnceLock::new();
        AWS.get_or_init(|| Self { url: front::serve() })
    }

    /// The variables of an operator with credentials for it.
    pub fn variables(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", ADMIN),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("HOME", "/nonexistent"),
        ]
    }

    /// A stack of its own, with its tables.
    pub async fn stack(&self) -> Names {
        let stack = format!("stack-{}", random_hex::<6>());
        let names = Names { state: format!("{stack}-state"), events: format!("{stack}-events"), stack };
        let client = Client::new(&self.config());
        for table in [&names.state, &names.events] {
            let attribute = |name: &str| {
                let builder = AttributeDefinition::builder().attribute_name(name);
                builder.attribute_type(ScalarAttributeType::S).build().unwrap()
            };
            let key = |name: &str, kind| {
                KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
            };
            let made = client
                .create_table()
                .table_name(table)
                .attribute_definitions(attribute("pk"))
                .attribute_definitions(attribute("sk"))
                .key_schema(key("pk", KeyType::Hash))
                .key_schema(key("sk", KeyType::Range))
                .billing_mode(BillingMode::PayPerRequest)
                .send()
                .await;
            // Where the emulator was slow, the SDK has tried twice.
            if let Err(error) = made {
                assert!(error.into_service_error().is_resource_in_use_exception(), "{table}");
            }
        }
        names
    }

    /// The configuration with which our own adapters speak to it, as the administrator.
    pub fn config(&self) -> aws_config::SdkConfig {
        self.signed_with(ADMIN)
    }

    fn signed_with(&self, key: &str) -> aws_config::SdkConfig {
        let credentials = Credentials::new(key, "test", None, None, "test");
        aws::config("eu-central-1".to_owned(), credentials, Some(self.url.clone())).unwrap()
    }

    /// The stores of a stack of its own.
    pub async fn subject(&self) -> Subject {
        let names = self.stack().await;
        // From now on, because Secrets Manager dates the versions by the machine's clock.
        let clock = Arc::new(StandingClock::at(SystemClock.now()));
        Subject { stores: self.stores(&names, &(clock.clone() as SharedClock)), clock }
    }

    /// The same in trouble.
    pub async fn subject_in(&self, wanted: Trouble) -> Subject {
        let names = self.stack().await;
        trouble::set(&names.stack, wanted);
        let clock = Arc::new(StandingClock::at(SystemClock.now()));
        Subject { stores: self.stores(&names, &(clock.clone() as SharedClock)), clock }
    }

    /// From now on, a stack has this trouble.
    pub fn trouble(&self, names: &Names, wanted: Trouble) {
        trouble::set(&names.stack, wanted);
    }

    /// How many calls of a stack in trouble were throttled, and how many lost their connection.
    pub fn met(&self, names: &Names) -> (usize, usize) {
        trouble::met(&names.stack)
    }

    /// Closes the connections on which a stack asked last, without a word, as AWS closes those that are idle for a while.
    pub async fn close_connections(&self, names: &Names) {
        trouble::close(&names.stack);
        until("closed", async || trouble::is_closed()).await;
    }

    /// The stores of a stack with the rights of this function.
    pub fn stores_of(&self, function: &str, names: &Names, clock: &SharedClock) -> Stores {
        let secrets = if function == "token-refresh" { aws::managed_secrets } else { aws::readable_secrets };
        self.opened(&guard::key(&names.stack, function), names, clock, secrets)
    }

    /// The same for a test that tries what is not allowed.
    pub fn stores_as(&self, function: &str, names: &Names, clock: &SharedClock) -> Stores {
        self.opened(&guard::key_of_an_intruder(&names.stack, function), names, clock, aws::managed_secrets)
    }

    /// The stores of a stack.
    pub fn stores(&self, names: &Names, clock: &SharedClock) -> Stores {
        self.opened(ADMIN, names, clock, aws::managed_secrets)
    }

    fn opened(&self, key: &str, names: &Names, clock: &SharedClock, secrets: aws::OpenSecrets) -> Stores {
        let stack = Stack {
            name: names.stack.clone(),
            state_table: Some(names.state.clone()),
            events_table: Some(names.events.clone()),
            token_refresh: None,
            kms_key: None,
        };
        aws::open(&self.signed_with(key), clock, &stack, secrets)
    }
}
