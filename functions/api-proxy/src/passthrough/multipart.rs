//! Forms with files: only the heads of their parts are read. A file may hold what it likes.

use percent_encoding::percent_decode;
use shared::base::problem::Problem;
use shared::base::secret::sha256_hex;

use super::field::field;
use crate::request::body::invalid;

/// The longest head of a part, in bytes: a name, a file's name, a type.
const MAX_HEAD_LENGTH: usize = 4 * 1024;

/// More parts no form of Zoho's has.
const MAX_PARTS: usize = 100;

/// A part: its head and its value.
type Part<'a> = (&'a [u8], &'a [u8]);

/// Judges a form with this boundary.
pub(super) fn judge(boundary: &str, bytes: &[u8], inventory: bool) -> Result<(), Problem> {
    parts(boundary, bytes)?.into_iter().try_for_each(|part| part_is_fine(part, inventory))
}

/// A form's type, bytes and digest as they are with any boundary: clients draw a new one for each request.
pub(super) fn same(boundary: &str, bytes: &[u8]) -> Option<(String, usize, String)> {
    let parts = parts(boundary, bytes).ok()?;
    let size = parts.iter().map(|(head, value)| head.len() + value.len()).sum();
    let digests: Vec<_> =
        parts.iter().map(|(head, value)| format!("{} {}", sha256_hex(head), sha256_hex(value))).collect();
    Some(("multipart/form-data".to_owned(), size, sha256_hex(digests.join("\n").as_bytes())))
}

/// The fields of a form, without its files: names and values.
pub(super) fn fields(boundary: &str, bytes: &[u8]) -> Vec<(String, String)> {
    let text = |(head, value): Part<'_>| {
        let Head { name, has_file } = Head::read(head).ok()?;
        let value = if has_file { String::new() } else { String::from_utf8_lossy(value).into_owned() };
        Some((name.to_owned(), value))
    };
    parts(boundary, bytes).unwrap_or_default().into_iter().filter_map(text).collect()
}

fn parts<'a>(boundary: &str, bytes: &'a [u8]) -> Result<Vec<Part<'a>>, Problem> {
    let delimiter = format!("--{boundary}");
    let blank = |bytes: &[u8]| bytes.trim_ascii().is_empty();
    let mut parts = Vec::new();
    let mut lines = 0;
    let mut closed = false;
    let mut begun = None;
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let next = at + line.len();
        let rest = line.strip_prefix(delimiter.as_bytes());
        // It belongs to no part, but some readers find one there all the same.
        if (closed || begun.is_none() && rest.is_none()) && !blank(line) {
            return Err(invalid("Something stands before the first or after the last boundary of the form."));
        }
        if let Some(rest) = rest {
            lines += 1;
            if let Some(from) = begun {
                parts.push(head(bytes.get(from..at).unwrap_or_default())?);
            }
            let end = rest.strip_prefix(b"--");
            // Longer words that begin alike are no boundary, but some readers take them for one.
            if !blank(end.unwrap_or(rest)) {
                return Err(invalid("A line of the form begins like its boundary, and is none."));
            }
            (begun, closed) = (Some(next), end.is_some());
            if parts.len() > MAX_PARTS {
                break;
            }
        }
        at = next;
    }
    // Behind a bare carriage return, some readers find a line of their own.
    if closed && count(bytes, delimiter.as_bytes()) != lines {
        return Err(invalid("The boundary of the form stands within one of its parts. Draw another one."));
    }
    if !closed || parts.is_empty() || parts.len() > MAX_PARTS {
        return Err(invalid(format!(
            "The form must have 1 to {MAX_PARTS} parts, and end with its boundary and `--`."
        )));
    }
    Ok(parts)
}

fn count(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).filter(|here| *here == wanted).count()
}

fn part_is_fine((head, value): Part<'_>, inventory: bool) -> Result<(), Problem> {
    // However a reader decodes it, an organisation must not be in it.
    let lower = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let decoded = lower(&percent_decode(head).collect::<Vec<_>>());
    let bare: String = decoded.chars().filter(char::is_ascii_alphanumeric).collect();
    if bare.contains("organizationid") || bare.contains("organisationid") {
        return field("organization_id", b"", inventory);
    }
    let Head { name, .. } = Head::read(head)?;
    field(name, value, inventory)?;
    if bare.contains("jsonstring") {
        return field("JSONString", value, inventory);
    }
    Ok(())
}

