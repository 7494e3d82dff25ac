//! What a process opens once and all its functions use.

use std::sync::Arc;

use crate::base::background::Background;
use crate::base::clock::{FileClock, SharedClock, SystemClock};
#[cfg(feature = "aws")]
use crate::base::settings::Stack;
use crate::base::settings::{Home, Settings};
use crate::base::telemetry::{self, LogForm};
use crate::core::connection::token_refresh::TokenRefreshClient;
use crate::store::Stores;
use crate::zoho::data_centre::DataCentres;
use crate::zoho::http::Http;

/// Settings, clock, stores and the HTTP client.
#[derive(Clone)]
pub struct Services {
    /// What the installation set.
    pub settings: Arc<Settings>,
    /// The time.
    pub clock: SharedClock,
    /// Where things are kept.
    pub stores: Stores,
    /// The way to token-refresh, where it is a function of its own.
    pub token_refresh: Option<Arc<dyn TokenRefreshClient>>,
    /// The HTTP client of all calls to others.
    pub http: Http,
    /// Zoho's data centres, with the addresses of each.
    pub centres: DataCentres,
    /// What is done beside requests.
    pub background: Background,
    /// The operator's own region and credentials, where they work on a stack.
    #[cfg(feature = "aws")]
    pub operator: Option<aws_config::SdkConfig>,
}

impl Services {
    /// For the `main` of a function that writes no secrets: reads the environment, starts the log and opens the stores. What is
    /// wrong is told in one line, and the process ends with 2.
    pub fn from_env_or_exit() -> Self {
        from_env_or_exit(SecretsOfStack::READABLE)
    }

    /// The same for token-refresh, the one function that writes secrets.
    pub fn writing_secrets_from_env_or_exit() -> Self {
        from_env_or_exit(SecretsOfStack::MANAGED)
    }

    /// Opens the stores of these settings, on the machine's clock, or that of a test.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn open(settings: Settings) -> Result<Self, String> {
        Self::open_with(settings, SecretsOfStack::MANAGED)
    }

    fn open_with(settings: Settings, secrets: SecretsOfStack) -> Result<Self, String> {
        let clock: SharedClock = match &settings.sandbox_clock {
            Some(file) => Arc::new(FileClock::new(file.clone())?),
            None => Arc::new(SystemClock),
        };
        let (stores, token_refresh) = open_stores(&settings.home, &clock, secrets)?;
        Ok(Self { token_refresh, ..Self::new(settings, clock, stores)? })
    }

    /// Opens the stores of a stack with the operator's own credentials.
    ///
    /// # Errors
    /// One line for the operator.
    #[cfg(feature = "aws")]
    pub fn of_stack(
        settings: Settings,
        stack: &Stack,
        config: &aws_config::SdkConfig,
    ) -> Result<Self, String> {
        let clock: SharedClock = Arc::new(SystemClock);
        let (stores, token_refresh) = open_stack(stack, config, &clock, SecretsOfStack::MANAGED);
        Ok(Self { token_refresh, operator: Some(config.clone()), ..Self::new(settings, clock, stores)? })
    }

    /// Services with the clock and the stores given.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(settings: Settings, clock: SharedClock, stores: Stores) -> Result<Self, String> {
        let centres = DataCentres::new(settings.sandbox.clone());
        Ok(Self {
            settings: Arc::new(settings),
            clock,
            stores,
            token_refresh: None,
            http: Http::new()?,
            centres,
            background: Background::default(),
            #[cfg(feature = "aws")]
            operator: None,
        })
    }
}

#[expect(clippy::print_stderr, reason = "there is no log yet")]
fn from_env_or_exit(secrets: SecretsOfStack) -> Services {
    let open = || {
        let settings = Settings::from_env().map_err(|error| error.to_string())?;
        telemetry::start(LogForm::Json, &settings.log);
        Services::open_with(settings, secrets)
    };
    open().unwrap_or_else(|line| {
        eprintln!("{line}");
        std::process::exit(2)
    })
}

/// How the secrets of a stack are opened.
#[derive(Clone, Copy)]
struct SecretsOfStack {
    #[cfg(feature = "aws")]
    open: crate::store::aws::OpenSecrets,
}

impl SecretsOfStack {
    const READABLE: Self = Self {
        #[cfg(feature = "aws")]
        open: crate::store::aws::readable_secrets,
    };
    const MANAGED: Self = Self {
        #[cfg(feature = "aws")]
        open: crate::store::aws::managed_secrets,
    };
}

type Opened = (Stores, Option<Arc<dyn TokenRefreshClient>>);

#[cfg_attr(not(feature = "aws"), expect(unused_variables, reason = "there is no stack"))]
fn open_stores(home: &Home, clock: &SharedClock, secrets: SecretsOfStack) -> Result<Opened, String> {
    match home {
        #[cfg(feature = "embedded")]
        Home::Folder(folder) => {
            let database = crate::store::sqlite::Sqlite::open(folder, clock.clone());
            Ok((database.map_err(|error| error.to_string())?.into(), None))
        }
        #[cfg(not(feature = "embedded"))]
        Home::Folder(_) => Err(format!(
            "{} is not set, but must be the name of the stack: this program was built without the embedded store",
            crate::base::settings::STACK
        )),
        #[cfg(feature = "aws")]
        Home::Stack(stack) => Ok(open_stack(stack, &crate::store::aws::config_from_env()?, clock, secrets)),
        #[cfg(not(feature = "aws"))]
        Home::Stack(_) => Err(format!(
            "{} is set, but this program was built without the stores of AWS",
            crate::base::settings::STACK
        )),
    }
}

#[cfg(feature = "aws")]
fn open_stack(
    stack: &Stack,
    config: &aws_config::SdkConfig,
    clock: &SharedClock,
    secrets: SecretsOfStack,
) -> Opened {
    let stores = crate::store::aws::open(config, clock, stack, secrets.open);
    let token_refresh = stack.token_refresh.as_ref().map(|function| {
        Arc::new(crate::core::connection::token_refresh::lambda::LambdaClient::new(config, function))
            as Arc<dyn TokenRefreshClient>
    });
    (stores, token_refresh)
}
