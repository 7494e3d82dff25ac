//! The only writer of tokens: exchanges the code of a consent, renews access tokens before they end, ends connections. No
//! other function may read a client secret or a refresh token.

mod announce;
mod app;
mod channel_calls;
mod channels;
mod choose_organization;
mod clear_parked;
mod client_fault;
mod consent_results;
mod disconnect;
mod exchange;
mod fresh_grant;
mod handler;
mod local;
mod parked;
mod probe;
mod proof;
mod renew;
mod replaced;
mod revoke;
mod schedule;
mod store_grant;
mod store_token;
mod task;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests;

pub use handler::{TokenRefresh, ask_of};
pub use local::Local;
pub use task::{Exchange, Task};
