//! A deployed stack: that its functions are there and of this version, that those work which nobody calls from outside, and with which
//! rights.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_function::{GetFunctionError, GetFunctionOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{LastUpdateStatus, State};
use serde_json::Value;
use shared::base::settings::Home;
use shared::core::connection::token_refresh::{Ask, Reply};

use super::report::Report;
use crate::commands::installation::{Installation, Opened, words_of_aws};

const FUNCTIONS: [&str; 5] =
    ["api-proxy", "oauth-callback", "token-refresh", "webhook-intake", "event-delivery"];

/// The tag that the template gives to each function.
const VERSION: &str = "version";

/// What EventBridge sends, as far as event-delivery reads it.
const SCHEDULE: &str = "{\"source\":\"aws.events\",\"detail-type\":\"Scheduled Event\"}";

pub(super) async fn check(report: &mut Report, installation: &Installation, opened: &Opened) {
    let Home::Stack(stack) = &opened.services.settings.home else { return };
    let lambda = match installation.lambda().await {
        Ok(lambda) => lambda,
        Err(failure) => return report.neutral("Functions", failure.into_line()),
    };
    for function in FUNCTIONS {
        check_function(report, &lambda, &format!("{}-{function}", stack.name)).await;
    }
    renew(report, opened, &stack.name).await;
    deliver(report, &lambda, &format!("{}-event-delivery", stack.name)).await;
}

async fn check_function(report: &mut Report, lambda: &Client, name: &str) {
    let check = format!("Function {name}");
    match lambda.get_function().function_name(name).send().await {
        Ok(found) => judge(report, check, &found),
        Err(error) => {
            let is_missing =
                error.as_service_error().is_some_and(GetFunctionError::is_resource_not_found_exception);
            let said = words_of_aws(&error);
            let mend = if is_missing {
                "`sam deploy` makes it again"
            } else {
                "give your own user or role `lambda:GetFunction`; the guide on AWS has the policy of the operator"
            };
            report.bad(check, format!("it cannot be read: {said}"), mend);
        }
    }
}

fn judge(report: &mut Report, check: String, found: &GetFunctionOutput) {
    let configuration = found.configuration();
    let state = configuration.and_then(|found| found.state());
    let update = configuration.and_then(|found| found.last_update_status());
    if matches!(state, Some(State::Failed)) || matches!(update, Some(LastUpdateStatus::Failed)) {
        let why = configuration.and_then(|found| found.last_update_status_reason().or(found.state_reason()));
        return report.bad(
            check,
            format!("its last deployment failed: {}", why.unwrap_or("AWS says no reason")),
            "`sam deploy` once more, and read what CloudFormation says",
        );
    }
    let ours = env!("CARGO_PKG_VERSION");
    let version = found.tags().and_then(|tags| tags.get(VERSION)).map(String::as_str);
    match version {
        Some(version) if version == ours => report.good(check, format!("there, version {version}")),
        version => report.bad(
            check,
            format!("it is of version {}, this command is {ours}", version.unwrap_or("unknown")),
            "deploy this version (`sam build`, `sam deploy`), or install the version that is deployed",
        ),
    }
}

/// Does what the schedule does every five minutes, with the rights of token-refresh.
async fn renew(report: &mut Report, opened: &Opened, stack: &str) {
    const CHECK: &str = "Renewal";
    match opened.token_refresh().ask(Ask::Tick).await {
        Ok(Reply::Ticked { failed: 0, .. }) => report.good(CHECK, "token-refresh does its round"),
        Ok(Reply::Ticked { failed, .. }) => report.bad(
            CHECK,
            format!("token-refresh could not renew {failed} of the connections that are due"),
            format!("see the checks of the connections; its log group /aws/lambda/{stack}-token-refresh has the causes"),
        ),
        Ok(_) => report.neutral(
            CHECK,
            "token-refresh answered, but with no word of a round: is it of this version? `sam deploy` makes it so",
        ),
        Err(error) => failed(report, CHECK, &error.to_string(), &format!("{stack}-token-refresh")),
    }
}

/// Does what the schedule does every minute, with the rights of event-delivery.
async fn deliver(report: &mut Report, lambda: &Client, name: &str) {
    const CHECK: &str = "Delivery";
    let answer = lambda.invoke().function_name(name).payload(Blob::new(SCHEDULE)).send().await;
    match answer {
        Ok(answer) => {
            let body = answer.payload.map(Blob::into_inner).unwrap_or_default();
            let body = String::from_utf8_lossy(&body).into_owned();
            if answer.function_error.is_some() {
                return failed(report, CHECK, &body, name);
            }
            let swept: Value = serde_json::from_str(&body).unwrap_or_default();
            match swept.get("failed").and_then(Value::as_u64).unwrap_or_default() {
                0 => report.good(CHECK, "event-delivery does its round"),
                count => report.bad(
                    CHECK,
                    format!("event-delivery failed on its round, for {count} of the connections"),
                    format!("its log group /aws/lambda/{name} has the causes"),
                ),
            }
        }
        Err(error) => {
            let said = words_of_aws(&error);
            failed(report, CHECK, &said, name);
        }
    }
}

fn failed(report: &mut Report, check: &str, said: &str, function: &str) {
    let is_a_right = said.contains("not authorized") || said.contains("AccessDenied");
    let mend = if is_a_right {
        "its role lacks the right that is named: `sam deploy` gives back what the template says; a policy of your organisation may take it away".to_owned()
    } else {
        format!("its log group /aws/lambda/{function} has the cause")
    };
    report.bad(check, format!("{function} failed: {said}"), mend);
}
