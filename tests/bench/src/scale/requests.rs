//! The requests of a load.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::fill::{Caller, WEBHOOK_SECRET};
use super::load::Requests;

/// What callers ask for, each in its turn.
pub(super) fn get(path: &str, callers: &Arc<Vec<Caller>>) -> Requests {
    let (path, callers) = (path.to_owned(), callers.clone());
    Arc::new(move |number: usize| {
        let key = &callers[number % callers.len()].key;
        format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n\r\n").into_bytes()
    })
}

/// A webhook of its own for each number, to the connections of the callers in turn.
pub(super) fn delivery(callers: &Arc<Vec<Caller>>) -> Requests {
    let callers = callers.clone();
    Arc::new(move |number: usize| {
        let connection = &callers[number % callers.len()].connection;
        let body = format!(r#"{{"counted":"{number}","time":"2026-11-22T08:00:00Z"}}"#);
        let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        format!(
            "POST /webhooks/{connection}/custom/stock.counted HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
             x-signature: sha256={signature}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    })
}
