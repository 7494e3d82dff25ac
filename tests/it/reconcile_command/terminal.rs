//! A person at a terminal: a bar, a question, Ctrl-C.

use std::process::Command;
use std::time::Duration;

use sandbox::{Fault, FaultKind};
use tests::clock::until;
use tests::connector::Connector;
use tests::process::{self, Ended};

use super::{COUNTS, adjustments, file, id, keeper, no_key_is_left, on_hand, text};

/// Runs the command line on a terminal, types this at the question, and ends with what was shown and the exit code.
const ON_A_TERMINAL: &str = r#"
import os, pty, sys
answer, command = sys.argv[1].encode().decode("unicode_escape"), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown, asked = b"", False
while True:
    try:
        some = os.read(terminal, 4096)
    except OSError:
        break
    if not some:
        break
    shown += some
    if b"[y/N]" in shown and not asked:
        asked = True
        os.write(terminal, answer.encode())
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[tokio::test]
async fn on_a_terminal_it_shows_a_bar_and_asks() {
    let (connector, agent) = keeper().await;
    let counts = file(&connector, "counts.csv", COUNTS);
    for (answer, code, expected, left) in [
        ("n\\n", 3, "Nothing was written.", 30.0),
        ("\\x04", 3, "Nothing was written.", 30.0),
        ("\\x03", 130, "Interrupted.", 30.0),
        ("y\\n", 0, "2 adjusted", 26.0),
    ] {
        let mut python = tokio::process::Command::new("python3");
        python.args(["-c", ON_A_TERMINAL, answer]).arg(&*process::BINARY);
        python.args(["reconcile", text(&counts), "--apply", "--data", text(connector.folder())]);
        python.args(["--public-url", &connector.url]).env_clear().env("TERM", "xterm").kill_on_drop(true);
        python.env("PATH", std::env::var_os("PATH").unwrap()).envs(connector.variables());
        let ended = python.output().await.unwrap();
        let shown = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert_eq!(
            ended.status.code(),
            Some(code),
            "{answer}: {shown} {}",
            String::from_utf8_lossy(&ended.stderr)
        );
        assert!(
            shown.contains("Adjust 2 rows in Zoho? [y/N]") && shown.contains(expected),
            "{answer}: {shown}"
        );
        assert!(shown.contains('█') || shown.contains('░'), "{shown}");
        // Who does not agree has nothing to mend.
        assert!(!shown.contains("stands beside"), "{answer}: {shown}");
        assert_eq!(shown.contains("this adjusts it"), code == 3, "{answer}: {shown}");
        assert!(on_hand(&agent, "Main").await == left, "{answer}");
        no_key_is_left(&connector).await;
    }
}

/// Presses Ctrl-C, and waits for the end.
async fn interrupt(running: process::Running) -> Ended {
    let pid = running.pid().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    running.end().await
}

fn slow(connector: &Connector, method: &str, path: &str) {
    let kind = FaultKind::Slow(Duration::from_secs(2));
    connector.zoho.sandbox.inject_on(method, Fault { path_contains: path.to_owned(), times: 1, kind });
}

#[tokio::test]
async fn after_ctrl_c_it_goes_on_and_does_nothing_twice() {
    let (connector, agent) = keeper().await;
    let counts = file(&connector, "counts.csv", COUNTS);
    slow(&connector, "GET", "/items");
    let mut running = connector.start_command(&["reconcile", text(&counts), "--apply", "--yes"]);
    let lines = running.until("Reconciliation").await;
    let id = id(&lines.join("\n"));
    let ended = interrupt(running).await;
    assert_eq!(ended.code, 130, "{}", ended.err);
    assert!(
        ended.err.contains("Interrupted.") && ended.err.contains(&format!("--resume {id}")),
        "{}",
        ended.err
    );
    no_key_is_left(&connector).await;

    // Whether all counts were sent by then, the file tells.
    let compared = connector.run(&["reconcile", text(&counts), "--resume", &id], "").await;
    assert_eq!(compared.code, 3, "{} {}", compared.out, compared.err);
    slow(&connector, "POST", "/inventoryadjustments");
    let running = connector.start_command(&["reconcile", "--resume", &id, "--apply", "--yes"]);
    until("sent", async || adjustments(&connector) > 0).await;
    // As a power cut.
    running.kill().await;
    let done = connector.run(&["reconcile", "--resume", &id, "--apply", "--yes"], "").await;
    assert_eq!(done.code, 0, "{} {}", done.out, done.err);
    assert_eq!(adjustments(&connector), 1, "each once");
    assert!((on_hand(&agent, "Main").await, on_hand(&agent, "Outlet").await) == (26.0, 12.0));
}
