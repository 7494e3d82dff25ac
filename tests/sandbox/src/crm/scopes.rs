//! The scopes of CRM's modules, and the refusal where one is missing.

use serde_json::json;

use super::error::error;
use super::module::Module;
use crate::http::Answer;
use crate::state::State;

/// The scope of an operation on a module.
pub(crate) fn module_scope(module: Module, operation: &str) -> String {
    format!("ZohoCRM.modules.{}.{operation}", module.api_name().to_ascii_lowercase())
}

/// The refusal where a scope is missing.
pub(crate) fn scope_mismatch(state: &State) -> Answer {
    let status = if state.switches.crm_scope_mismatch_403() { 403 } else { 401 };
    error(status, "OAUTH_SCOPE_MISMATCH", json!({}), "invalid oauth scope to access this URL")
}
