//! The two processes behind the front. Each says `listening on PORT`, and ends with its input, which ends with the test process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::python::venv;
use crate::cargo::cargo;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/aws");

/// A process that answers as AWS does.
pub(super) struct Backend {
    pub(super) url: String,
    _input: ChildStdin,
    _process: Child,
}

impl Backend {
    /// The tables.
    pub(super) fn dynamodb() -> Self {
        Self::start(&mut Command::new(built_dynamodb()))
    }

    /// Everything else.
    pub(super) fn moto() -> Self {
        let python = venv("aws").join("bin/python");
        Self::start(Command::new(python).arg(Path::new(FOLDER).join("moto_server.py")))
    }

    fn start(command: &mut Command) -> Self {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = pipes.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("listening on ");
        let port = port.unwrap_or_else(|| panic!("{command:?} says {line:?}"));
        let input = process.stdin.take().unwrap();
        Self { url: format!("http://127.0.0.1:{port}"), _input: input, _process: process }
    }
}

/// The binary of `tests/aws/dynamodb`, built if it is not there.
fn built_dynamodb() -> PathBuf {
    // …/target/debug/deps/it-… has its target folder four steps up.
    let tests = std::env::current_exe().expect("the test knows its own path");
    let target = tests.ancestors().nth(3).expect("a target folder").join("dynamodb");
    let manifest = Path::new(FOLDER).join("dynamodb/Cargo.toml");
    let mut cargo = cargo();
    cargo.args(["build", "--locked", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(&target);
    let built = cargo.output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    target.join("debug/dynamodb")
}
