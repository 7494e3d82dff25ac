//! Where it all happens, and whose account it is, as functions are told.

/// The region.
pub(super) const REGION: &str = "eu-central-1";
/// The account.
pub(super) const ACCOUNT_ID: &str = "123456789012";
