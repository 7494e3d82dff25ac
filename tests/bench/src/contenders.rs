//! What is measured side by side: processes, and the events that they get.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::aws::Aws;

/// A service key: what it is stored as, and what a caller sends.
const KEY_ID: &str = "0123456789ab";
const KEY: &str = "zck_0123456789ab_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// The SHA-256 of what stands behind the second underscore.
const KEY_DIGEST: &str = "a8ae6e6ee929abea3afcfc5258c8ccd6f85273e0d4626d26c7279f3250f77c8e";

const ORGANIZATION: &str = "10234695";
const STACK: &str = "bench";
/// The name of the secret that api-proxy reads.
const ACCESS_TOKEN: &str = "bench/connections/default/access-token";
const STATE_TABLE: &str = "bench-state";
/// What the functions in other languages know of Zoho.
const OTHERS: &str = "bench/others";

/// How the ids of the least connector begin.
const LEAST: &str = "least-";

/// The paths of the reads.
const ITEM: &str = "/v1/inventory/items/3300000000070001";
const ITEMS: &str = "/v1/inventory/items";
const DEAL: &str = "/v1/crm/deals/6100000000451001";

/// A function with one kind of event.
pub(crate) struct Contender {
    /// Its name in files.
    pub(crate) id: &'static str,
    /// Its name in tables.
    pub(crate) name: &'static str,
    pub(crate) command: Vec<String>,
    /// Where it runs, and where its log is.
    pub(crate) folder: String,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) event: Bytes,
    /// Whether valgrind counts it: what is not compiled says nothing there.
    pub(crate) is_counted: bool,
    /// The binary that is deployed, where it is one.
    pub(crate) binary: Option<String>,
    /// The id of the direct call that makes the same read.
    pub(crate) direct: Option<&'static str>,
}

impl Contender {
    /// Whether it lets a caller with a key read Zoho, and nobody else.
    pub(crate) fn is_a_connector(&self) -> bool {
        self.direct.is_some() && !self.id.starts_with(LEAST)
    }
}

/// What Secrets Manager holds.
pub(crate) fn secrets() -> [(String, Value); 2] {
    let organization = json!({ "id": ORGANIZATION, "name": "Nordlicht Moebel" });
    let token = json!({
        "token": "1000.0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef",
        "generation": 1,
        "expires": "2099-01-01T00:00:00Z",
        "data_centre": "eu",
        "scopes": [
            "ZohoInventory.items.READ", "ZohoInventory.salesorders.READ", "ZohoInventory.contacts.READ",
            "ZohoInventory.settings.READ", "ZohoCRM.modules.deals.READ", "ZohoCRM.modules.notes.READ",
        ],
        "organization": organization,
        "crm_organization": organization,
    });
    let client =
        json!({ "client_id": "1000.CLIENT", "client_secret": "secret", "refresh_token": "1000.refresh" });
    [(ACCESS_TOKEN.to_owned(), token), (OTHERS.to_owned(), client)]
}

/// Stores the service key.
pub(crate) fn store_key(aws: &Aws) {
    let key = json!({
        "id": KEY_ID,
        "label": "bench",
        "digest": KEY_DIGEST,
        "permissions": ["inventory:read", "crm:read"],
        "connections": ["default"],
        "created": "2026-11-21T10:00:00Z",
        "expires": null,
    });
    aws.row(STATE_TABLE, "key", KEY_ID, &key);
}

/// A GET, as API Gateway hands it over.
fn event(path: &str) -> Bytes {
    let mut event: Value =
        serde_json::from_str(include_str!("../../../events/api-proxy-items.json")).unwrap();
    event["rawPath"] = path.into();
    event["requestContext"]["http"]["path"] = path.into();
    let query = if path == ITEMS { "per_page=200" } else { "" };
    event["rawQueryString"] = query.into();
    event["queryStringParameters"] = if path == ITEMS { json!({ "per_page": "200" }) } else { json!({}) };
    event["headers"]["authorization"] = format!("Bearer {KEY}").into();
    event.to_string().into()
}

/// Where everything is.
pub(crate) struct Places {
    /// The folder of logs.
    pub(crate) folder: String,
    /// The binary of api-proxy.
    pub(crate) proxy: String,
    pub(crate) floor: String,
    pub(crate) least: String,
    /// The folders of Node.js's and Python's parts, where these are to be measured.
    pub(crate) node: Option<String>,
    pub(crate) python: Option<String>,
    /// The addresses of the stand-ins.
    pub(crate) aws: String,
    pub(crate) zoho: String,
}

