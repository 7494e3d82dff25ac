//! The connector as it runs on Lambda: its functions behind one HTTP API, in front of a sandbox.

use sandbox::Options;
use shared::base::settings::{
    DATA, EVENTS_TABLE, LOG, PUBLIC_URL, SANDBOX_URL, STACK, STATE_TABLE, TOKEN_REFRESH,
};

use crate::connector::{Agent, Connector};
use crate::lambda::Cloud;
use crate::moto::Moto;
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

    /// One on the stores of AWS, as the template deploys it: each function with just the variables that it uses there.
    pub async fn on_aws(cloud: Cloud) -> Self {
        let moto = Moto::get();
        let names = moto.stack().await;
        let routes: Vec<_> =
            FUNCTIONS.iter().filter_map(|(name, prefix)| prefix.map(|prefix| (prefix, *name))).collect();
        let url = cloud.serve_http(&routes).await;
        moto.describe(&names);
        let connector = Connector::prepare_on(Options::new(""), url, Some(names.stack.clone())).await;
        let refresh = "token-refresh".to_owned();
        for (name, _) in FUNCTIONS {
            let mut variables = vec![
                (STACK, names.stack.clone()),
                (LOG, "info".to_owned()),
                (SANDBOX_URL, connector.zoho.url.clone()),
                (PUBLIC_URL, connector.url.clone()),
                ("AWS_ENDPOINT_URL", moto.url.clone()),
            ];
            if name != "webhook-intake" {
                variables.push((STATE_TABLE, names.state.clone()));
            }
            if matches!(name, "api-proxy" | "webhook-intake") {
                variables.push((EVENTS_TABLE, names.events.clone()));
            }
            if matches!(name, "api-proxy" | "oauth-callback") {
                variables.push((TOKEN_REFRESH, refresh.clone()));
            }
            let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
            cloud.function(name, &process::function(name), &variables);
        }
        Self { cloud, connector }
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
