//! `zoho-connector setup`: from an empty home folder to an agent's first answer, by flags and at a terminal, in one go and
//! interrupted after each step.

mod existing;
mod flags;
mod places;
mod terminal;

use sandbox::Options;
use serde_json::Value;
use tempfile::TempDir;
use tests::browser::Browser;
use tests::connector::{Connector, free_port};
use tests::process::Running;

/// Somebody new, whose home is empty, and a Zoho that knows their client.
struct Newcomer {
    home: TempDir,
    connector: Connector,
    url: String,
    folder: String,
}

impl Newcomer {
    async fn arrives() -> Self {
        let url = format!("http://127.0.0.1:{}", free_port());
        let home = TempDir::new().unwrap();
        let folder = home.path().join("store").to_str().unwrap().to_owned();
        let connector = Connector::unset(Options::new(""), url.clone()).await;
        Self { home, connector, url, folder }
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        let home = self.home.path().to_str().unwrap();
        let mut variables = self.connector.variables();
        variables.extend([("HOME", home), ("XDG_CONFIG_HOME", home)]);
        variables
    }

    /// Starts what setup says is to be started, to the word.
    async fn serves(&self, line: &str) -> Running {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        assert_eq!(words.first(), Some(&"serve"), "{line}");
        let mut server = Running::start(&words, &self.variables());
        server.until("Store in").await;
        server
    }

    fn at_a_terminal(&self) -> Running {
        Running::at_a_terminal(&["setup"], &self.variables())
    }
}

/// Consents, and returns what was shown before.
async fn consents(setup: &mut Running) -> Vec<String> {
    let lines = setup.until("http").await;
    let page = Browser::default().consent(lines.last().unwrap().trim()).await;
    assert!(page.text.contains("<h1>Connected</h1>"), "{}", page.text);
    lines
}

/// The first answer of the agent whose key was shown.
async fn first_answer(url: &str, shown: &str) -> Value {
    let mut words = shown.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let key = words.find(|word| word.starts_with("zck_")).expect("a key");
    let http = shared::zoho::http::browser().unwrap();
    let asked = http.get(format!("{url}/v1/crm/deals?per_page=5")).bearer_auth(key);
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}
