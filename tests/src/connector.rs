//! A connector as an operator sets it up: the binary on a folder of its own, in front of a sandbox of its own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::Client;
use sandbox::Options;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpSocket;

use crate::agent::Agent;
use crate::aws::{Aws, guard};
use crate::browser::{Browser, Seen, seen};
use crate::doubts;
use crate::hooks::Hook;
use crate::process::{self, Ended, Running};
use crate::searched::keep_out;

/// The client's id in all tests.
pub const CLIENT_ID: &str = "1000.TESTCLIENT";
/// Its secret: no request but one to Zoho's token endpoint may ever hold it.
pub const CLIENT_SECRET: &str = "client-secret-0123456789abcdef";

/// More calls a minute than any test makes: they are counted all the same.
pub const MANY: &str = "1000000";

/// The client as Zoho has it: registered in the US, for users of all data centres, of a connector that is reached at this address.
pub fn client(url: &str) -> sandbox::Client {
    sandbox::Client {
        id: CLIENT_ID.to_owned(),
        secret: CLIENT_SECRET.to_owned(),
        redirect_uris: vec![format!("{url}/oauth/callback")],
        home: "us".to_owned(),
        multi_dc: true,
        ..sandbox::Client::default()
    }
}

/// The binary, its sandbox and its folder.
pub struct Connector {
    /// The stand-in Zoho.
    pub zoho: sandbox::Running,
    /// Where the connector is reached.
    pub url: String,
    folder: TempDir,
    http: Client,
    server: Option<Running>,
    /// The setting of Inventory's calls a minute; [`MANY`] where a test makes more than Zoho's hundred.
    pub per_minute: &'static str,
    /// The setting of the calls that are worked on at a time.
    pub calls_at_once: &'static str,
    /// The file that says the time, where the test moves it.
    pub clock: Option<String>,
    /// The stack that the operator's commands work on, in place of the folder, and the Lambda service.
    stack: Option<(String, String)>,
    /// The operator's key on AWS, where it is not the administrator's.
    operator: Option<String>,
}

impl Connector {
    /// Starts one: client registered on both sides, nothing connected yet.
    pub async fn start() -> Self {
        Self::with(Options::new("")).await
    }

    /// One for more than a hundred calls a minute.
    pub async fn start_without_limit() -> Self {
        let url = format!("http://127.0.0.1:{}", free_port());
        let mut connector = Self::prepare(Options::new(""), url).await;
        connector.lift_the_limit();
        connector.boot().await;
        connector
    }

    /// As [`Self::start`], with a sandbox of these options.
    pub async fn with(options: Options) -> Self {
        let mut connector = Self::prepare(options, format!("http://127.0.0.1:{}", free_port())).await;
        connector.boot().await;
        connector
    }

    /// Everything but a server: something else answers at `url`.
    pub async fn prepare(options: Options, url: String) -> Self {
        let connector = Self::unset(options, url).await;
        connector.set_client().await;
        connector
    }

    /// As [`Self::prepare`], but the operator has not set the client yet.
    pub async fn unset(options: Options, url: String) -> Self {
        let zoho = sandbox::Sandbox::listen(options).await.unwrap();
        doubts::turn(&zoho.sandbox);
        zoho.sandbox.register_client(client(&url));
        let http = shared::zoho::http::browser().unwrap();
        let folder = TempDir::new().unwrap();
        Self {
            zoho,
            url,
            folder,
            http,
            server: None,
            per_minute: "100",
            calls_at_once: "256",
            clock: None,
            stack: None,
            operator: None,
        }
    }

    /// The same, with commands that work on a stack; `lambda_url` is where the Lambda service is.
    #[must_use]
    pub fn on_stack(mut self, stack: &str, lambda_url: &str) -> Self {
        self.stack = Some((stack.to_owned(), lambda_url.to_owned()));
        self
    }

    /// From now on, the operator has no other rights on AWS than docs/operator-policy.json gives.
    pub fn with_the_operators_policy(&mut self) {
        let (stack, _) = self.stack.as_ref().expect("it is a stack");
        self.operator = Some(guard::operator_key(stack));
    }

    /// What the operator did on AWS with these rights.
    pub fn operator_did(&self) -> BTreeSet<String> {
        self.stack.as_ref().map(|(stack, _)| guard::operator_did(stack)).unwrap_or_default()
    }