impl Places {
    /// All functions, the floor first.
    pub(crate) fn contenders(&self) -> Vec<Contender> {
        let proxy = |id, name, path, direct| Contender {
            id,
            name,
            command: vec![self.proxy.clone()],
            folder: self.folder.clone(),
            variables: self.of_the_proxy(),
            event: event(path),
            is_counted: true,
            binary: Some(self.proxy.clone()),
            direct,
        };
        let floor = Contender {
            id: "floor",
            name: "nothing: an empty lambda_http (the floor)",
            command: vec![self.floor.clone()],
            binary: Some(self.floor.clone()),
            ..proxy("", "", "/health", None)
        };
        let mut all = vec![
            floor,
            proxy("health", "api-proxy: /health", "/health", None),
            proxy("item", "api-proxy: one item", ITEM, Some("direct-item")),
            proxy("deal", "api-proxy: one deal", DEAL, Some("direct-deal")),
            proxy("items", "api-proxy: 200 items", ITEMS, Some("direct-items")),
        ];
        for (id, name, direct) in [
            ("least-item", "the least connector: one item", "direct-item"),
            ("least-items", "the least connector: 200 items", "direct-items"),
        ] {
            all.push(Contender {
                command: vec![self.least.clone()],
                variables: self.of_lambda(&[
                    ("CALL_URL", &self.zoho_url(direct)),
                    ("TOKEN_SECRET", ACCESS_TOKEN),
                    ("KEYS_TABLE", STATE_TABLE),
                ]),
                binary: Some(self.least.clone()),
                ..proxy(id, name, "/health", Some(direct))
            });
        }
        let other = |id, name, command: &[&str], path, direct, variables: Vec<(String, String)>| Contender {
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            variables,
            is_counted: false,
            binary: None,
            ..proxy(id, name, path, Some(direct))
        };
        if let Some(node) = &self.node {
            let with = |module: &str, more: &[(&str, &str)]| {
                let module = format!("{node}/{module}");
                self.of_others(&[more, &[("HANDLER_MODULE", module.as_str())]].concat())
            };
            let environment = [
                ("CLIENT_ID", "1000.CLIENT"),
                ("CLIENT_SECRET", "secret"),
                ("REFRESH_TOKEN", "1000.refresh"),
            ];
            let runtime = format!("{node}/runtime.mjs");
            let command = ["node", runtime.as_str()];
            let plain = with("connector.mjs", &environment);
            all.push(other("node", "Node.js: one item", &command, ITEM, "direct-item", plain));
            let (name, secrets) =
                ("Node.js with Secrets Manager: one item", with("bundle.mjs", &[("SECRET_ID", OTHERS)]));
            all.push(other("node-secrets", name, &command, ITEM, "direct-item", secrets));
        }
        if let Some(python) = &self.python {
            let interpreter = format!("{python}/bin/python");
            let command = [interpreter.as_str(), "-m", "awslambdaric", "connector.handler"];
            let code = concat!(env!("CARGO_MANIFEST_DIR"), "/python");
            let variables = self.of_others(&[("SECRET_ID", OTHERS), ("PYTHONPATH", code)]);
            all.push(other(
                "python",
                "Python with boto3: one deal",
                &command,
                DEAL,
                "direct-deal",
                variables,
            ));
        }
        all
    }

    /// The same reads without a function in between.
    pub(crate) fn direct_calls(&self) -> Vec<Contender> {
        let bench = std::env::current_exe().unwrap().to_string_lossy().into_owned();
        let call = |id, name| Contender {
            id,
            name,
            command: vec![bench.clone(), "direct".to_owned(), self.zoho_url(id)],
            folder: self.folder.clone(),
            variables: Vec::new(),
            event: Bytes::from_static(b"{}"),
            is_counted: false,
            binary: None,
            direct: None,
        };
        vec![
            call("direct-item", "direct call: one item"),
            call("direct-deal", "direct call: one deal"),
            call("direct-items", "direct call: 200 items"),
        ]
    }

    /// What a direct call asks for.
    fn zoho_url(&self, direct: &str) -> String {
        let api = format!("{}/eu/api", self.zoho);
        match direct {
            "direct-item" => {
                format!("{api}/inventory/v1/items/3300000000070001?organization_id={ORGANIZATION}")
            }
            "direct-deal" => format!("{api}/crm/v8/Deals/6100000000451001"),
            "direct-items" => {
                format!("{api}/inventory/v1/items?organization_id={ORGANIZATION}&page=1&per_page=200")
            }
            _ => panic!("nothing is called as {direct}"),
        }
    }

    /// What Lambda tells every function.
    fn of_lambda(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let common = [
            ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/21/[$LATEST]00000000000000000000000000000001"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_DEFAULT_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "ASIAEMULATED"),
            ("AWS_SECRET_ACCESS_KEY", "emulated"),
            ("AWS_SESSION_TOKEN", "emulated"),
            ("AWS_ENDPOINT_URL", &self.aws),
            ("_HANDLER", "bootstrap"),
            ("LANG", "en_US.UTF-8"),
            ("TZ", ":UTC"),
        ];
        common.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// What the template tells api-proxy. The quota is so large that each call is below half of it.
    fn of_the_proxy(&self) -> Vec<(String, String)> {
        self.of_lambda(&[
            ("ZOHO_CONNECTOR_STACK", STACK),
            ("ZOHO_CONNECTOR_STATE_TABLE", STATE_TABLE),
            ("ZOHO_CONNECTOR_EVENTS_TABLE", "bench-events"),
            ("ZOHO_CONNECTOR_TOKEN_REFRESH", "token-refresh"),
            ("ZOHO_CONNECTOR_SANDBOX_URL", &self.zoho),
            ("ZOHO_CONNECTOR_INVENTORY_PER_MINUTE", "100000000"),
            ("ZOHO_CONNECTOR_LOG", "info"),
        ])
    }

    fn of_others(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let (accounts, api) = (format!("{}/eu/accounts", self.zoho), format!("{}/eu/api", self.zoho));
        let zoho = [
            ("ACCOUNTS_URL", accounts.as_str()),
            ("API_URL", api.as_str()),
            ("ORGANIZATION_ID", ORGANIZATION),
            ("SERVICE_KEY", KEY),
        ];
        self.of_lambda(&[zoho.as_slice(), more].concat())
    }
}
