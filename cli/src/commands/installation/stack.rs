//! A connector on AWS, opened with the operator's own credentials.

use shared::base::pasted::clean;
use shared::base::public_url::PublicUrl;
use shared::base::settings::{self, Settings};
use shared::base::telemetry::{self, LogForm};
use shared::core::services::Services;

use super::opened::{LOG_OF_COMMANDS, Opened, address_unknown, log_or};
use super::resolve::Resolved;
use crate::failure::Failure;
use crate::patience::patiently;

/// AWS with the operator's own credentials.
pub(super) async fn sdk_config(resolved: &Resolved) -> Result<aws_config::SdkConfig, Failure> {
    let http = shared::store::aws::http_client()?;
    let mut config = aws_config::defaults(aws_config::BehaviorVersion::latest()).http_client(http);
    if let Some(region) = &resolved.region {
        config = config.region(aws_config::Region::new(region.clone()));
    }
    if let Some(profile) = &resolved.profile {
        config = config.profile_name(profile);
    }
    Ok(config.load().await)
}

/// What AWS answers, or why it was not reached, with the causes of that.
pub(crate) fn words_of_aws<E, R>(error: &aws_sdk_lambda::error::SdkError<E, R>) -> String
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    if let Some(said) = error.as_service_error() {
        return said.to_string();
    }
    let mut words = vec![error.to_string()];
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if words.last() != Some(&text) {
            words.push(text);
        }
        next = cause.source();
    }
    words.join(": ")
}

/// The stack as its own functions know it: one of them is asked for its variables.
pub(super) async fn open_stack(name: &str, resolved: &Resolved) -> Result<Opened, Failure> {
    let config = sdk_config(resolved).await?;
    let function = format!("{name}-api-proxy");
    let client = aws_sdk_lambda::Client::new(&config);
    let asked = client.get_function_configuration().function_name(&function).send();
    let answer = patiently(&format!("looking for the stack {name}"), asked).await;
    let answer = answer.map_err(|error| {
        let said = words_of_aws(&error);
        format!("the function {function} cannot be read ({said}): are the stack's name, region and your credentials right?")
    })?;
    let variables = answer.environment.and_then(|environment| environment.variables).unwrap_or_default();
    let settings = Settings::read(|name| match (name, &resolved.public_url) {
        (settings::PUBLIC_URL, Some(url)) => Some(url.clone()),
        (settings::LOG, _) => Some(log_or(LOG_OF_COMMANDS)),
        _ => variables.get(name).cloned(),
    })?;
    telemetry::start(LogForm::Plain, &settings.log);
    let settings::Home::Stack(stack) = settings.home.clone() else {
        return Err(Failure::Other(format!("{function} is not a function of this connector")));
    };
    let public_url = settings.public_url.clone().ok_or_else(address_unknown)?;
    let own_url = variables.get(settings::PUBLIC_URL).and_then(|url| PublicUrl::parse(&clean(url)).ok());
    let services = Services::of_stack(settings, &stack, &config)?;
    Ok(Opened { services, public_url, own_url, flags: String::new() })
}
