//! Zoho's data centres, each with its own accounts and API host below the base.

/// Every data centre.
pub(crate) const ALL: [&str; 10] = ["us", "eu", "in", "au", "jp", "ca", "sa", "cn", "uk", "ae"];

/// The data centres that `/oauth/serverinfo` lists. China is never among them.
pub(crate) const LISTED: [&str; 8] = ["us", "eu", "in", "au", "jp", "ca", "sa", "uk"];

/// Accounts origin of a data centre.
pub(crate) fn accounts(base: &str, dc: &str) -> String {
    format!("{base}/{dc}/accounts")
}

/// API host of a data centre.
pub(crate) fn api(base: &str, dc: &str) -> String {
    format!("{base}/{dc}/api")
}

/// Whether an app of data centre `home` is known in `dc`. China is separate from all others.
pub(crate) fn client_known(home: &str, multi_dc: bool, dc: &str) -> bool {
    home == dc || (multi_dc && home != "cn" && dc != "cn")
}
