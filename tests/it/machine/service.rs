//! How the machine runs it: the unit of systemd, the image, the signal that ends it.

use std::fs;
use std::path::Path;
use std::process::Command;

use sandbox::{Fault, FaultKind, Gate};
use tempfile::TempDir;
use tests::clock::until;
use tests::connector::Connector;
use tests::process::BINARY;
use tokio::net::TcpStream;

use super::text;

fn deployment(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_unit_is_valid_and_hardened() {
    let unit = deployment("systemd/zoho-connector.service");
    let at = unit.matches("/usr/local/bin/zoho-connector").count();
    assert_eq!(at, 2, "the command, and the one path that may be executed");
    assert!(
        unit.contains("User=zoho-connector")
            && deployment("systemd/zoho-connector.sysusers.conf").contains("u zoho-connector")
    );
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        // The exposure can only be judged where systemd is.
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("zoho-connector.service");
    fs::write(&path, unit.replace("/usr/local/bin/zoho-connector", text(&BINARY))).unwrap();
    let analyze = |args: &[&str]| {
        let output = Command::new("systemd-analyze").args(args).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), said)
    };
    let (is_valid, said) = analyze(&["verify"]);
    assert!(is_valid, "{said}");
    // In tenths: 2.0 of 10.
    let (is_safe, said) = analyze(&["security", "--offline=true", "--no-pager", "--threshold=20"]);
    assert!(is_safe, "{said}");
}

#[test]
fn the_image_holds_the_binary_alone_and_runs_it_as_nobody() {
    let file = deployment("Containerfile");
    let steps: Vec<_> = file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert_eq!(steps[0], "FROM scratch");
    for step in
        ["COPY zoho-connector /zoho-connector", "USER 65532:65532", "VOLUME /data", "STOPSIGNAL SIGTERM"]
    {
        assert!(steps.contains(&step), "{step}: {steps:?}");
    }
    assert!(!steps.iter().any(|step| step.starts_with("RUN")), "there is nothing in it that could run");
}

#[tokio::test]
async fn sigterm_ends_the_server_with_all_in_its_file() {
    let (mut connector, agent) = Connector::connected().await;
    let gate = Gate::default();
    let kind = FaultKind::Held(gate.clone());
    connector.zoho.sandbox.inject(Fault { path_contains: "/crm/".to_owned(), times: 1, kind });
    let address = connector.url.trim_start_matches("http://").to_owned();
    let ends = async {
        gate.reached_by(1).await;
        let opens = async {
            // It takes no more requests; the one under way is answered.
            until("closed", async || TcpStream::connect(&address).await.is_err()).await;
            gate.open();
        };
        tokio::join!(connector.terminate(), opens).0
    };
    let (answer, code) = tokio::join!(agent.get("/v1/crm/deals"), ends);
    answer.ok();
    assert_eq!(code, 0);
    let log = connector.folder().join("zoho-connector.sqlite3-wal");
    assert_eq!(fs::metadata(&log).map_or(0, |found| found.len()), 0, "nothing is left in the log");
    connector.boot().await;
}
