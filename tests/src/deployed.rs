//! The connector as it runs on Lambda: its functions behind one HTTP API, in front of a sandbox.

use std::collections::BTreeMap;
use std::sync::Arc;

use sandbox::Options;
use shared::base::clock::{SharedClock, SystemClock};
use shared::base::settings::{
    DATA, EVENTS_TABLE, INVENTORY_PER_MINUTE, LOG, PKCE, PUBLIC_URL, SANDBOX_URL, STACK, STATE_TABLE,
    TOKEN_REFRESH,
};
use shared::store::Stores;
use shared::store::sqlite::Sqlite;

use crate::agent::Agent;
use crate::aws::roles::Roles;
use crate::aws::{Aws, Names, Trouble, guard};
use crate::connector::Connector;
use crate::lambda::{Cloud, Gateway};
use crate::process;

/// The functions.
const FUNCTIONS: [&str; 5] =
    ["api-proxy", "oauth-callback", "webhook-intake", "token-refresh", "event-delivery"];

/// The functions on a cloud, their store, and their operator.
pub struct Deployed {
    /// Where they run.
    pub cloud: Cloud,
    /// The sandbox, the store and the operator's commands.
    pub connector: Connector,
    /// Its place on AWS, if it is there.
    aws: Option<(Names, String)>,
    /// The keys of its functions' roles on AWS.
    keys: Vec<(&'static str, String)>,
    /// What a template gave to each function, where the stack was made by one.
    given: Given,
}

/// The variables of each function, by the names of both.
pub type Given = BTreeMap<String, BTreeMap<String, String>>;

impl Deployed {
    /// One with a client registered and nothing connected.
    pub async fn on(cloud: Cloud) -> Self {
        Self::with(cloud, Options::new("")).await
    }

    /// As [`Self::on`], with a sandbox of these options.
    pub async fn with(cloud: Cloud, options: Options) -> Self {
        let url = cloud.serve(gateway()).await;
        let connector = Connector::prepare(options, url).await;
        Self { cloud, connector, aws: None, keys: Vec::new(), given: Given::new() }.with_functions()
    }

    /// One on the stores of AWS, as the template deploys it.
    pub async fn on_aws(cloud: Cloud) -> Self {
        Self::on_aws_at(cloud, Aws::get().url.clone()).await
    }

    /// The same, with AWS as its functions see it at this address.
    pub async fn on_aws_at(cloud: Cloud, endpoint: String) -> Self {
        let names = Aws::get().stack().await;
        Self::on_stack(cloud, endpoint, names, Given::new()).await
    }

    /// The same on a stack that is there, whose template gave its functions these variables.
    pub async fn on_stack(cloud: Cloud, endpoint: String, names: Names, given: Given) -> Self {
        let url = cloud.serve(gateway()).await;
        let connector = Connector::unset(Options::new(""), url).await;
        let connector = connector.on_stack(&names.stack, cloud.url());
        let keys = FUNCTIONS.map(|name| (name, guard::key(&names.stack, name))).to_vec();
        let deployed = Self { cloud, connector, aws: Some((names, endpoint)), keys, given }.with_functions();
        deployed.connector.set_client().await;
        deployed
    }

    /// Lifts the limit of a hundred calls a minute, ours and Zoho's.
    #[must_use]
    pub fn without_limit(mut self) -> Self {
        self.connector.lift_the_limit();
        self.with_functions()
    }

    /// The same after an update of its stack: other processes, with other variables.
    #[must_use]
    pub fn updated(self, given: Given) -> Self {
        Self { given, ..self }.with_functions()
    }

    fn with_functions(self) -> Self {
        for name in FUNCTIONS {
            self.cloud.function(name, &process::function(name), &self.variables(name));
        }
        if let Some((names, _)) = &self.aws {
            // By their full names, the operator's commands find them.
            for name in FUNCTIONS {
                let full = format!("{}-{name}", names.stack);
                self.cloud.function(&full, &process::function(name), &self.variables(name));
            }
        }
        self
    }

    /// The same at another address, as its template has it from now on; what answers at the old one stays.
    #[must_use]
    pub async fn at_another_address(mut self) -> Self {
        self.connector.url = self.cloud.serve(gateway()).await;
        self.with_functions()
    }