    /// The stack that its commands work on, if it is one.
    pub fn stack(&self) -> Option<&str> {
        self.stack.as_ref().map(|(stack, _)| stack.as_str())
    }

    /// Sets the client.
    pub async fn set_client(&self) {
        keep_out(CLIENT_SECRET);
        let set = self.run(&["client", "set", "--id", CLIENT_ID], CLIENT_SECRET).await;
        assert_eq!(set.code, 0, "{}", set.err);
    }

    /// Connects it with this access; gives an agent whose key may do this.
    pub async fn with_agent(self, access: &str, can: &str) -> (Self, Agent) {
        self.connect(&["--access", access]).await;
        let agent = self.agent(&["--can", can]).await;
        (self, agent)
    }

    /// One that is connected, with a key for everything.
    pub async fn connected() -> (Self, Agent) {
        let connector = Self::start().await;
        connector.connect(&[]).await;
        let agent = connector.agent(&[]).await;
        (connector, agent)
    }

    /// Starts the server, again if it was killed.
    pub async fn boot(&mut self) {
        let listen = self.url.trim_start_matches("http://").replace("localhost", "127.0.0.1");
        let mut server = Running::start(&self.args(&["serve", "--listen", &listen]), &self.variables());
        server.until("Store in").await;
        self.server = Some(server);
    }

    /// Another server on the same store, and where it is reached.
    pub async fn second_server(&self) -> (Running, String) {
        let listen = format!("127.0.0.1:{}", free_port());
        let args = ["serve", "--beside-another", "--listen", &listen];
        let mut server = Running::start(&self.args(&args), &self.variables());
        server.until("Store in").await;
        (server, format!("http://{listen}"))
    }

    /// Lifts the limit of a hundred calls a minute on both sides: from the next start on, as far as it is ours.
    pub fn lift_the_limit(&mut self) {
        self.per_minute = MANY;
        self.zoho.sandbox.switches(|switches| switches.per_minute_limit = None);
    }

    /// The number of the server's process.
    pub fn pid(&self) -> u32 {
        self.server.as_ref().expect("it runs").pid()
    }

    /// Ends the server as a power cut would.
    pub async fn kill(&mut self) {
        self.server.take().expect("it runs").kill().await;
    }

    /// Ends the server by Ctrl-C; its exit code.
    pub async fn interrupt(&mut self) -> i32 {
        self.server.take().expect("it runs").interrupt().await
    }

    /// Ends the server as a service manager does; its exit code.
    pub async fn terminate(&mut self) -> i32 {
        self.server.take().expect("it runs").terminate().await
    }

    /// The variables of the operator's commands.
    pub fn variables(&self) -> Vec<(&str, &str)> {
        let mut variables =
            vec![("ZOHO_CONNECTOR_SANDBOX_URL", self.zoho.url.as_str()), ("ZOHO_CONNECTOR_LOG", "error")];
        variables.push(("ZOHO_CONNECTOR_INVENTORY_PER_MINUTE", self.per_minute));
        variables.push(("ZOHO_CONNECTOR_CALLS_AT_ONCE", self.calls_at_once));
        if let Some(clock) = &self.clock {
            variables.push(("ZOHO_CONNECTOR_SANDBOX_CLOCK", clock));
        }
        if let Some((_, lambda_url)) = &self.stack {
            variables.extend(Aws::get().variables());
            variables.push(("AWS_ENDPOINT_URL_LAMBDA", lambda_url));
            if let Some(key) = &self.operator {
                variables.push(("AWS_ACCESS_KEY_ID", key));
            }
        }
        variables
    }

