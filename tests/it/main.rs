//! End-to-end tests: one binary, one module a topic. Most run the real `zoho-connector` in front of the sandbox, as an
//! operator, a browser, an agent and Zoho would.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

/// A test of the functions in this process, on one machine's store, and on AWS's, where each function has the rights of its role.
macro_rules! here_and_on_aws {
    ($($(#[$doc:meta])* async fn $name:ident() $body:block)*) => {$(
        mod $name {
            #[allow(clippy::wildcard_imports, reason = "it stands in the same file")]
            use super::*;

            $(#[$doc])*
            async fn test() $body

            #[tokio::test]
            async fn here() {
                test().await;
            }

            #[tokio::test]
            async fn on_aws() {
                tests::inside::on_aws(test()).await;
            }
        }
    )*};
}

mod adjustments;
mod agent_command;
mod answers;
mod api;
mod attacks;
mod busy;
mod changed_since;
mod channels;
mod choose_organization;
mod chromium;
mod commands;
mod consent;
mod console;
mod contract;
mod crm_fields;
mod crm_reads;
mod crm_writes;
mod crowd;
mod deliveries;
mod delivery;
mod demo;
mod disk;
mod dns;
mod doctor;
mod documents;
mod errors;
mod events;
mod faults;
mod headers;
mod hostile;
mod ignored;
mod injection;
mod installations;
mod intake;
mod key_shares;
mod killed;
mod lambda;
mod logs;
mod machine;
mod many_connections;
mod mappings;
mod mcp;
mod measurements;
mod openapi;
mod openclaw;
mod operator;
mod orders;
mod pagination;
mod passthrough;
mod pasted;
mod polling;
mod quota;
mod reconcile_command;
mod reconciliations;
mod redaction;
mod refusals;
mod regressions;
mod renewal;
mod rights;
mod rows_of_before;
mod sdks;
mod self_description;
mod setup;
mod simulation;
mod soak;
mod stack;
mod stack_life;
mod stock;
mod stock_histories;
mod store;
mod trouble;
mod unicode;
mod unkind;
mod webhooks;
mod webhooks_setup;
mod writes;
