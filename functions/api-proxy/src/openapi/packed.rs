//! What the binary carries compressed, as the build packs it (`build.rs`).

use std::io::{self, Read};

use flate2::read::GzDecoder;

/// The OpenAPI document without its white space. Most callers take it as it is here.
pub(crate) const DOCUMENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));

/// The tools of `/mcp`.
pub(crate) const TOOLS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tools.json.gz"));

/// The text of one of these.
pub(crate) fn unpacked(packed: &[u8]) -> io::Result<String> {
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text)?;
    Ok(text)
}
