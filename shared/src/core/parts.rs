//! What a process opens once and all its functions use.

use std::sync::Arc;

use crate::base::clock::{SharedClock, SystemClock};
use crate::base::settings::Settings;
use crate::base::telemetry::{self, LogForm};
use crate::store::Stores;
use crate::zoho::data_centre::DataCentres;
use crate::zoho::http::Http;

/// Settings, clock, stores and the HTTP client.
#[derive(Clone)]
pub struct Parts {
    /// What the installation set.
    pub settings: Arc<Settings>,
    /// The time.
    pub clock: SharedClock,
    /// Where things are kept.
    pub stores: Stores,
    /// The way out.
    pub http: Http,
    /// Zoho's addresses.
    pub centres: DataCentres,
}

impl Parts {
    /// For the `main` of a function: reads the environment, starts the log and opens the stores. What is wrong is told in
    /// one line, and the process ends with 2.
    #[cfg(feature = "embedded")]
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

    /// Opens the embedded store of these settings, on the machine's clock.
    ///
    /// # Errors
    /// One line for the operator.
    #[cfg(feature = "embedded")]
    pub fn open(settings: Settings) -> Result<Self, String> {
        let clock: SharedClock = Arc::new(SystemClock);
        let database = crate::store::sqlite::Sqlite::open(&settings.data, clock.clone());
        Self::new(settings, clock, database.map_err(|error| error.to_string())?.into())
    }

    /// Parts with the clock and the stores given.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(settings: Settings, clock: SharedClock, stores: Stores) -> Result<Self, String> {
        let centres = DataCentres::new(settings.sandbox.clone());
        Ok(Self { settings: Arc::new(settings), clock, stores, http: Http::new()?, centres })
    }
}
