//! Forms with files: only the heads of their parts are read. A file may hold what it likes.

use percent_encoding::percent_decode;
use shared::base::problem::Problem;
use shared::base::secret::sha256_hex;

use super::field::{field, invalid};

/// The longest head of a part: a name, a file's name, a type.
const MAX_HEAD_LENGTH: usize = 4 * 1024;

/// More parts no form of Zoho's has.
const MAX_PARTS: usize = 100;

/// A part: its head and its value.
type Part<'a> = (&'a [u8], &'a [u8]);

/// Judges a form whose boundary its content type names.
pub(super) fn judge(kind: &str, bytes: &[u8], inventory: bool) -> Result<(), Problem> {
    parts(kind, bytes)?.into_iter().try_for_each(|part| part_is_fine(part, inventory))
}

/// A form's type, bytes and digest as they are with any boundary: clients draw a new one for each request.
pub(super) fn same(kind: &str, bytes: &[u8]) -> Option<(String, usize, String)> {
    let parts = parts(kind, bytes).ok()?;
    let of_boundary = |parameter: &&str| {
        parameter.split('=').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("boundary"))
    };
    let kind: Vec<_> = kind.split(';').filter(|parameter| !of_boundary(parameter)).collect();
    let size = parts.iter().map(|(head, value)| head.len() + value.len()).sum();
    let digests: Vec<_> =
        parts.iter().map(|(head, value)| format!("{} {}", sha256_hex(head), sha256_hex(value))).collect();
    Some((kind.join(";"), size, sha256_hex(digests.join("\n").as_bytes())))
}

/// The fields of a form, without its files: names and values.
pub(super) fn fields(kind: &str, bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let parts = parts(kind, bytes).ok()?;
    let text = |(head, value): &Part<'_>| {
        let head = String::from_utf8_lossy(head);
        let is_file = head.to_ascii_lowercase().contains("filename");
        let value = if is_file { String::new() } else { String::from_utf8_lossy(value).into_owned() };
        // Of a head that is written oddly, all of it is looked at.
        (name(&head.to_ascii_lowercase()).map_or_else(|| head.to_string(), str::to_owned), value)
    };
    Some(parts.iter().map(text).collect())
}

fn parts<'a>(kind: &str, bytes: &'a [u8]) -> Result<Vec<Part<'a>>, Problem> {
    let boundary = boundary(kind).ok_or_else(|| {
        invalid("`multipart/form-data` needs a `boundary` of 1 to 70 letters, digits and `' ( ) + _ , - . / : = ?`.")
    })?;
    let delimiter = format!("--{boundary}");
    let blank = |bytes: &[u8]| bytes.trim_ascii().is_empty();
    let mut parts = Vec::new();
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
    if !closed || parts.is_empty() || parts.len() > MAX_PARTS {
        return Err(invalid(format!(
            "The form must have 1 to {MAX_PARTS} parts, and end with its boundary and `--`."
        )));
    }
    Ok(parts)
}

fn part_is_fine((head, value): Part<'_>, inventory: bool) -> Result<(), Problem> {
    // However a reader decodes it, an organisation must not be in it.
    let lower = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let head = lower(&percent_decode(head).collect::<Vec<_>>());
    let bare: String = head.chars().filter(char::is_ascii_alphanumeric).collect();
    if bare.contains("organizationid") || bare.contains("organisationid") {
        return field("organization_id", b"", inventory);
    }
    let name = name(&head).ok_or_else(|| invalid("A part of the form has no plain `name=\"…\"`."))?;
    field(name, value, inventory)?;
    if bare.contains("jsonstring") {
        return field("JSONString", value, inventory);
    }
    Ok(())
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

/// The name of a field, out of a head in small letters.
fn name(head: &str) -> Option<&str> {
    let line = head.lines().find(|line| line.starts_with("content-disposition:"))?;
    let (_, rest) = line.split_once("; name=\"")?;
    let (name, _) = rest.split_once('"')?;
    let plain =
        name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'[' | b']'));
    (plain && !name.is_empty()).then_some(name)
}

fn boundary(kind: &str) -> Option<&str> {
    let mut found = kind.split(';').skip(1).filter_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then_some(value)
    });
    let (Some(value), None) = (found.next(), found.next()) else { return None };
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&b);
    ((1..=70).contains(&value.len()) && value.bytes().all(fits)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=\"a-b\"";

    fn part(head: &str, value: &str) -> String {
        format!("--a-b\r\n{head}\r\n\r\n{value}\r\n--a-b--\r\n")
    }

    #[test]
    fn files_pass_whatever_they_hold() {
        let file =
            "Content-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\nContent-Type: image/png";
        let held = "organization_id\r\n\r\n{\"organization_id\":1}\n\n--a-c\0\u{1}";
        judge(KIND, part(file, held).as_bytes(), true).unwrap();
        let fields = "Content-Disposition: form-data; name=\"JSONString\"";
        judge(KIND, part(fields, r#"{"name":"x"}"#).as_bytes(), true).unwrap();
        judge("Multipart/Form-Data; boundary=a-b", part(file, "").replace("\r\n", "\n").as_bytes(), true)
            .unwrap();
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
        ] {
            assert!(judge(KIND, part(head, "1").as_bytes(), true).is_err(), "{head}");
        }
        let json = "Content-Disposition: form-data; name=\"JSONString\"";
        assert!(judge(KIND, part(json, r#"{"organization_id":1}"#).as_bytes(), true).is_err());
        assert!(judge(KIND, part(json, "no json").as_bytes(), true).is_err());
    }

    #[test]
    fn a_form_is_the_same_with_any_boundary_and_another_with_any_other_part() {
        let (file, other) =
            (r#"Content-Disposition: form-data; name="a""#, r#"Content-Disposition: form-data; name="b""#);
        let of = |boundary: &str, body: String| {
            let kind = format!("multipart/form-data; Boundary={boundary}; charset=utf-8");
            same(&kind, body.replace("a-b", boundary).as_bytes()).unwrap()
        };
        let first = of("a-b", part(file, "1"));
        assert_eq!((first.0.as_str(), first.1), ("multipart/form-data; charset=utf-8", file.len() + 1));
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
        for (kind, body) in [
            ("multipart/form-data", good.as_str()),
            ("multipart/form-data; boundary=", &good),
            ("multipart/form-data; boundary=a-b; boundary=c", &good),
            ("multipart/form-data; boundary=\"a b\"", &good),
            (KIND, ""),
            (KIND, "--a-b--"),
            (KIND, "--a-b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"),
            (KIND, "--a-b\r\nno head\r\n--a-b--"),
            (KIND, &good.replace("--a-b--", "--a-bc\r\n--a-b--")),
            (KIND, &good.replace("--a-b--", "--a-b--junk")),
            (
                KIND,
                &format!("{good}{}", part("Content-Disposition: form-data; name=\"organization_id\"", "1")),
            ),
            (KIND, &format!("{good}x")),
            (KIND, &format!("x\r\n{good}")),
        ] {
            assert!(judge(kind, body.as_bytes(), true).is_err(), "{kind} {body}");
        }
    }
}
