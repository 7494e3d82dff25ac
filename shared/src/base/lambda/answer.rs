//! Answers in the form of an HTTP API:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
//!
//! They are written here and not by `serde_json`: the body is a text in a text, of which nearly all bytes stand for themselves.

use axum::body::{Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hot::text::{push_bytes, push_text};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// How many bytes stand around a body, but for unusual headers.
const AROUND: usize = 1024;

/// The text of an answer.
pub(super) struct Answer(String);

/// The name by which `serde_json` knows a text that is JSON already.
const JSON: &str = "$serde_json::private::RawValue";

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut written = serializer.serialize_struct(JSON, 1)?;
        written.serialize_field(JSON, &self.0)?;
        written.end()
    }
}

impl Answer {
    /// The bytes of the body are not changed, whatever its content type says.
    pub(super) async fn of(response: Response) -> Self {
        let (mut parts, body) = response.into_parts();
        // All bodies are in memory already, so this neither fails nor copies.
        let body = to_bytes(body, usize::MAX).await.unwrap_or_else(|_| {
            parts.status = StatusCode::INTERNAL_SERVER_ERROR;
            Bytes::new()
        });
        Self(written(parts.status, &parts.headers, &body))
    }
}

fn written(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> String {
    // Whether the body is a text is found out with the whole answer.
    let as_text =
        if swells(body) { None } else { String::from_utf8(bytes(status, headers, body, false)).ok() };
    // All of it is made of texts then.
    as_text.unwrap_or_else(|| String::from_utf8(bytes(status, headers, body, true)).unwrap_or_default())
}

/// The bytes of an answer, which are a text where those of the body are one, or become base64.
fn bytes(status: StatusCode, headers: &HeaderMap, body: &[u8], is_base64: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + body.len() / 4 + AROUND);
    out.extend_from_slice(b"{\"statusCode\":");
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(b",\"headers\":{");
    let (mut comma, mut last): (_, Option<&HeaderName>) = (false, None);
    for (name, value) in headers {
        // A header with several values has them side by side: the first one is written. Cookies have a field of their own.
        if last.replace(name) == Some(name) || *name == header::SET_COOKIE {
            continue;
        }
        if std::mem::replace(&mut comma, true) {
            out.push(b',');
        }
        push_text(&mut out, name.as_str());
        out.push(b':');
        push_text(&mut out, &String::from_utf8_lossy(value.as_bytes()));
    }
    out.extend_from_slice(b"},\"multiValueHeaders\":{}");
    if is_base64 {
        out.extend_from_slice(b",\"body\":\"");
        out.extend_from_slice(STANDARD.encode(body).as_bytes());
        out.push(b'"');
    } else if !body.is_empty() {
        out.extend_from_slice(b",\"body\":");
        push_bytes(&mut out, body);
    }
    out.extend_from_slice(b",\"isBase64Encoded\":");
    out.extend_from_slice(if is_base64 { b"true" } else { b"false" });
    out.extend_from_slice(b",\"cookies\":[");
    for (index, cookie) in headers.get_all(header::SET_COOKIE).iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_text(&mut out, cookie.to_str().unwrap_or_default());
    }
    out.extend_from_slice(b"]}");
    out
}

/// Above this size a body is sent as base64 where that is shorter than escaped text, so that 4 MB always fit into Lambda's limit of 6 MiB.
/// Below it, six bytes for each byte fit, with the headers.
const BASE64_THRESHOLD: usize = 1_000_000;

/// Whether a body is longer when it is escaped than as base64, and long.
fn swells(body: &[u8]) -> bool {
    body.len() > BASE64_THRESHOLD && body.iter().map(|byte| escape(*byte)).sum::<usize>() > body.len() / 3
}

/// How many bytes the escape of a byte in a JSON string adds.
const fn escape(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        0..0x20 => 5,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn an_answer_is_written_as_api_gateway_reads_it() {
        let response = Response::builder()
            .status(404)
            .header("content-type", "application/json")
            .header("x-odd", b"caf\xe9 \"".as_slice())
            .header("set-cookie", "a=1; Path=/")
            .header("x-two", "1")
            .header("x-two", "2")
            .header("set-cookie", "b=\"2\"")
            .body(Body::from("{\"name\":\"B\u{fc}cher\\n\"}\n"))
            .unwrap();
        let answer = serde_json::to_string(&Answer::of(response).await).unwrap();
        // In the order of `lambda_http`, which wrote it before.
        assert_eq!(
            answer,
            concat!(
                r#"{"statusCode":404,"headers":{"content-type":"application/json","x-odd":"caf"#,
                "\u{fffd}",
                r#" \"","x-two":"1"},"multiValueHeaders":{},"body":"{\"name\":\"Bücher\\n\"}\n","isBase64Encoded":false,"#,
                r#""cookies":["a=1; Path=/","b=\"2\""]}"#
            )
        );
        let empty = serde_json::to_vec(&Answer::of(Response::new(Body::empty())).await).unwrap();
        let empty: Value = serde_json::from_slice(&empty).unwrap();
        let expected = json!({ "statusCode": 200, "headers": {}, "multiValueHeaders": {}, "isBase64Encoded": false, "cookies": [] });
        assert_eq!(empty, expected);
    }

    #[test]
    fn bytes_become_text_only_where_that_changes_and_swells_nothing() {
        let text = |body: &[u8]| {
            let answer: Value =
                serde_json::from_str(&written(StatusCode::OK, &HeaderMap::new(), body)).unwrap();
            let text = answer["body"].as_str().unwrap().to_owned();
            if answer["isBase64Encoded"] == true {
                assert_eq!(STANDARD.decode(text).unwrap(), body);
                return None;
            }
            Some(text)
        };
        assert_eq!(text("{\"name\":\"Bücherregal\"}".as_bytes()).unwrap(), "{\"name\":\"Bücherregal\"}");
        assert_eq!(text(b"caf\xe9"), None, "not UTF-8");
        assert!(text(&vec![b'\n'; BASE64_THRESHOLD]).is_some());
        assert_eq!(text(&vec![b'\n'; BASE64_THRESHOLD + 1]), None, "longer than base64");
        let longest = written(StatusCode::OK, &HeaderMap::new(), &vec![0; BASE64_THRESHOLD]);
        assert!(longest.len() + 64 * 1024 < 6 * 1024 * 1024, "there is room for headers: {}", longest.len());
    }
}
