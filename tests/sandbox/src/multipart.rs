//! The texts of a `multipart/form-data` body: Zoho's Node SDK sends its token calls that way.

/// The boundary that a content type names; `None` where it is no such form.
pub(crate) fn boundary(kind: &str) -> Option<&str> {
    let (name, parameters) = kind.split_once(';')?;
    if !name.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let named = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary="))?;
    Some(named.trim_matches('"'))
}

/// The first text of this name.
pub(crate) fn text(body: &[u8], boundary: &str, name: &str) -> Option<String> {
    let body = String::from_utf8_lossy(body);
    let wanted = format!("name=\"{name}\"");
    body.split(&format!("--{boundary}")).find_map(|part| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        let is = |line: &str| {
            line.to_ascii_lowercase().starts_with("content-disposition:")
                && line.split(';').any(|piece| piece.trim() == wanted)
        };
        head.lines().any(is).then(|| value.strip_suffix("\r\n").unwrap_or(value).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_their_names() {
        let boundary = boundary("multipart/form-data; boundary=--x1").unwrap();
        let body = "----x1\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\n1000.a\r\n----x1\r\n\
            Content-Disposition: form-data; name=\"client_id\"\r\n\r\n\r\n----x1--\r\n";
        let text = |name| text(body.as_bytes(), boundary, name);
        assert_eq!(text("code").as_deref(), Some("1000.a"));
        assert_eq!(text("client_id").as_deref(), Some(""));
        assert_eq!(text("client"), None);
    }

    #[test]
    fn other_forms_have_no_boundary() {
        for kind in ["application/x-www-form-urlencoded", "text/plain; boundary=x", "multipart/form-data"] {
            assert_eq!(boundary(kind), None, "{kind}");
        }
        assert_eq!(boundary("Multipart/Form-Data; charset=utf-8; boundary=\"x\""), Some("x"));
    }
}
