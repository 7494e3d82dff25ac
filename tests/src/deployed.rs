//! The connector as it runs on Lambda: its functions behind one HTTP API, in front of a sandbox.

use sandbox::Options;
use shared::base::settings::{DATA, LOG, PUBLIC_URL, SANDBOX_URL};

use crate::connector::{Agent, Connector};
use crate::lambda::Cloud;
use crate::process;

/// The functions, and where the HTTP API leads to each.
const FUNCTIONS: [(&str, Option<&str>); 4] = [
    ("api-proxy", Some("/")),
    ("oauth-callback", Some("/oauth")),
    ("webhook-intake", Some("/webhooks")),
    ("token-refresh", None),
];

/// The functions on a cloud, their store, and their operator.
pub struct Deployed {
    /// Where they run.
    pub cloud: Cloud,
    /// The sandbox, the store and the operator's commands.
    pub connector: Connector,
}

impl Deployed {
    /// One with a client registered and nothing connected.
    pub async fn on(cloud: Cloud) -> Self {
        let routes: Vec<_> =
            FUNCTIONS.iter().filter_map(|(name, prefix)| prefix.map(|prefix| (prefix, *name))).collect();
        let url = cloud.serve_http(&routes).await;
        let deployed = Self { cloud, connector: Connector::prepare(Options::new(""), url).await };
        for (name, _) in FUNCTIONS {
            deployed.function(name, &process::function(name));
        }
        deployed
    }

    /// Registers a binary with the variables of the connector.
    pub fn function(&self, name: &str, binary: &std::path::Path) {
        let Connector { zoho, url, .. } = &self.connector;
        let folder = self.connector.folder().to_str().unwrap();
        let variables = [(DATA, folder), (PUBLIC_URL, url), (SANDBOX_URL, &zoho.url), (LOG, "info")];
        self.cloud.function(name, binary, &variables);
    }

    /// One that is connected, through its own pages, with a key for everything.
    pub async fn connected(cloud: Cloud) -> (Self, Agent) {
        let deployed = Self::on(cloud).await;
        deployed.connector.connect(&[]).await;
        let agent = deployed.connector.agent(&[]).await;
        (deployed, agent)
    }
}
