//! The real `serve` on a store.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;

use super::Plan;
use super::load::Target;
use crate::http::listen;

/// A process that listens. It is ended when it is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) target: Target,
}

impl Server {
    /// Starts `serve` on a folder.
    pub(super) async fn start(plan: &Plan, folder: &Path) -> Self {
        let address = free_address().await;
        let mut command = Command::new(&plan.binary);
        command.args(["serve", "--listen", &address, "--public-url", &format!("http://{address}"), "--data"]);
        command.arg(folder);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // What the user's own connectors remember has no part in this.
        command.env("HOME", &plan.folder);
        command.env("ZOHO_CONNECTOR_SANDBOX_URL", format!("http://{}", plan.zoho));
        command.env("ZOHO_CONNECTOR_INVENTORY_PER_MINUTE", "100000000");
        Self::run(&mut command, address, &plan.folder.join("serve.log")).await
    }

    /// Starts a command, and waits until it takes connections.
    pub(super) async fn run(command: &mut Command, address: String, log: &Path) -> Self {
        let file = File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap();
        let pid = child.id().to_string();
        let server = Self { child, target: Target { address, pids: vec![pid] } };
        for _ in 0..1000 {
            if TcpStream::connect(&server.target.address).await.is_ok() {
                return server;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("it does not listen; see {}", log.display());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A signal that it can catch: nginx ends its workers then, and `serve` puts its store in order.
        let _sent = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ended = self.child.wait();
    }
}

/// An address that nobody listens on.
pub(super) async fn free_address() -> String {
    listen().await.1
}
