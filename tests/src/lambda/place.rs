//! Where it all happens, and whose account it is, as functions are told.

/// The region.
pub(crate) const REGION: &str = "eu-central-1";
/// The account.
pub(crate) const ACCOUNT_ID: &str = "123456789012";