    /// The same for an operator whose commands remember installations in this folder.
    pub fn variables_at<'a>(&'a self, home: &'a TempDir) -> Vec<(&'a str, &'a str)> {
        let mut variables = self.variables();
        variables.push(("XDG_CONFIG_HOME", home.path().to_str().unwrap()));
        variables
    }

    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        let mut args = args.to_vec();
        match &self.stack {
            Some((stack, _)) => args.extend(["--stack", stack]),
            None => args.extend(["--data", self.folder.path().to_str().unwrap()]),
        }
        args.extend(["--public-url", &self.url]);
        args
    }

    /// The folder of its store.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Runs a command of the operator on it.
    pub async fn run(&self, args: &[&str], input: &str) -> Ended {
        process::run(&self.args(args), &self.variables(), input).await
    }

    /// Starts a command of the operator that waits for something.
    pub fn start_command(&self, args: &[&str]) -> Running {
        Running::start(&self.args(args), &self.variables())
    }

    /// The same with more variables, or others.
    pub fn start_command_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Running {
        Running::start(&self.args(args), &[self.variables().as_slice(), variables].concat())
    }

    /// A link to consent.
    pub async fn link(&self, args: &[&str]) -> String {
        let ended = self.run(&[&["connect", "--no-wait"], args].concat(), "").await;
        assert_eq!(ended.code, 0, "{}", ended.err);
        let link = ended.out.lines().find_map(|line| line.trim().strip_prefix("http"));
        format!("http{}", link.expect("a link"))
    }

    /// Connects through a browser; must succeed.
    pub async fn connect(&self, args: &[&str]) {
        let ending = Browser::default().consent(&self.link(args).await).await;
        assert!(ending.text.contains("<h1>Connected</h1>"), "{}", ending.text);
    }

    /// An agent with a new key, whatever is connected yet.
    pub async fn agent(&self, args: &[&str]) -> Agent {
        let ended = self.run(&[&["keys", "create", "--not-yet-connected"], args].concat(), "").await;
        assert_eq!(ended.code, 0, "{}", ended.err);
        let key = ended.out.split_whitespace().find(|word| word.starts_with("zck_")).expect("a key");
        keep_out(key);
        Agent { url: self.url.clone(), key: key.to_owned(), http: self.http.clone() }
    }

    /// A new webhook secret of Zoho Inventory.
    pub async fn webhook_secret(&self) -> String {
        self.webhook_secret_of("inventory").await
    }

    /// A new webhook secret of this source, whatever is connected yet.
    pub async fn webhook_secret_of(&self, source: &str) -> String {
        let rotate = ["webhooks", "rotate", "--source", source, "--not-yet-connected"];
        let ended = self.run(&rotate, "").await;
        assert_eq!(ended.code, 0, "{}", ended.err);
        let secret = ended.out.lines().find_map(|line| line.trim().strip_prefix("Secret"));
        let secret = secret.expect("a secret").trim();
        keep_out(secret);
        secret.to_owned()
    }

    /// Posts something, as Zoho would.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<String>) -> Seen {
        let mut request = self.http.post(format!("{}{path}", self.url)).body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        seen(request.send().await.unwrap()).await
    }

    /// Posts a webhook.
    pub async fn post_hook(&self, hook: &Hook) -> Seen {
        let headers: Vec<_> = hook.header.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.post(&hook.path, &headers, String::from_utf8(hook.body.clone()).unwrap()).await
    }

    /// Posts a genuine webhook; its receipt.
    pub async fn deliver(&self, hook: &Hook) -> Value {
        let seen = self.post_hook(hook).await;
        assert_eq!(seen.status, 200, "{}", seen.text);
        serde_json::from_str(&seen.text).unwrap()
    }

    /// The token calls that Zoho received.
    pub fn token_calls(&self) -> usize {
        self.zoho
            .sandbox
            .requests()
            .iter()
            .filter(|request| request.path.ends_with("/oauth/v2/token"))
            .count()
    }

    /// Whether Zoho received the client secret anywhere but in the body of a call to an accounts server.
    pub fn secret_strayed(&self) -> bool {
        self.zoho.sandbox.requests().iter().any(|request| {
            let in_address = request.path.contains(CLIENT_SECRET) || request.query.contains(CLIENT_SECRET);
            let elsewhere =
                !request.path.ends_with("/oauth/v2/token") && request.body.contains(CLIENT_SECRET);
            in_address || elsewhere
        })
    }
}

/// A port of this machine that nobody listens at, for a server that is started afterwards. It lies below those from which the
/// system takes the other ends of connections: one of these could be in use by the time the server begins. It is bound here, and
/// not listened at: a process that starts just then keeps the socket for a moment, and would keep the server from it.
pub fn free_port() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    // Another place to begin for each process of tests.
    let begin = std::process::id().wrapping_mul(97);
    loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        assert!(tried < 20_000, "no port is free");
        let port = 12_000 + u16::try_from(begin.wrapping_add(tried) % 20_000).unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        if socket.bind(SocketAddr::from(([127, 0, 0, 1], port))).is_ok() {
            return port;
        }
    }
}
