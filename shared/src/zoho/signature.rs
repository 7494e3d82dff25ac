//! The finance suite's webhook signature (Inventory, Books, Billing):
//! <https://www.zoho.com/us/subscriptions/kb/webhooks/securing-webhooks.html>
//!
//! The signed text consists of all pairs of the query string and, for form bodies, all decoded pairs of the form, sorted by
//! key, each key directly followed by its value; then a JSON body exactly as it arrived. The signature is the HMAC-SHA256 of this
//! text with the webhook's secret. The documentation does not name its encoding. Working code uses hexadecimal, some base64, so
//! both are read.
//!
//! Other senders use the common scheme: the HMAC-SHA256 of the body as it arrived, as `sha256=` and hexadecimal.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::json::without_mark;
use crate::base::secret::Secret;

/// The header with Zoho's signature.
pub const HEADER: &str = "x-zoho-webhook-signature";

/// The prefix of the hexadecimal digits of [`sign_body`].
const PLAIN: &str = "sha256=";

/// Whether `header` is a signature `sha256=<hex>` of the body alone, by one of the secrets.
pub fn is_body_signed_by<'s>(
    body: &[u8],
    secrets: impl IntoIterator<Item = &'s Secret>,
    header: &str,
) -> bool {
    let header = header.trim();
    let hexadecimal = header.strip_prefix(PLAIN).filter(|rest| rest.len() == 64);
    hexadecimal.is_some_and(|signature| plain(body).is_signed_by(secrets, signature))
}

/// The signature of the body alone, as a header `sha256=<hex>`.
pub fn sign_body(body: &[u8], secret: &Secret) -> String {
    format!("{PLAIN}{}", plain(body).sign(secret))
}

/// A message as senders of Standard Webhooks sign it (<https://www.standardwebhooks.com>): its id and its time are signed, too.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The header `webhook-id`.
    pub id: &'a str,
    /// The header `webhook-timestamp`.
    pub timestamp: &'a str,
    /// The body, as it arrived.
    pub body: &'a [u8],
}

/// The prefix of each signature of a message.
const STANDARD_PREFIX: &str = "v1,";

/// The prefix of secrets as libraries of Standard Webhooks take them.
const STANDARD_SECRET: &str = "whsec_";

impl Message<'_> {
    /// Whether one of the signatures in a header `webhook-signature`, with spaces between them, is by one of the secrets.
    pub fn is_signed_by(&self, secrets: &[&Secret], header: &str) -> bool {
        let signatures = header.split(' ').filter_map(|one| one.strip_prefix(STANDARD_PREFIX));
        signatures
            .take(10)
            .fold(false, |found, one| found | self.text().is_signed_by(secrets.iter().copied(), one))
    }

    /// The signature, as a header.
    pub fn sign(&self, secret: &Secret) -> String {
        let signature = hex::decode(self.text().sign(secret)).unwrap_or_default();
        format!("{STANDARD_PREFIX}{}", STANDARD.encode(signature))
    }

    fn text(&self) -> SignedText<'_> {
        SignedText { pairs: vec![(format!("{}.", self.id), format!("{}.", self.timestamp))], raw: self.body }
    }
}

/// A secret as libraries of Standard Webhooks take it.
pub fn standard_secret(secret: &Secret) -> Secret {
    Secret::new(format!("{STANDARD_SECRET}{}", STANDARD.encode(secret.expose())))
}

fn plain(body: &[u8]) -> SignedText<'_> {
    SignedText { pairs: Vec::new(), raw: body }
}

/// The text that Zoho signed, in parts.
#[derive(Debug)]
pub struct SignedText<'a> {
    pairs: Vec<(String, String)>,
    raw: &'a [u8],
}

impl<'a> SignedText<'a> {
    /// Builds the text from a request. The first byte of the body decides whether it is JSON, because the
    /// `Content-Type` of these webhooks is unreliable.
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

    /// Whether the header holds the signature by one of the secrets. The time of the comparison does not depend on where the
    /// signatures differ.
    pub fn is_signed_by<'s>(&self, secrets: impl IntoIterator<Item = &'s Secret>, header: &str) -> bool {
        let Some(signature) = decode(header) else { return false };
        // Every secret is tried, so that the time does not reveal which one matches.
        secrets.into_iter().fold(false, |found, secret| {
            found | self.mac(secret).is_some_and(|mac| mac.verify_slice(&signature).is_ok())
        })
    }

    /// The signature, in hexadecimal, as Zoho writes it.
    pub fn sign(&self, secret: &Secret) -> String {
        self.mac(secret).map(|mac| hex::encode(mac.finalize().into_bytes())).unwrap_or_default()
    }

    /// Whether all names in query and form are plain words. Otherwise a signed JSON document could be replayed as a form with the
    /// same signed text, because that text does not show where pairs end.
    pub fn has_plain_names(&self) -> bool {
        let word = |b: u8| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_');
        self.pairs.iter().all(|(name, _)| (1..=64).contains(&name.len()) && name.bytes().all(word))
    }

    /// Passes the parts of the text on, one by one.
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