    /// Just the variables that the template gives to the function of this name, and on AWS the key of its role.
    pub fn variables(&self, name: &str) -> Vec<(&str, &str)> {
        let Connector { zoho, url, per_minute, .. } = &self.connector;
        if let (Some(given), Some((_, endpoint))) = (self.given.get(name), &self.aws) {
            let given = given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let key = self.keys.iter().find(|(of, _)| *of == name).expect("a function");
            // What no template gives: a Zoho and an AWS that are none.
            let ours = [(PUBLIC_URL, url.as_str()), (SANDBOX_URL, &zoho.url), ("AWS_ENDPOINT_URL", endpoint)];
            return ours.into_iter().chain([("AWS_ACCESS_KEY_ID", key.1.as_str())]).chain(given).collect();
        }
        let mut variables = vec![(PUBLIC_URL, url.as_str()), (SANDBOX_URL, &zoho.url), (LOG, "info")];
        if matches!(name, "api-proxy" | "event-delivery") {
            variables.push((INVENTORY_PER_MINUTE, per_minute));
        }
        if name == "oauth-callback" {
            variables.push((PKCE, "on"));
        }
        match &self.aws {
            None => variables.push((DATA, self.connector.folder().to_str().unwrap())),
            Some((names, endpoint)) => {
                variables.extend([(STACK, names.stack.as_str()), ("AWS_ENDPOINT_URL", endpoint)]);
                if name != "webhook-intake" {
                    variables.push((STATE_TABLE, &names.state));
                }
                if name != "oauth-callback" {
                    variables.push((EVENTS_TABLE, &names.events));
                }
                let key = self.keys.iter().find(|(of, _)| *of == name).expect("a function");
                variables.push(("AWS_ACCESS_KEY_ID", &key.1));
                if matches!(name, "api-proxy" | "oauth-callback" | "event-delivery") {
                    variables.push((TOKEN_REFRESH, "token-refresh"));
                }
            }
        }
        variables
    }

    /// The names of its place on AWS.
    pub fn names(&self) -> &Names {
        &self.aws.as_ref().expect("it is on AWS").0
    }

    /// Takes a right away from the role of a function.
    pub fn take_away(&self, function: &str, action: &str) {
        guard::take_away(&self.names().stack, function, action);
    }

    /// From now on, AWS has this trouble.
    pub fn trouble(&self, trouble: Trouble) {
        let (names, _) = self.aws.as_ref().expect("it is on AWS");
        Aws::get().trouble(names, trouble);
    }

    /// How many calls to AWS were throttled since its trouble began, and how many lost their connection.
    pub fn met(&self) -> (usize, usize) {
        let (names, _) = self.aws.as_ref().expect("it is on AWS");
        Aws::get().met(names)
    }

    /// Closes its connections to AWS, without a word.
    pub async fn close_connections(&self) {
        let (names, _) = self.aws.as_ref().expect("it is on AWS");
        Aws::get().close_connections(names).await;
    }

    /// From now on, the keys that its processes were started with have expired.
    pub fn expire_keys(&mut self) {
        for (_, key) in &mut self.keys {
            *key = guard::expire(key);
        }
    }

    /// The same with new processes, as Lambda replaces them: they begin with keys that are good.
    #[must_use]
    pub fn replaced(self) -> Self {
        self.with_functions()
    }

    /// Its stores, as our own adapters see them.
    pub fn stores(&self) -> Stores {
        let clock: SharedClock = Arc::new(SystemClock);
        match &self.aws {
            Some((names, _)) => Aws::get().stores(names, &clock),
            None => Sqlite::open(self.connector.folder(), clock).unwrap().into(),
        }
    }

    /// One that is connected, through its own pages, with a key for everything.
    pub async fn connected(cloud: Cloud) -> (Self, Agent) {
        let deployed = Self::on(cloud).await;
        let agent = deployed.connect().await;
        (deployed, agent)
    }

    /// Connects it, through its own pages.
    pub async fn connect(&self) -> Agent {
        self.connector.connect(&[]).await;
        self.connector.agent(&[]).await
    }
}

/// The HTTP API with the routes of the template.
fn gateway() -> Gateway {
    Gateway { routes: Roles::get().routes(), ..Gateway::new(&[]) }
}
