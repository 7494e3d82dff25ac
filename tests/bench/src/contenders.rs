//! What is measured side by side: processes, and the events that they get.

use bytes::Bytes;

use crate::fixtures::{
    DEAL, ITEM, ITEMS, KEY, ORGANIZATION, OTHERS_SECRET, STACK, STATE_TABLE, TOKEN_SECRET, event,
};

/// A process and the event that it gets again and again: a function, or a direct call, which is told of events as functions are.
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
    /// Whether it lets a caller with a key read Zoho, and nobody else. Only such functions are compared by what they cost on Lambda.
    pub(crate) is_connector: bool,
}

/// Where everything is.
pub(crate) struct Places {
    /// The folder of logs.
    pub(crate) folder: String,
    pub(crate) proxy_binary: String,
    pub(crate) floor_binary: String,
    pub(crate) least_binary: String,
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
        let mut all = vec![
            self.floor(),
            self.proxy("health", "api-proxy: /health", "/health", None),
            self.proxy("item", "api-proxy: one item", ITEM, Some("direct-item")),
            self.proxy("deal", "api-proxy: one deal", DEAL, Some("direct-deal")),
            self.proxy("items", "api-proxy: 200 items", ITEMS, Some("direct-items")),
            self.least("least-item", "the least connector: one item", ITEM, "direct-item"),
            self.least("least-items", "the least connector: 200 items", ITEMS, "direct-items"),
        ];
        if let Some(node) = &self.node {
            all.extend(self.in_node(node));
        }
        if let Some(python) = &self.python {
            all.push(self.in_python(python));
        }
        all
    }

    fn floor(&self) -> Contender {
        Contender {
            command: vec![self.floor_binary.clone()],
            binary: Some(self.floor_binary.clone()),
            ..self.proxy("floor", "nothing: an empty lambda_http (the floor)", "/health", None)
        }
    }

    fn proxy(
        &self,
        id: &'static str,
        name: &'static str,
        path: &str,
        direct: Option<&'static str>,
    ) -> Contender {
        Contender {
            id,
            name,
            command: vec![self.proxy_binary.clone()],
            folder: self.folder.clone(),
            variables: self.of_the_proxy(),
            event: event(path),
            is_counted: true,
            binary: Some(self.proxy_binary.clone()),
            direct,
            is_connector: direct.is_some(),
        }
    }

    /// The least connector. It gets the events of api-proxy, makes the same call whatever they say, and checks no key.
    fn least(&self, id: &'static str, name: &'static str, path: &str, direct: &'static str) -> Contender {
        Contender {
            command: vec![self.least_binary.clone()],
            variables: self.of_lambda(&[
                ("CALL_URL", &self.zoho_url(direct)),
                ("TOKEN_SECRET", TOKEN_SECRET),
                ("KEYS_TABLE", STATE_TABLE),
            ]),
            binary: Some(self.least_binary.clone()),
            is_connector: false,
            ..self.proxy(id, name, path, Some(direct))
        }
    }

    /// The functions in Node.js, from the folder of their parts.
    fn in_node(&self, folder: &str) -> [Contender; 2] {
        let runtime = format!("{folder}/runtime.mjs");
        let function = |id, name, module: &str, more: &[(&str, &str)]| {
            let module = format!("{folder}/{module}");
            Contender {
                command: vec!["node".to_owned(), runtime.clone()],
                variables: self.of_others(&[more, &[("HANDLER_MODULE", module.as_str())]].concat()),
                is_counted: false,
                binary: None,
                ..self.proxy(id, name, ITEM, Some("direct-item"))
            }
        };
        let environment =
            [("CLIENT_ID", "1000.CLIENT"), ("CLIENT_SECRET", "secret"), ("REFRESH_TOKEN", "1000.refresh")];
        let secrets = [("SECRET_ID", OTHERS_SECRET)];
        [
            function("node", "Node.js: one item", "connector.mjs", &environment),
            function("node-secrets", "Node.js with Secrets Manager: one item", "bundle.mjs", &secrets),
        ]
    }

    /// The function in Python, from the folder of its environment.
    fn in_python(&self, folder: &str) -> Contender {
        let code = concat!(env!("CARGO_MANIFEST_DIR"), "/python");
        Contender {
            command: vec![
                format!("{folder}/bin/python"),
                "-m".to_owned(),
                "awslambdaric".to_owned(),
                "connector.handler".to_owned(),
            ],
            variables: self.of_others(&[("SECRET_ID", OTHERS_SECRET), ("PYTHONPATH", code)]),
            is_counted: false,
            binary: None,
            ..self.proxy("python", "Python with boto3: one deal", DEAL, Some("direct-deal"))
        }
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
            is_connector: false,
        };
        vec![
            call("direct-item", "direct call: one item"),
            call("direct-deal", "direct call: one deal"),
            call("direct-items", "direct call: 200 items"),
        ]
    }

    /// The address that the direct call of this id reads.
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
            _ => panic!("no direct call has the id {direct}"),
        }
    }

    /// The variables that Lambda gives to every function, and more.
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

    /// The variables that the template gives to api-proxy. The quota is so large that each call is below half of it.
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

    /// The variables of the functions in other languages, and more.
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
