//! What the demo prints to paste: calls and commands in an order that ends with something to see.

use std::path::Path;

use shared::base::secret::Secret;
use shared::zoho::data_centre::DataCentre;
use tempfile::TempDir;

use super::page::SHELF;
use crate::commands::api::quoted;
use crate::failure::Failure;
use crate::terminal::say;

/// The addresses that `setup` proposes: the usual one, and that for beside another connector.
pub(super) const USUAL: [&str; 2] = ["http://localhost:8080", "http://localhost:8081"];

/// What somebody counted: two places of one item, and an item of which Zoho says that there are fewer than none.
const COUNTS: &str = "sku,location,quantity\nSHELF-OAK-80,Main,26\nSHELF-OAK-80,Outlet,12\nBRKT-STD,Main,4\n";

/// The client that the stand-in Zoho knows.
pub(super) struct Registered {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) home: DataCentre,
}

/// Files beside the demo, which are gone when it ends.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn make() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| format!("no files can be made beside the demo: {error}");
        let mut builder = tempfile::Builder::new();
        builder.prefix("zoho-connector-demo-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.tempdir().map_err(failed)?;
        std::fs::write(folder.path().join("counts.csv"), COUNTS).map_err(failed)?;
        Ok(Self(folder))
    }

    fn file(&self, name: &str) -> String {
        quoted(&self.0.path().join(name).to_string_lossy())
    }
}

/// All that stands in the instructions.
pub(super) struct Shown<'a> {
    pub(super) url: &'a str,
    pub(super) key: &'a Secret,
    pub(super) client: &'a Registered,
    /// Where something else than the demo may be set up.
    pub(super) beside: &'a str,
    pub(super) folder: &'a Folder,
}

/// This program, as a shell finds it.
fn program() -> String {
    let path = std::env::current_exe();
    path.as_deref()
        .map_or_else(|_| "zoho-connector".to_owned(), |path: &Path| quoted(&path.to_string_lossy()))
}

/// The address that `setup` is given: one at which nobody listens.
fn address_for_setup(beside: &str) -> &str {
    let [_, another] = USUAL;
    let port = |url: &str| url.rsplit(':').next().map(str::to_owned);
    if port(beside) == port(another) { another } else { beside }
}

const CALL: &str = "curl -s -w '\\n' --oauth2-bearer \"$ZOHO_CONNECTOR_KEY\"";

pub(super) fn say_all(shown: &Shown<'_>) {
    let Shown { url, key, client, beside, folder } = shown;
    let program = program();
    let paste = |command: &str| say(format!("  {command}"));
    // No comments: a shell may read what is typed after a # as words.
    let head = |words: &str| paste(&format!("echo; echo '== {words}'"));
    let get = |path: &str| paste(&format!("{CALL} \"$ZOHO_CONNECTOR_URL{path}\""));

    say("");
    say(format!("Look at it:  {url}/"));
    say("");
    say("Paste into another shell, all at once or line by line (the service key is shown this once):");
    say("");
    paste(&format!("export ZOHO_CONNECTOR_URL={url}"));
    paste(&format!("export ZOHO_CONNECTOR_KEY={}", key.expose()));
    get("/v1");
    get("/v1/inventory/items?fields=name,sku,rate");
    get("/v1/crm/deals?per_page=3");
    get("/v1/crm/deals/6100000000451001");
    head("Somebody sells a shelf in Zoho: this is an event 15 seconds later");
    paste(&format!(
        "curl -s -w '\\n' -X POST \"$ZOHO_CONNECTOR_URL/sandbox/control/items/{SHELF}/stock?delta=-1\""
    ));
    head("The shelf, with its stock at each location");
    get("/v1/inventory/items?sku=SHELF-OAK-80&details=true&fields=name,sku,stock");
    head("Two of them are damaged: what an adjustment would do, and then the adjustment");
    let adjust = |more: &str| {
        format!(
            "{CALL} \"$ZOHO_CONNECTOR_URL/v1/inventory/adjustments{more} -H 'Content-Type: application/json' -d '{{\"sku\":\"SHELF-OAK-80\",\"location\":\"Main\",\"delta\":-2,\"reason\":\"Damaged goods\"}}'"
        )
    };
    paste(&format!("PREVIEW=$({})", adjust("?dry_run=true\"")));
    paste("printf '%s\\n' \"$PREVIEW\"");
    paste("PREVIEW_ID=$(printf '%s' \"$PREVIEW\" | sed 's/.*\"preview_id\":\"\\([^\"]*\\)\".*/\\1/')");
    paste(&adjust("\" -H \"Idempotency-Key: $PREVIEW_ID\""));
    head("A count against the stock in Zoho: what drifted is adjusted, and a page says so");
    let (counts, report) = (folder.file("counts.csv"), folder.file("report.html"));
    paste(&format!(
        "{program} reconcile {counts} --reason 'Stock count' --apply --yes --report {report} --force"
    ));
    head("What happened meanwhile");
    paste("sleep 15");
    get("/v1/events");
    say("");
    say(format!("Then open the report in a browser: {}", folder.0.path().join("report.html").display()));
    say("");
    say(
        "A connector of your own against this Zoho, in a shell of its own; `connect` prints a link to open in a browser. The client has",
    );
    say(format!("  id {}, secret {}, registered in {}", client.id, client.secret, client.home));
    let [usual, another] = USUAL;
    say(format!("  Its redirect URIs are those of {beside}, {usual} and {another}."));
    let named = address_for_setup(beside);
    say(format!(
        "  `zoho-connector setup` asks for all of this instead: paste the first of these lines only, and name {named} as the address."
    ));
    say("");
    paste(&format!("export ZOHO_CONNECTOR_SANDBOX_URL={url}/sandbox"));
    paste(&format!("export ZOHO_CONNECTOR_PUBLIC_URL={beside}"));
    paste(&format!("export ZOHO_CONNECTOR_DATA={}", folder.file("data")));
    paste(&format!(
        "echo {} | {program} client set --id {} --data-centre {}",
        client.secret, client.id, client.home
    ));
    paste(&format!("{program} serve --listen {} &", beside.trim_start_matches("http://")));
    paste(&format!("{program} connect --access write"));
    paste(&format!("{program} keys create --can inventory:write,crm:write,events"));
    say("");
    say("Ctrl-C ends it.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setup_is_not_sent_to_a_port_that_is_taken() {
        assert_eq!(address_for_setup("http://127.0.0.1:8081"), "http://localhost:8081");
        assert_eq!(address_for_setup("http://127.0.0.1:46853"), "http://127.0.0.1:46853");
    }
}
