//! New secrets of webhooks.

use shared::base::secret::Secret;

/// Zoho takes 12 to 50 letters and digits: 48 hexadecimal digits are 192 bits.
pub(crate) fn new_secret() -> Secret {
    Secret::new(Secret::random().expose().get(..48).unwrap_or_default())
}