/// The head of a part, as every reader reads it.
struct Head<'a> {
    name: &'a str,
    has_file: bool,
}

impl<'a> Head<'a> {
    fn read(head: &'a [u8]) -> Result<Self, Problem> {
        let odd = |what: &str| invalid(format!("A part of the form has {what}."));
        let text = std::str::from_utf8(head).map_err(|_| odd("a head that is no text in UTF-8"))?;
        let mut disposition = None;
        for line in text.split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.contains(|one: char| one.is_control() || one == '\\') || line.starts_with(' ') {
                return Err(odd(
                    "a head with a control character, a backslash or a line that goes on in the next",
                ));
            }
            let (name, value) =
                line.split_once(':').ok_or_else(|| odd("a line in its head without a colon"))?;
            let value = value.trim_ascii();
            match name.to_ascii_lowercase().as_str() {
                "content-disposition" if disposition.is_none() => disposition = Some(value),
                // A text in another charset would be another text, and a form within a form is not looked into.
                "content-type" if !value.contains("multipart/") && is_utf8(value) => {}
                "content-length" => {}
                "content-transfer-encoding"
                    if ["binary", "8bit", "7bit"].iter().any(|plain| value.eq_ignore_ascii_case(plain)) => {}
                _ => return Err(odd("a line in its head that has no place there")),
            }
        }
        let unnamed = || odd("no plain `Content-Disposition: form-data; name=\"…\"`");
        let disposition = disposition.ok_or_else(unnamed)?;
        let mut rest = disposition
            .get(..9)
            .filter(|kind| kind.eq_ignore_ascii_case("form-data"))
            .and(disposition.get(9..));
        let (mut name, mut file, mut written_out) = (None, false, false);
        while let Some(parameter) = rest.filter(|rest| !rest.is_empty()) {
            let parameter =
                parameter.trim_ascii_start().strip_prefix(';').ok_or_else(unnamed)?.trim_ascii_start();
            let (key, value) = parameter.split_once('=').ok_or_else(unnamed)?;
            let (value, after) = match value.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(unnamed)?,
                None => value
                    .split_once(';')
                    .map_or((value, ""), |(value, _)| (value, value_end(parameter, value))),
            };
            match key.to_ascii_lowercase().as_str() {
                "name" if name.is_none() && !value.is_empty() => name = Some(value),
                "filename" if !file => file = true,
                // The same in the form of RFC 5987.
                "filename*" if !written_out => written_out = true,
                _ => return Err(unnamed()),
            }
            rest = Some(after);
        }
        Ok(Self { name: name.ok_or_else(unnamed)?, has_file: file || written_out })
    }
}

/// What stands behind a value without quotes.
fn value_end<'a>(parameter: &'a str, value: &str) -> &'a str {
    parameter.find(';').and_then(|at| parameter.get(at..)).filter(|_| !value.is_empty()).unwrap_or_default()
}

/// Whether a part's type names no charset but UTF-8.
fn is_utf8(kind: &str) -> bool {
    let mut parameters = kind.split(';').skip(1).map(|parameter| parameter.trim_ascii().to_ascii_lowercase());
    parameters.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.starts_with("charset") => {
            name == "charset" && value.trim_matches('"') == "utf-8"
        }
        other => other.is_some(),
    })
}

