//! Compresses the OpenAPI document, so that the binary carries a tenth of it, and most callers get it as it is kept.

use std::io::Write;
use std::path::Path;
use std::{env, error, fs};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=openapi.json");
    println!("cargo::rerun-if-changed=build.rs");
    let document = fs::read("openapi.json")?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&document)?;
    let folder = env::var("OUT_DIR")?;
    fs::write(Path::new(&folder).join("openapi.json.gz"), encoder.finish()?)?;
    Ok(())
}
