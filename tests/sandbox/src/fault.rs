//! What a fault does to a request.

use crate::api::FaultKind;
use crate::http::Answer;
use crate::sandbox::Sandbox;
use crate::{limits, pages};

/// Marks a connection that must be closed without an answer.
#[derive(Debug)]
pub(crate) struct Reset;

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connection dropped on purpose")
    }
}

impl std::error::Error for Reset {}

/// What it does before the request is performed. With an answer, the request is not performed.
pub(crate) async fn before(sandbox: &Sandbox, fault: Option<&FaultKind>) -> Result<Option<Answer>, Reset> {
    let Some(fault) = fault else { return Ok(None) };
    let answer = match fault {
        FaultKind::ResetBefore => return Err(Reset),
        FaultKind::Slow(time) => {
            tokio::time::sleep(*time).await;
            return Ok(None);
        }
        FaultKind::Held(gate) => {
            gate.pass().await;
            return Ok(None);
        }
        FaultKind::ResetAfter
        | FaultKind::SlowAfter(_)
        | FaultKind::HeldAfter(_)
        | FaultKind::StatusAfter(_)
        | FaultKind::Html200After => return Ok(None),
        FaultKind::Status(status) => pages::maintenance(*status),
        FaultKind::Html200 => pages::maintenance(200),
        FaultKind::RateLimit(limit) => sandbox.with(|state| limits::answer(*limit, &state.switches)),
        FaultKind::GarbageJson => {
            Answer::text(200, "application/json;charset=UTF-8", "{\"code\":0,\"message\":\"succ")
        }
        FaultKind::Body(status, kind, text) => Answer::text(*status, kind, text.clone()),
        FaultKind::Told(status, headers, text) => {
            let kind = if text.starts_with('{') { "application/json" } else { "text/html" };
            let answer = Answer::text(*status, kind, text.clone());
            headers.iter().fold(answer, |answer, (name, value)| answer.with(name, value.clone()))
        }
    };
    Ok(Some(answer))
}

/// What it makes of the answer.
pub(crate) async fn after(fault: Option<&FaultKind>, answer: Answer) -> Result<Answer, Reset> {
    match fault {
        Some(FaultKind::ResetAfter) => return Err(Reset),
        Some(FaultKind::SlowAfter(time)) => tokio::time::sleep(*time).await,
        Some(FaultKind::HeldAfter(gate)) => gate.pass().await,
        Some(FaultKind::StatusAfter(status)) => return Ok(pages::maintenance(*status)),
        Some(FaultKind::Html200After) => return Ok(pages::maintenance(200)),
        _ => {}
    }
    Ok(answer)
}
