//! The finance suite's webhook signature (Inventory, Books, Billing):
//! <https://www.zoho.com/us/subscriptions/kb/webhooks/securing-webhooks.html>
//!
//! The signed text is: all pairs of the query string and, for form bodies, all decoded pairs of the form, sorted by
//! key, each key followed by its value with nothing between; then a JSON body exactly as it came. HMAC-SHA256 over it
//! with the webhook's secret. The documentation does not name the encoding: hexadecimal in all working code, base64 in
//! some, so both are read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::secret::Secret;

/// The header that carries it.
pub const HEADER: &str = "x-zoho-webhook-signature";

/// The text that Zoho signed, in the parts that it is made of.
#[derive(Debug)]
pub struct SignedText<'a> {
    pairs: Vec<(String, String)>,
    raw: &'a [u8],
}

impl<'a> SignedText<'a> {
    /// Puts the text together from a request. Whether the body is JSON is seen from its first byte, because the
    /// `Content-Type` of these webhooks cannot be relied on.
    pub fn new(query: &str, body: &'a [u8]) -> Self {
        let mut pairs: Vec<(String, String)> =
            form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let raw = if is_json(body) {
            body
        } else {
            pairs.extend(form_urlencoded::parse(body).into_owned());
            &[]
        };
        pairs.sort_by(|left, right| left.0.cmp(&right.0));
        Self { pairs, raw }
    }

    /// Whether the header's signature is that of one of the secrets. Comparison takes the same time wherever the
    /// signatures differ.
    pub fn is_signed_by<'s>(&self, secrets: impl IntoIterator<Item = &'s Secret>, header: &str) -> bool {
        let Some(signature) = decode(header) else { return false };
        // Every secret is tried, so that the time does not tell which one fits.
        secrets.into_iter().fold(false, |found, secret| {
            found | self.mac(secret).is_some_and(|mac| mac.verify_slice(&signature).is_ok())
        })
    }

    /// Runs over the text without putting it together.
    pub fn feed(&self, mut take: impl FnMut(&[u8])) {
        for (key, value) in &self.pairs {
            take(key.as_bytes());
            take(value.as_bytes());
        }
        take(self.raw);
    }

    fn mac(&self, secret: &Secret) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
        self.feed(|part| mac.update(part));
        Some(mac)
    }
}

/// Whether a body is a JSON document rather than a form.
pub fn is_json(body: &[u8]) -> bool {
    matches!(body.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['))
}

fn decode(header: &str) -> Option<Vec<u8>> {
    let header = header.trim();
    let bytes = if header.len() == 64 { hex::decode(header).ok() } else { STANDARD.decode(header).ok() };
    bytes.filter(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "a1b2c3d4e5f6g7h8i9j0";
    const JSON: &str = r#"{"item":{"item_id":"3300000000070001","sku":"SHELF-OAK-80","stock_on_hand":40.0}}"#;
    const FORM: &str = "JSONString=%7B%22item%22%3A%7B%22item_id%22%3A%223300000000070001%22%2C%22sku%22%3A%22SHELF-OAK-80%22%2C%22stock_on_hand%22%3A40.0%7D%7D";

    fn signed(query: &str, body: &str, header: &str) -> bool {
        SignedText::new(query, body.as_bytes()).is_signed_by([&Secret::new(SECRET)], header)
    }

    /// Computed apart from this code, from the documented rule.
    const VECTORS: &[(&str, &str, &str, &str)] = &[
        (
            "",
            JSON,
            "16704845fa477512c1de255890541923f83dc0c3ad6dc51077540513b471dd28",
            "FnBIRfpHdRLB3iVYkFQZI/g9wMOtbcUQd1QFE7Rx3Sg=",
        ),
        (
            "event=item_updated&conn=c7",
            JSON,
            "918ec4aa4f8ea46cb8c8b55ffb7bdeec255722eab6148a20dcac0dc0b8569313",
            "kY7Eqk+OpGy4yLVf+3ve7CVXIuq2FIog3KwNwLhWkxM=",
        ),
        (
            "",
            FORM,
            "d9f2a72aaa70154c1047ae4274e07fa1cac7cbe64f808cb2dc8b4c321a33584f",
            "2fKnKqpwFUwQR65CdOB/ocrHy+ZPgIyy3ItMMhozWE8=",
        ),
        (
            "conn=c7",
            "item_id=3300000000070001&name=Oak+Shelf+80+cm",
            "55f3adfe3e2ba9e9b4ae5620069eb379ce9543bf79a27d1c1d45dc0868ac2aaa",
            "VfOt/j4rqem0rlYgBp6zec6VQ795on0cHUXcCGisKqo=",
        ),
    ];

    #[test]
    fn the_documented_rule_in_both_encodings() {
        for (query, body, hex, base64) in VECTORS {
            assert!(signed(query, body, hex), "{query} {body}");
            assert!(signed(query, body, &hex.to_uppercase()), "{query} {body}");
            assert!(signed(query, body, base64), "{query} {body}");
        }
    }

    #[test]
    fn either_of_two_secrets_fits_during_rotation() {
        let text = SignedText::new("", JSON.as_bytes());
        let (old, new) = (Secret::new(SECRET), Secret::new("zzzzzzzzzzzz"));
        assert!(text.is_signed_by([&new, &old], VECTORS[0].2));
        assert!(!text.is_signed_by([&new], VECTORS[0].2));
        assert!(!text.is_signed_by([], VECTORS[0].2));
    }

    proptest! {
        #[test]
        fn any_changed_bit_fails(which in 0..VECTORS.len(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let (query, body, hex, _) = VECTORS[which];
            let mut bytes = body.as_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let mut before = Vec::new();
            SignedText::new(query, body.as_bytes()).feed(|part| before.extend_from_slice(part));
            let changed = SignedText::new(query, &bytes);
            let mut after = Vec::new();
            changed.feed(|part| after.extend_from_slice(part));
            // `%7b` and `%7B` are the same text.
            prop_assume!(before != after);
            prop_assert!(!changed.is_signed_by([&Secret::new(SECRET)], hex));
        }

        #[test]
        fn no_request_makes_it_panic(query in "\\PC*", body in prop::collection::vec(any::<u8>(), 0..200), header in "\\PC*") {
            prop_assert!(!SignedText::new(&query, &body).is_signed_by([&Secret::new(SECRET)], &header));
        }
    }
}
