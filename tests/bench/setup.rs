//! What measurements of functions have in common.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tests::cargo::cargo;
use tests::connector::Agent;

/// The path of one item.
pub(crate) const ONE: &str = "/v1/inventory/items/3300000000070001";

/// A number from the environment.
pub(crate) fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// A binary as it is deployed: only with the stores of AWS.
pub(crate) fn release(package: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let args = ["build", "--release", "--locked", "-p", package];
    assert!(cargo().current_dir(root).args(args).status().unwrap().success());
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("release").join(package)
}

/// A GET, as API Gateway hands it over.
pub(crate) fn event(path: &str, agent: &Agent) -> Value {
    let file = format!("{}/../events/api-proxy-items.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    event["rawPath"] = path.into();
    event["rawQueryString"] = "".into();
    event["headers"]["authorization"] = format!("Bearer {}", agent.key).into();
    event
}
