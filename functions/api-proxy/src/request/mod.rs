//! What every request needs before and after its route: who calls, whether there is room for it, for which connection, its
//! parameters and body, the headers and the size of its answer.

pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod concurrency;
pub(crate) mod connection;
pub(crate) mod csv;
pub(crate) mod did_you_mean;
pub(crate) mod incoming_body;
pub(crate) mod layer;
pub(crate) mod params;
pub(crate) mod plain_json;
pub(crate) mod redact;
pub(crate) mod response_headers;
pub(crate) mod run_to_completion;
pub(crate) mod size_limit;
pub(crate) mod upload;
