//! What a process opens once and all its functions use.

use std::sync::Arc;

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
    /// The way out.
    pub http: Http,
    /// Zoho's addresses.
    pub centres: DataCentres,
    /// The operator's own region and credentials, where they work on a stack.
    #[cfg(feature = "aws")]
    pub operator: Option<aws_config::SdkConfig>,
}

impl Services {
    /// For the `main` of a function: reads the environment, starts the log and opens the stores. What is wrong is told in
    /// one line, and the process ends with 2.
    #[expect(clippy::print_stderr, reason = "there is no log yet")]
    pub fn from_env_or_exit() -> Self {
        let open = || {
            let settings = Settings::from_env().map_err(|error| error.to_string())?;
            telemetry::start(LogForm::Json, &settings.log);
            Self::open(settings)
        };
        open().unwrap_or_else(|line| {
            eprintln!("{line}");
            std::process::exit(2)
        })
    }

    /// Opens the stores of these settings, on the machine's clock, or that of a test.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn open(settings: Settings) -> Result<Self, String> {
        let clock: SharedClock = match &settings.sandbox_clock {
            Some(file) => Arc::new(FileClock::new(file.clone())),
            None => Arc::new(SystemClock),
        };
        let (stores, token_refresh) = open_stores(&settings.home, &clock)?;
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
        let (stores, token_refresh) = open_stack(stack, config, &clock);
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
            #[cfg(feature = "aws")]
            operator: None,
        })
    }
}

type Opened = (Stores, Option<Arc<dyn TokenRefreshClient>>);

fn open_stores(home: &Home, clock: &SharedClock) -> Result<Opened, String> {
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
        Home::Stack(stack) => Ok(open_stack(stack, &crate::store::aws::config_from_env()?, clock)),
        #[cfg(not(feature = "aws"))]
        Home::Stack(_) => Err(format!(
            "{} is set, but this program was built without the stores of AWS",
            crate::base::settings::STACK
        )),
    }
}

#[cfg(feature = "aws")]
fn open_stack(stack: &Stack, config: &aws_config::SdkConfig, clock: &SharedClock) -> Opened {
    let (state, events) = (stack.state_table.clone(), stack.events_table.clone());
    let kms_key = stack.kms_key.clone();
    let stores = crate::store::aws::open(config, clock, &stack.name, state, events, kms_key);
    let token_refresh = stack.token_refresh.as_ref().map(|function| {
        Arc::new(crate::core::connection::token_refresh::lambda::LambdaClient::new(config, function))
            as Arc<dyn TokenRefreshClient>
    });
    (stores, token_refresh)
}
