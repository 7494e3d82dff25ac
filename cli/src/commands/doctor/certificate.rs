//! When the certificate of the public address ends.

use shared::base::clock::{SignedDuration, Timestamp, later};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::report::Report;

const CHECK: &str = "Certificate";

/// Whoever renews certificates has done it by then: most do it 30 days before the end.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(10 * 24);

/// Judges a certificate that was accepted, as it came.
pub(super) fn check(report: &mut Report, der: &[u8], now: Timestamp) {
    let Some(end) = end_of(der) else {
        return report.neutral(CHECK, "it is accepted, but its end cannot be read");
    };
    if end < later(now, RENEWED_BEFORE) {
        report.bad(
            CHECK,
            format!("it ends at {end}, and nothing has renewed it yet"),
            "look why the reverse proxy or the certificate's issuer does not renew it: after its end neither Zoho nor the agent reaches the connector",
        );
    } else {
        report.good(CHECK, format!("accepted, until {end}"));
    }
}

/// Says why a certificate was not accepted, in the words of the TLS library.
pub(super) fn refused(report: &mut Report, words: &str) {
    let (found, mend) = if words.contains("expired") {
        (
            "it has ended",
            "renew it where it is kept: at the reverse proxy, the tunnel, or in AWS Certificate Manager",
        )
    } else if words.contains("not valid for name") || words.contains("NotValidForName") {
        ("it is another name's", "let the reverse proxy present the certificate of this very name")
    } else if words.contains("UnknownIssuer") {
        (
            "no public authority has issued it",
            "use one of a public authority, like Let's Encrypt: Zoho accepts no other",
        )
    } else {
        ("it is not accepted", "let the reverse proxy present a valid certificate with its whole chain")
    };
    report.bad(CHECK, format!("{found} ({words})"), mend);
}

fn end_of(der: &[u8]) -> Option<Timestamp> {
    let certificate = Certificate::from_der(der).ok()?;
    let end = certificate.tbs_certificate.validity.not_after.to_unix_duration();
    Timestamp::from_second(i64::try_from(end.as_secs()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let end = end_of(include_bytes!("../../../../tests/it/doctor/expired.der")).unwrap();
        assert_eq!(end.to_string(), "2020-02-01T00:00:00Z");
        assert!(end_of(b"none").is_none());
    }
}
