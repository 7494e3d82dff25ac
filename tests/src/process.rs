//! The binary itself, as an operator runs it.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command as Sync, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::cargo::cargo;
use crate::searched;

/// What does not come in this time never comes: a bound for tests that hang, and no promise.
const HANGS: Duration = Duration::from_secs(180);

/// The binary, built from what is there now.
pub static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    // …/target/debug/deps/it-… stands beside …/target/debug/zoho-connector
    let tests = std::env::current_exe().expect("the test knows its own path");
    let folder = tests.ancestors().nth(2).expect("a target folder");
    let profile = folder.file_name().and_then(|name| name.to_str()).expect("a profile's name");
    let profile = if profile == "debug" { "dev" } else { profile };
    let args = ["build", "--workspace", "--bins", "--all-features", "--profile", profile];
    let built = cargo().args(args).current_dir(root).output();
    let built = built.expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    folder.join("zoho-connector")
});

/// The binary of a function: it stands beside the other.
pub fn function(name: &str) -> PathBuf {
    BINARY.with_file_name(name)
}

/// What a command that ended has left.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// A command of the binary, with only these variables besides `PATH`. What the person at this machine remembers is none of its
/// business.
pub fn command(args: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(&*BINARY);
    command.args(args);
    surrounded(command, variables)
}

/// With these variables, and pipes to speak through.
fn surrounded(mut command: Command, variables: &[(&str, &str)]) -> Command {
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    command.envs(variables.iter().copied()).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub async fn run(args: &[&str], variables: &[(&str, &str)], input: &str) -> Ended {
    let mut child = command(args, variables).spawn().unwrap();
    // A command that ends before it reads takes nothing.
    if let Err(error) = child.stdin.take().unwrap().write_all(input.as_bytes()).await {
        assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{args:?}");
    }
    let ended = timeout(HANGS, child.wait_with_output()).await;
    let ended = ended.unwrap_or_else(|_| panic!("{args:?} does not end")).unwrap();
    searched::search(&format!("zoho-connector {}", args.first().copied().unwrap_or_default()), &ended.stderr);
    Ended {
        code: ended.status.code().unwrap_or(-1),
        out: String::from_utf8(ended.stdout).unwrap(),
        err: String::from_utf8(ended.stderr).unwrap(),
    }
}

/// A command that goes on.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Starts it.
    pub fn start(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = command(args, variables).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Starts it at a terminal of its own, which [`Self::type_line`] types at. A question is a line here, too.
    pub fn at_a_terminal(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", include_str!("terminal.py")]).arg(&*BINARY).args(args);
        let mut child = surrounded(command, variables).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Starts it so that it lives on when a limit of its files' sizes is reached, which stands for a full disk: a write fails.
    pub fn on_a_disk_that_fills(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(&*BINARY).args(args);
        let mut child = surrounded(command, variables).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("still running")
    }

    /// Reads its output up to a line that begins with `begin`, and returns all lines until there.
    pub async fn until(&mut self, begin: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = timeout(HANGS, self.lines.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("no line {begin:?} after {lines:#?}")).unwrap();
            let line = line.unwrap_or_else(|| panic!("ended without a line {begin:?}: {lines:#?}"));
            let last = line.trim_start().starts_with(begin);
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    /// What it writes to standard error, from now on and as it comes.
    pub fn log(&mut self) -> Arc<Mutex<String>> {
        let (log, mut err) =
            (Arc::<Mutex<String>>::default(), self.child.stderr.take().expect("not read yet"));
        let kept = log.clone();
        tokio::spawn(async move {
            let mut bytes = vec![0; 16 * 1024];
            while let Ok(read @ 1..) = err.read(&mut bytes).await {
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        log
    }

    /// Types a line.
    pub async fn type_line(&mut self, line: &str) {
        self.press(&format!("{line}\n")).await;
    }

    /// Presses keys, one after the other: at a terminal, `\u{3}` is Ctrl-C.
    pub async fn press(&mut self, keys: &str) {
        self.child.stdin.as_mut().unwrap().write_all(keys.as_bytes()).await.unwrap();
    }

    /// Waits for its own end.
    pub async fn end(mut self) -> Ended {
        let mut out = String::new();
        while let Ok(Some(line)) = timeout(HANGS, self.lines.next_line()).await.unwrap() {
            out += &line;
            out.push('\n');
        }
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).await.unwrap();
        searched::search("zoho-connector", err.as_bytes());
        let code = self.child.wait().await.unwrap().code().unwrap_or(-1);
        Ended { code, out, err }
    }

    /// Presses Ctrl-C, and returns the exit code.
    pub async fn interrupt(self) -> i32 {
        self.signal("-INT").await
    }

    /// Ends it as a service manager does, and returns the exit code.
    pub async fn terminate(self) -> i32 {
        self.signal("-TERM").await
    }

    /// Sends it a signal, like `-TERM`, and goes on.
    pub fn send(&self, signal: &str) {
        let id = self.pid().to_string();
        assert!(Sync::new("kill").args([signal, &id]).status().unwrap().success());
    }

    async fn signal(mut self, signal: &str) -> i32 {
        self.send(signal);
        let status = timeout(HANGS, self.child.wait()).await.expect("it ends").unwrap();
        status.code().unwrap_or(-1)
    }

    /// Ends it as a power cut would.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}
