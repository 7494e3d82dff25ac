//! What a stranger sends is compared with a secret only by calls whose duration tells nothing. Reads the source as text,
//! so that no plain comparison slips in.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must stop")]

use std::fs;
use std::path::{Path, PathBuf};

/// Where webhooks are verified, and how often each of these files takes a secret out of hiding: to key an HMAC, to hash it
/// before it is compared, to store it. One more must be looked at, and counted here.
const FILES: &[(&str, usize)] = &[
    ("shared/src/zoho/signature.rs", 2),
    ("shared/src/core/events/webhook_secrets.rs", 2),
    ("functions/webhook-intake/src/lib.rs", 0),
    ("functions/webhook-intake/src/routes.rs", 0),
    ("functions/webhook-intake/src/app.rs", 0),
    ("functions/webhook-intake/src/admission.rs", 0),
    ("functions/webhook-intake/src/secret_cache.rs", 0),
    ("functions/webhook-intake/src/rejection.rs", 0),
    ("functions/webhook-intake/src/inventory.rs", 0),
    ("functions/webhook-intake/src/unfilled_placeholders.rs", 0),
    ("functions/webhook-intake/src/operators_test.rs", 0),
    ("functions/webhook-intake/src/payload.rs", 0),
    ("functions/webhook-intake/src/form.rs", 0),
    ("functions/webhook-intake/src/headers.rs", 0),
    ("functions/webhook-intake/src/crm.rs", 0),
    ("functions/webhook-intake/src/custom.rs", 0),
    ("functions/webhook-intake/src/main.rs", 0),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The code of a file, without its tests and comments.
fn code(file: &str) -> String {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_file_of_the_intake_is_among_them() {
    for entry in fs::read_dir(root().join("functions/webhook-intake/src")).unwrap() {
        let name = entry.unwrap().file_name();
        if name == "tests.rs" {
            continue;
        }
        let known = FILES.iter().any(|(file, _)| Path::new(file).file_name() == Some(&*name));
        assert!(known, "{} is not looked at", name.display());
    }
}

#[test]
fn secrets_come_out_of_hiding_only_where_it_is_known() {
    for (file, expected) in FILES {
        let code = code(file);
        let found = code.matches(".expose()").count() + code.matches("Secret::expose").count();
        assert_eq!(found, *expected, "{file}");
        assert!(!code.contains("digest()"), "{file}: digests are compared in base/secret.rs");
    }
}

#[test]
fn nothing_that_was_computed_with_a_secret_is_compared_plainly() {
    let signature = code("shared/src/zoho/signature.rs");
    assert_eq!(signature.matches("verify_slice").count(), 1, "the one comparison of signatures");
    assert_eq!(signature.matches("finalize()").count(), 1, "to sign, and not to compare");
    assert!(signature.contains("hex::encode(mac.finalize().into_bytes())"));
    for line in signature.lines().filter(|line| line.contains("==") || line.contains("!=")) {
        assert!(line.contains(".len() =="), "signature.rs compares: {line}");
    }
    for (file, _) in FILES.iter().filter(|(file, _)| file.starts_with("functions")) {
        let code = code(file);
        for word in ["Hmac", "verify(", "finalize().into_bytes()", "sign_body", ".sign("] {
            assert!(!code.contains(word), "{file} has {word}: signatures are checked in zoho/signature.rs");
        }
        for line in code.lines().filter(|line| line.contains("==") || line.contains("!=")) {
            for word in ["secret", "token", "signature", "mac"] {
                assert!(!line.to_ascii_lowercase().contains(word), "{file} compares plainly: {line}");
            }
        }
    }
}

#[test]
fn a_secret_cannot_be_compared_but_by_its_digest() {
    let secret = code("shared/src/base/secret.rs");
    assert!(!secret.contains("PartialEq"), "a secret has no `==`");
    assert_eq!(secret.matches(".ct_eq(").count(), 1);
    for line in secret.lines() {
        assert!(!line.contains("==") && !line.contains("!="), "secret.rs compares: {line}");
    }
}
