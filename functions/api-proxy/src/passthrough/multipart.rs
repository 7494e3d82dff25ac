//! Forms with files: only the heads of their parts are read. A file may hold what it likes.

use percent_encoding::percent_decode;
use shared::base::problem::Problem;

use super::body::{field, invalid};

/// The longest head of a part: a name, a file's name, a type.
const LONGEST_HEAD: usize = 4 * 1024;

/// More parts no form of Zoho's has.
const MOST: usize = 100;

/// Judges a form whose boundary its content type names.
pub(super) fn judge(kind: &str, bytes: &[u8], inventory: bool) -> Result<(), Problem> {
    let boundary = boundary(kind).ok_or_else(|| {
        invalid("`multipart/form-data` needs a `boundary` of 1 to 70 letters, digits and `' ( ) + _ , - . / : = ?`.")
    })?;
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut closed = false;
    let mut begun = None;
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if let Some(rest) = line.strip_prefix(delimiter.as_bytes()) {
            if let Some(from) = begun {
                parts.push(bytes.get(from..at).unwrap_or_default());
            }
            closed = rest.starts_with(b"--");
            begun = Some(at + line.len());
            if closed || parts.len() > MOST {
                break;
            }
            // Longer words that begin alike are no boundary, but some readers take them for one.
            if !rest.trim_ascii().is_empty() {
                return Err(invalid("A line of the form begins like its boundary, and is none."));
            }
        }
        at += line.len();
    }
    if !closed || parts.is_empty() || parts.len() > MOST {
        return Err(invalid(format!(
            "The form must have 1 to {MOST} parts, and end with its boundary and `--`."
        )));
    }
    parts.into_iter().try_for_each(|part| part_is_fine(part, inventory))
}

fn part_is_fine(part: &[u8], inventory: bool) -> Result<(), Problem> {
    let (head, value) =
        head(part).ok_or_else(|| invalid("A part of the form has no head that ends with an empty line."))?;
    // However a reader decodes it, an organisation must not be in it.
    let lower = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let head = lower(&percent_decode(head).collect::<Vec<_>>());
    let bare: String = head.chars().filter(char::is_ascii_alphanumeric).collect();
    if bare.contains("organizationid") || bare.contains("organisationid") {
        return field("organization_id", b"", inventory);
    }
    let name = name(&head).ok_or_else(|| invalid("A part of the form has no plain `name=\"…\"`."))?;
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    field(name, value.strip_suffix(b"\r").unwrap_or(value), inventory)?;
    if bare.contains("jsonstring") {
        return field("JSONString", value, inventory);
    }
    Ok(())
}

/// Head and value of a part.
fn head(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = |gap: &[u8]| {
        let window = part.get(..part.len().min(LONGEST_HEAD)).unwrap_or_default();
        window.windows(gap.len()).position(|here| here == gap).map(|at| (at, at + gap.len()))
    };
    let (at, after) = match (end(b"\r\n\r\n"), end(b"\n\n")) {
        (Some(long), Some(short)) => long.min(short),
        (long, short) => long.or(short)?,
    };
    Some((part.get(..at)?, part.get(after..)?))
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
        ] {
            assert!(judge(kind, body.as_bytes(), true).is_err(), "{kind} {body}");
        }
    }
}
