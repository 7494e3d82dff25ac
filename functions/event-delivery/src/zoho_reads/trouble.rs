//! Why a read has no answer, and whether a later sweep may have one.

use shared::base::problem::{Code, Problem};
use shared::zoho::failure::{Failure, FailureKind};
use shared::zoho::http::HttpError;

use crate::zoho_reads::target::Target;

/// Why a read has no answer.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// Another sweep may have one.
    Later(String),
    /// None will come with this grant.
    Never(String),
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        let why = problem.detail().to_owned();
        match problem.code() {
            Code::ProductNotConnected | Code::ScopeMissing | Code::ZohoForbidden => Self::Never(why),
            _ => Self::Later(why),
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let is_final = is_refusal(&failure)
            || matches!(
                failure.kind,
                FailureKind::NotFound
                    | FailureKind::Rejected
                    | FailureKind::Modified
                    | FailureKind::Http(HttpError::TooLarge)
            );
        let code = code_of(&failure);
        let why = format!("{}{code}", Problem::from(failure).detail());
        if is_final { Self::Never(why) } else { Self::Later(why) }
    }
}

/// A living token is refused what is read.
pub(super) fn denied(failure: Failure, target: &Target<'_>) -> Trouble {
    match failure.kind {
        FailureKind::DeadToken | FailureKind::DeadTokenOrScope => {
            let Target { connection, what, .. } = target;
            Trouble::Never(format!("Zoho refuses {what} to connection {connection}.{}", code_of(&failure)))
        }
        _ => failure.into(),
    }
}

/// Zoho's own code, where it sent one, to stand after a sentence.
fn code_of(failure: &Failure) -> String {
    failure.said.as_ref().map(|said| format!(" (Zoho's code {})", said.code)).unwrap_or_default()
}

/// Whether Zoho refuses this read to the token, and would again.
pub(super) fn is_refusal(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::DeadToken
            | FailureKind::DeadTokenOrScope
            | FailureKind::ScopeMissing
            | FailureKind::Forbidden
            | FailureKind::Organization
    )
}

/// Whether every other read of the product would fail now: Zoho is silent, or wants a pause.
pub(super) fn concerns_product(failure: &Failure) -> bool {
    let is_silent = matches!(failure.kind, FailureKind::Http(error) if error != HttpError::TooLarge);
    is_silent || failure.seconds().is_some()
}