/// Whether a body is a JSON document rather than a form, be there a byte-order mark before it or not.
pub fn is_json(body: &[u8]) -> bool {
    matches!(without_mark(body).iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['))
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

    /// As the reference library of Standard Webhooks signs it.
    #[test]
    fn messages_are_signed_as_the_standard_says() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        let body = br#"{"test": 2432232314}"#;
        mac.update(b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.");
        mac.update(body);
        let expected = STANDARD.encode(mac.finalize().into_bytes());
        assert_eq!(expected, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "the standard's own example");
        let secret = Secret::new(SECRET);
        let message = Message { id: "msg_1", timestamp: "1614265330", body };
        let header = format!("v1,x v2,y {}", message.sign(&secret));
        assert!(message.is_signed_by(&[&secret], &header));
        for other in [
            Message { id: "msg_2", ..message },
            Message { timestamp: "1614265331", ..message },
            Message { body: b"{}", ..message },
        ] {
            assert!(!other.is_signed_by(&[&secret], &header), "{other:?}");
        }
        assert_eq!(standard_secret(&Secret::new("abc")).expose(), "whsec_YWJj");
    }

    const SECRET: &str = "a1b2c3d4e5f6g7h8i9j0";
    const JSON: &str = r#"{"item":{"item_id":"3300000000070001","sku":"SHELF-OAK-80","stock_on_hand":40.0}}"#;
    const FORM: &str = "JSONString=%7B%22item%22%3A%7B%22item_id%22%3A%223300000000070001%22%2C%22sku%22%3A%22SHELF-OAK-80%22%2C%22stock_on_hand%22%3A40.0%7D%7D";

    fn signed(query: &str, body: &str, header: &str) -> bool {
        SignedText::new(query, body.as_bytes()).is_signed_by([&Secret::new(SECRET)], header)
    }

    /// Computed from the documented rule, without this code.
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

    /// The first is the example that Zoho publishes.
    #[test]
    fn the_signed_string_is_the_published_one() {
        for (query, body, expected) in [
            (
                "subscription_id=90343&name=basic",
                r#"{"created_date":"2019-03-06","event_id":"5675"}"#,
                r#"namebasicsubscription_id90343{"created_date":"2019-03-06","event_id":"5675"}"#,
            ),
            ("event=item_updated&conn=c7", JSON, &format!("connc7eventitem_updated{JSON}")),
            ("", FORM, &format!("JSONString{JSON}")),
            (
                "conn=c7",
                "item_id=3300000000070001&name=Oak+Shelf+80+cm",
                "connc7item_id3300000000070001nameOak Shelf 80 cm",
            ),
        ] {
            assert_eq!(text_of(query, body.as_bytes()), expected.as_bytes(), "{query} {body}");
        }
    }

    fn text_of(query: &str, body: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        SignedText::new(query, body).feed(|part| text.extend_from_slice(part));
        text
    }

    /// Each bit of query, body and signature, one after the other.
    #[test]
    fn any_single_changed_bit_fails() {
        let secret = Secret::new(SECRET);
        for (query, body, hex, base64) in VECTORS {
            let text = text_of(query, body.as_bytes());
            let flipped = |bytes: &[u8], at: usize| {
                let mut bytes = bytes.to_vec();
                bytes[at / 8] ^= 1 << (at % 8);
                bytes
            };
            for at in 0..8 * body.len() {
                let body = flipped(body.as_bytes(), at);
                let same = text_of(query, &body) == text;
                assert_eq!(SignedText::new(query, &body).is_signed_by([&secret], hex), same, "{at}");
            }
            for at in 0..8 * query.len() {
                let Ok(query) = String::from_utf8(flipped(query.as_bytes(), at)) else { continue };
                let same = text_of(&query, body.as_bytes()) == text;
                assert_eq!(signed(&query, body, hex), same, "{query}");
            }
            for at in 0..256 {
                let changed = hex::encode(flipped(&hex::decode(hex).unwrap(), at));
                assert!(!signed(query, body, &changed));
                let changed = STANDARD.encode(flipped(&STANDARD.decode(base64).unwrap(), at));
                assert!(!signed(query, body, &changed));
            }
            for at in 0..8 * SECRET.len() {
                let Ok(other) = String::from_utf8(flipped(SECRET.as_bytes(), at)) else { continue };
                let text = SignedText::new(query, body.as_bytes());
                assert!(!text.is_signed_by([&Secret::new(other)], hex));
            }
        }
    }

    #[test]
    fn json_that_was_cut_into_pairs_shows_by_its_names() {
        assert!(SignedText::new("a=b", b"JSONString=%7B%7D").has_plain_names());
        for (query, body) in
            [("", "%7B%22item%22%3A1%7D"), ("%7B=1", "{}"), ("", "a b=1"), ("", "="), ("", " ")]
        {
            assert!(!SignedText::new(query, body.as_bytes()).has_plain_names(), "{query} {body}");
        }
    }

    #[test]
    fn what_we_sign_is_what_zoho_would_sign() {
        let secret = Secret::new(SECRET);
        for (query, body, hex, _) in VECTORS {
            assert_eq!(SignedText::new(query, body.as_bytes()).sign(&secret), *hex);
        }
        let header = sign_body(JSON.as_bytes(), &secret);
        assert_eq!(header, format!("sha256={}", VECTORS[0].2));
        assert!(is_body_signed_by(JSON.as_bytes(), [&secret], &header));
        for wrong in [VECTORS[0].2, "sha256=", "sha1=00", &header.replace("sha256=", "SHA256=")] {
            assert!(!is_body_signed_by(JSON.as_bytes(), [&secret], wrong), "{wrong}");
        }
        assert!(!is_body_signed_by(FORM.as_bytes(), [&secret], &sign_body(JSON.as_bytes(), &secret)));
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
        fn no_request_makes_it_panic(query in "\\PC*", body in prop::collection::vec(any::<u8>(), 0..200), header in "\\PC*") {
            prop_assert!(!SignedText::new(&query, &body).is_signed_by([&Secret::new(SECRET)], &header));
        }
    }

    /// Blanks around a signature are the transport's; digits of another form than the scheme's are no signature.
    #[test]
    fn of_a_header_the_digits_count_and_each_scheme_has_its_own() {
        let (_, body, hex, base64) = VECTORS[0];
        let secret = Secret::new(SECRET);
        for header in [format!(" {hex}\t"), format!("  {base64} ")] {
            assert!(signed("", body, &header), "{header:?}");
        }
        assert!(is_body_signed_by(body.as_bytes(), [&secret], &format!(" sha256={hex} ")));
        for header in [
            format!("sha256={base64}"),
            format!("sha256={hex}00"),
            format!("sha256={}", hex.get(..62).unwrap()),
        ] {
            assert!(!is_body_signed_by(body.as_bytes(), [&secret], &header), "{header}");
        }
        for header in
            [format!("{hex}00"), hex.get(..62).unwrap().to_owned(), String::new(), STANDARD.encode("short")]
        {
            assert!(!signed("", body, &header), "{header:?}");
        }
    }

    #[test]
    fn a_secret_that_stands_twice_fits_as_well_as_once() {
        let secret = Secret::new(SECRET);
        assert!(SignedText::new("", JSON.as_bytes()).is_signed_by([&secret, &secret], VECTORS[0].2));
        let message = Message { id: "msg_1", timestamp: "1614265330", body: b"{}" };
        let one = message.sign(&secret);
        assert!(message.is_signed_by(&[&secret, &secret], &format!("{one} {one}")));
        assert!(!message.is_signed_by(&[], &one));
    }

    #[test]
    fn of_many_signatures_of_a_message_ten_are_read() {
        let secret = Secret::new(SECRET);
        let message = Message { id: "msg_1", timestamp: "1614265330", body: b"{}" };
        let after = |others: usize| format!("{}{}", "v1,x ".repeat(others), message.sign(&secret));
        assert!(message.is_signed_by(&[&secret], &after(9)));
        assert!(!message.is_signed_by(&[&secret], &after(10)));
        // Signatures of other schemes are not among the ten.
        assert!(
            message.is_signed_by(&[&secret], &format!("{}{}", "v1a,x ".repeat(20), message.sign(&secret)))
        );
    }

    #[test]
    fn pairs_of_one_name_stay_in_their_order_and_a_list_is_json() {
        assert_eq!(text_of("b=1&a=2&a=1", b""), b"a2a1b1");
        assert_eq!(text_of("a=1", b"a=0&b=2"), b"a1a0b2");
        assert_eq!(text_of("", b" [1]"), b" [1]");
        // With a byte-order mark before it, which is signed as it came.
        assert_eq!(text_of("a=1", b"\xef\xbb\xbf {\"b\":\"c=d&e\"}"), b"a1\xef\xbb\xbf {\"b\":\"c=d&e\"}");
        assert!(
            is_json(b"\r\n\t {") && is_json(b"[") && !is_json(b"") && !is_json(b"a{") && !is_json(b"\"{\"")
        );
        assert!(is_json(b"\xef\xbb\xbf[") && !is_json(b"\xef\xbb\xbfa=1") && !is_json(b"\xef\xbb\xbf"));
    }

    #[test]
    fn a_plain_name_has_up_to_64_letters_digits_and_underscores() {
        for (name, is_plain) in [
            ("a".repeat(64), true),
            ("a".repeat(65), false),
            ("azAZ09_".to_owned(), true),
            ("a-b".to_owned(), false),
            ("a%5Bb".to_owned(), false),
            ("a%40".to_owned(), false),
            ("%60a".to_owned(), false),
            ("a%2F".to_owned(), false),
            ("a%3A".to_owned(), false),
        ] {
            assert_eq!(
                SignedText::new("", format!("{name}=1").as_bytes()).has_plain_names(),
                is_plain,
                "{name}"
            );
        }
        // One that is not plain is enough, wherever it stands.
        assert!(!SignedText::new("a=1", b"b=1&c d=1").has_plain_names());
    }
}