/// Head and value of a part. The end of its last line belongs to the boundary.
fn head(part: &[u8]) -> Result<Part<'_>, Problem> {
    let end = |gap: &[u8]| {
        let window = part.get(..part.len().min(MAX_HEAD_LENGTH)).unwrap_or_default();
        window.windows(gap.len()).position(|here| here == gap).map(|at| (at, at + gap.len()))
    };
    let found = match (end(b"\r\n\r\n"), end(b"\n\n")) {
        (Some(long), Some(short)) => Some(long.min(short)),
        (long, short) => long.or(short),
    };
    let (at, after) =
        found.ok_or_else(|| invalid("A part of the form has no head that ends with an empty line."))?;
    let value = part.get(after..).unwrap_or_default();
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    Ok((part.get(..at).unwrap_or_default(), value.strip_suffix(b"\r").unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDARY: &str = "a-b";

    fn part(head: &str, value: &str) -> String {
        format!("--a-b\r\n{head}\r\n\r\n{value}\r\n--a-b--\r\n")
    }

    #[test]
    fn files_pass_whatever_they_hold() {
        let file =
            "Content-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\nContent-Type: image/png";
        let held = "organization_id\r\n\r\n{\"organization_id\":1}\n\n--a-c\0\u{1}";
        judge(BOUNDARY, part(file, held).as_bytes(), true).unwrap();
        let fields = "Content-Disposition: form-data; name=\"JSONString\"";
        judge(BOUNDARY, part(fields, r#"{"name":"x"}"#).as_bytes(), true).unwrap();
        judge(BOUNDARY, part(file, "").replace("\r\n", "\n").as_bytes(), true).unwrap();
        let named =
            "Content-Disposition: form-data; name=image; filename*=UTF-8''%C3%B6l.png; filename=\"öl.png\"";
        judge(BOUNDARY, part(named, held).as_bytes(), true).unwrap();
    }

    #[test]
    fn an_organisation_finds_no_way_in() {
        for head in [
            "Content-Disposition: form-data; name=\"organization_id\"",
            "content-disposition: form-data; name=\"Organization_ID\"",
            "Content-Disposition: form-data; name=organization_id",
            "Content-Disposition: form-data; name=\"a\"; name=\"organization_id\"",
            "Content-Disposition: form-data; name*=UTF-8''organization%5Fid",
            "Content-Disposition: form-data; name=\"organization\\_id\"",
            "Content-Disposition: form-data",
            "X: y",
            "Content-Disposition: form-data; name=\"a\"; name=\"organ\u{131}zation_id\"",
            "Content-Disposition: form-data; name=\"organ\u{131}zation_id\"",
            "Content-Disposition: form-data; filename=\"x\\\"; name=\\\"b\"; name=\"a\"",
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"",
            "Content-Disposition: form-data; name=\"a\"\rX: y",
            "Content-Disposition: form-data;\r\n name=\"a\"",
            "Content-Disposition: form-data; name=\"_charset_\"",
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-7",
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Type: multipart/mixed; boundary=b",
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64",
        ] {
            assert!(judge(BOUNDARY, part(head, "1").as_bytes(), true).is_err(), "{head}");
        }
        let json = "Content-Disposition: form-data; name=\"JSONString\"";
        assert!(judge(BOUNDARY, part(json, r#"{"organization_id":1}"#).as_bytes(), true).is_err());
        assert!(judge(BOUNDARY, part(json, "no json").as_bytes(), true).is_err());
    }

    #[test]
    fn a_form_is_the_same_with_any_boundary_and_another_with_any_other_part() {
        let (file, other) =
            (r#"Content-Disposition: form-data; name="a""#, r#"Content-Disposition: form-data; name="b""#);
        let of =
            |boundary: &str, body: String| same(boundary, body.replace("a-b", boundary).as_bytes()).unwrap();
        let first = of("a-b", part(file, "1"));
        assert_eq!((first.0.as_str(), first.1), ("multipart/form-data", file.len() + 1));
        assert_eq!(of("----another", format!("\r\n{} \r\n", part(file, "1"))), first);
        for body in [
            part(file, "2"),
            part(other, "1"),
            part(file, "1\r\n"),
            part(file, "1").replace("--a-b--", &part(file, "1")),
        ] {
            assert_ne!(of("x", body).2, first.2);
        }
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let good = part("Content-Disposition: form-data; name=\"a\"", "1");
        for (boundary, body) in [
            (BOUNDARY, ""),
            (BOUNDARY, "--a-b--"),
            (BOUNDARY, "--a-b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"),
            (BOUNDARY, "--a-b\r\nno head\r\n--a-b--"),
            (BOUNDARY, &good.replace("--a-b--", "--a-bc\r\n--a-b--")),
            (BOUNDARY, &good.replace("--a-b--", "--a-b--junk")),
            (
                BOUNDARY,
                &format!("{good}{}", part("Content-Disposition: form-data; name=\"organization_id\"", "1")),
            ),
            (
                BOUNDARY,
                &good.replace(
                    "\r\n1\r\n",
                    "\r\n1\r--a-b\rContent-Disposition: form-data; name=\"b\"\r\r2\r\n",
                ),
            ),
            (BOUNDARY, &format!("{good}x")),
            (BOUNDARY, &format!("x\r\n{good}")),
        ] {
            assert!(judge(boundary, body.as_bytes(), true).is_err(), "{body}");
        }
    }
}
