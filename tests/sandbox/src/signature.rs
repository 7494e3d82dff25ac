//! The finance suite's webhook signature.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::api::SignatureEncoding;

/// The signed text: the pairs of query and form, sorted by key and joined; then a JSON body unchanged.
pub(crate) fn string_to_sign(query: &str, body: &str, form: bool) -> Vec<u8> {
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if form {
        pairs.extend(form_urlencoded::parse(body.as_bytes()).into_owned());
    }
    pairs.sort_by(|one, other| one.0.cmp(&other.0));
    let mut signed = String::new();
    for (key, value) in pairs {
        signed.push_str(&key);
        signed.push_str(&value);
    }
    if !form {
        signed.push_str(body);
    }
    signed.into_bytes()
}

/// HMAC-SHA256 as Zoho writes it into the header.
pub(crate) fn sign(secret: &str, text: &[u8], encoding: SignatureEncoding) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(text);
    let digest = mac.finalize().into_bytes();
    match encoding {
        SignatureEncoding::Hex => hex::encode(digest),
        SignatureEncoding::Base64 => STANDARD.encode(digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a1b2c3d4e5f6g7h8i9j0";
    const JSON: &str = r#"{"item":{"item_id":"3300000000070001","sku":"SHELF-OAK-80","stock_on_hand":40.0}}"#;

    fn hex_of(query: &str, body: &str, form: bool) -> String {
        sign(SECRET, &string_to_sign(query, body, form), SignatureEncoding::Hex)
    }

    #[test]
    fn a_json_body_without_query_is_signed_as_it_is() {
        assert_eq!(
            hex_of("", JSON, false),
            "16704845fa477512c1de255890541923f83dc0c3ad6dc51077540513b471dd28"
        );
        assert_eq!(
            sign(SECRET, JSON.as_bytes(), SignatureEncoding::Base64),
            "FnBIRfpHdRLB3iVYkFQZI/g9wMOtbcUQd1QFE7Rx3Sg="
        );
    }

    #[test]
    fn query_pairs_come_first_and_sorted() {
        assert_eq!(
            hex_of("event=item_updated&conn=c7", JSON, false),
            "918ec4aa4f8ea46cb8c8b55ffb7bdeec255722eab6148a20dcac0dc0b8569313"
        );
    }

    #[test]
    fn form_pairs_are_signed_decoded() {
        let body: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("JSONString", JSON).finish();
        assert_eq!(
            hex_of("", &body, true),
            "d9f2a72aaa70154c1047ae4274e07fa1cac7cbe64f808cb2dc8b4c321a33584f"
        );
        assert_eq!(
            hex_of("conn=c7", "item_id=3300000000070001&name=Oak+Shelf+80+cm", true),
            "55f3adfe3e2ba9e9b4ae5620069eb379ce9543bf79a27d1c1d45dc0868ac2aaa"
        );
    }
}
