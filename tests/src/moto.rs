//! AWS's stand-in for the tests: moto, in a process of its own behind one lock, shared by all tests of a run.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, OnceLock};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use shared::base::clock::SharedClock;
use shared::base::secret::random_hex;
use shared::store::{Stores, aws};

use crate::clock::AheadClock;
use crate::conformance::Subject;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/aws");

/// The Python environment of `tests/<name>/requirements.txt`, made if it is not there.
pub fn venv(name: &str) -> PathBuf {
    let venv = concat!(env!("CARGO_MANIFEST_DIR"), "/venv");
    let venv = Command::new(venv).arg(name).output().expect("tests/venv runs");
    assert!(venv.status.success(), "{}", String::from_utf8_lossy(&venv.stderr));
    PathBuf::from(String::from_utf8(venv.stdout).unwrap().trim())
}

/// A running moto.
pub struct Moto {
    /// Where it listens.
    pub url: String,
    // Its input ends with the test process, and moto with its input.
    _input: ChildStdin,
    _process: Child,
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

impl Moto {
    /// The one of this test process.
    pub fn get() -> &'static Self {
        static MOTO: OnceLock<Moto> = OnceLock::new();
        MOTO.get_or_init(Self::start)
    }

    /// The Python that has moto, made if it is not there.
    pub fn python() -> PathBuf {
        venv("aws").join("bin/python")
    }

    fn start() -> Self {
        let mut process = Command::new(Self::python())
            .arg(Path::new(FOLDER).join("moto_server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("moto says {line:?}"));
        let input = process.stdin.take().unwrap();
        Self { url: format!("http://127.0.0.1:{port}"), _input: input, _process: process }
    }

    /// The variables of an operator with credentials for it.
    pub fn variables(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
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

    /// The configuration with which our own adapters speak to it.
    pub fn config(&self) -> aws_config::SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        aws::config("eu-central-1".to_owned(), credentials, Some(self.url.clone())).unwrap()
    }

    /// The stores of a stack of its own.
    pub async fn subject(&self) -> Subject {
        let names = self.stack().await;
        let clock = Arc::new(AheadClock::default());
        Subject { stores: self.stores(&names, &(clock.clone() as SharedClock)), clock }
    }

    /// The stores of a stack.
    pub fn stores(&self, names: &Names, clock: &SharedClock) -> Stores {
        let (state, events) = (Some(names.state.clone()), Some(names.events.clone()));
        aws::open(&self.config(), clock, &names.stack, state, events)
    }
}
