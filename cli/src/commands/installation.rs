//! Where the connector is that a command works on: a folder on this machine, or a stack on AWS.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use shared::base::settings::{self, Home, PublicUrl, Settings};
use shared::base::telemetry::{self, LogForm};
use shared::core::connection::orders::{Order, Orders};
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient};
use shared::core::services::Services;
use shared::store::sqlite::Sqlite;
use token_refresh::Local;

use crate::commands::failure::Failure;

/// A connector on this machine.
#[derive(Args)]
pub(super) struct Folder {
    /// Folder of the store [default: ./data, or $ZOHO_CONNECTOR_DATA]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Our address as browsers and Zoho reach it [default: http://localhost:8080, or $ZOHO_CONNECTOR_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

/// A connector on this machine or on AWS.
#[derive(Args)]
pub(super) struct Installation {
    #[command(flatten)]
    folder: Folder,
    /// Work on this deployed stack, with your own AWS credentials, in place of a folder
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    stack: Option<String>,
}

/// An open connector.
pub(super) struct Opened {
    pub(super) services: Services,
    pub(super) public_url: PublicUrl,
}

impl Opened {
    /// The way to token-refresh: the deployed function, or its code in this process.
    pub(super) fn token_refresh(&self) -> Arc<dyn TokenRefreshClient> {
        self.services.token_refresh.clone().unwrap_or_else(|| Arc::new(Local::new(&self.services)))
    }

    /// Has token-refresh do what only the operator may order.
    pub(super) async fn order(&self, order: &Order) -> Result<Reply, Failure> {
        let Services { stores, clock, .. } = &self.services;
        let id = Orders::new(stores.state.clone(), clock.clone()).give(order).await?;
        Ok(self.token_refresh().ask(Ask::Order { id }).await.map_err(|error| error.to_string())?)
    }
}

impl Installation {
    /// Opens the connector that is there. A new store in the wrong folder would only hide the right one.
    pub(super) async fn open(&self) -> Result<Opened, Failure> {
        if let Some(stack) = &self.stack {
            return open_stack(stack, self.folder.public_url.as_deref()).await;
        }
        let (settings, folder) = self.folder.settings()?;
        if !Sqlite::is_in(&folder) {
            return Err(Failure::Other(format!(
                "there is no store in {}: name its folder with --data, or begin with `zoho-connector client set`",
                folder.display()
            )));
        }
        opened(settings)
    }

    /// Whether the command line names one.
    pub(super) fn is_named(&self) -> bool {
        self.stack.is_some() || self.folder.data.is_some()
    }

    /// The address of the one on this machine, without opening it.
    pub(super) fn address(&self) -> Result<PublicUrl, Failure> {
        Ok(self.folder.settings()?.0.public_url.unwrap_or_default())
    }

    /// Opens the connector, making its store where there is none.
    pub(super) async fn open_or_make(&self) -> Result<Opened, Failure> {
        match &self.stack {
            Some(stack) => open_stack(stack, self.folder.public_url.as_deref()).await,
            None => self.folder.open_or_make().map(|(opened, _)| opened),
        }
    }
}

impl Folder {
    /// Opens the store, making it where there is none, and names its folder.
    pub(super) fn open_or_make(&self) -> Result<(Opened, PathBuf), Failure> {
        let (settings, folder) = self.settings()?;
        Ok((opened(settings)?, folder))
    }

    /// Reads the settings, flags before variables, and starts the log.
    fn settings(&self) -> Result<(Settings, PathBuf), Failure> {
        let data = self.data.as_ref().map(|path| path.display().to_string());
        let settings = Settings::read(|name| {
            let flag = match name {
                settings::DATA => data.clone(),
                settings::PUBLIC_URL => self.public_url.clone(),
                // What is meant for the functions does not lead the commands away from this machine.
                settings::STACK => return None,
                _ => None,
            };
            flag.or_else(|| std::env::var(name).ok())
        })?;
        telemetry::start(LogForm::Plain, &settings.log);
        let folder = match &settings.home {
            Home::Folder(folder) => folder.clone(),
            Home::Stack(_) => PathBuf::new(),
        };
        Ok((settings, folder))
    }
}

fn opened(settings: Settings) -> Result<Opened, Failure> {
    let public_url = settings.public_url.clone().unwrap_or_default();
    Ok(Opened { services: Services::open(settings)?, public_url })
}

/// AWS with the operator's own credentials.
#[cfg(feature = "stack")]
pub(super) async fn aws_config() -> Result<aws_config::SdkConfig, Failure> {
    let http = shared::store::aws::http_client()?;
    Ok(aws_config::defaults(aws_config::BehaviorVersion::latest()).http_client(http).load().await)
}

/// The stack as its own functions know it: one of them is asked for its variables.
#[cfg(feature = "stack")]
async fn open_stack(name: &str, public_url: Option<&str>) -> Result<Opened, Failure> {
    let config = aws_config().await?;
    let function = format!("{name}-api-proxy");
    let answer = aws_sdk_lambda::Client::new(&config)
        .get_function_configuration()
        .function_name(&function)
        .send()
        .await;
    let answer = answer.map_err(|error| {
        let said = error.as_service_error().map_or_else(|| format!("{error:?}"), ToString::to_string);
        format!("the function {function} cannot be read ({said}): are the stack's name, region and your credentials right?")
    })?;
    let variables = answer.environment.and_then(|environment| environment.variables).unwrap_or_default();
    let settings = Settings::read(|name| match (name, public_url) {
        (settings::PUBLIC_URL, Some(url)) => Some(url.to_owned()),
        (settings::LOG, _) => std::env::var(name).ok(),
        _ => variables.get(name).cloned(),
    })?;
    telemetry::start(LogForm::Plain, &settings.log);
    let Home::Stack(stack) = settings.home.clone() else {
        return Err(Failure::Other(format!("{function} is not a function of this connector")));
    };
    let Some(public_url) = settings.public_url.clone() else {
        return Err(Failure::Other(
            "name the stack's address with --public-url: it is the output ApiUrl of the stack".to_owned(),
        ));
    };
    Ok(Opened { services: Services::of_stack(settings, &stack, &config)?, public_url })
}

#[cfg(not(feature = "stack"))]
#[expect(clippy::unused_async, reason = "it waits where it is built with AWS")]
async fn open_stack(_: &str, _: Option<&str>) -> Result<Opened, Failure> {
    Err(Failure::Other(
        "this zoho-connector was built without AWS: `cargo install --path cli --features stack` makes one with it"
            .to_owned(),
    ))
}
