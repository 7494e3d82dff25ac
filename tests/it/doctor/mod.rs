//! `zoho-connector doctor` on installations that are broken in one place: it names the cause and the mend.

mod connections;
mod fronts;
mod notifications;
mod places;
mod stacks;

use serde_json::Value;
use shared::base::clock::{Clock, SignedDuration, SystemClock, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::core::connection::{self, Connection};
use shared::store::Stores;
use shared::store::sqlite::Sqlite;
use tests::connector::Connector;
use tests::process;
use tests::process::Ended;

/// What the doctor found.
struct Found(Vec<Value>);

impl Found {
    fn read(ended: &Ended) -> Self {
        let found: Vec<Value> =
            serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{} {}", ended.out, ended.err));
        let wrong = found.iter().any(|one| one["ok"] == false);
        assert_eq!(ended.code, i32::from(wrong), "{} {}", ended.out, ended.err);
        for one in &found {
            let has_mend = one["mend"].as_str().is_some_and(|mend| !mend.is_empty());
            assert_eq!(has_mend, one["ok"] == false, "what is wrong has a mend: {one}");
        }
        Self(found)
    }

    fn wrong(&self) -> Vec<&Value> {
        self.0.iter().filter(|one| one["ok"] == false).collect()
    }

    /// This check is wrong, and no other: with this cause and this mend.
    fn only(&self, check: &str, cause: &str, mend: &str) {
        let wrong = self.wrong();
        assert!(wrong.iter().all(|one| one["check"] == check), "only {check}: {wrong:#?}");
        self.names(check, cause, mend);
    }

    /// This check is wrong, with this cause and this mend; others may be as well.
    fn names(&self, check: &str, cause: &str, mend: &str) {
        let wrong = self.wrong();
        let is_it = |one: &&Value| -> bool {
            let has = |field: &str, part: &str| one[field].as_str().is_some_and(|text| text.contains(part));
            one["check"] == check && has("found", cause) && has("mend", mend)
        };
        assert!(wrong.iter().any(is_it), "{check}, {cause}, {mend}: {wrong:#?}");
    }

    fn is_well(&self) {
        assert!(self.wrong().is_empty(), "{:#?}", self.wrong());
    }
}

async fn doctor(connector: &Connector) -> Found {
    Found::read(&connector.run(&["doctor", "--json"], "").await)
}

/// On the connector's folder, with another address or other variables.
async fn doctor_with(connector: &Connector, url: &str, more: &[(&str, &str)]) -> Found {
    let folder = connector.folder().to_str().unwrap();
    let variables = [connector.variables(), more.to_vec()].concat();
    let args = ["doctor", "--json", "--data", folder, "--public-url", url];
    Found::read(&process::run(&args, &variables, "").await)
}

fn stores(connector: &Connector) -> Stores {
    Sqlite::open(connector.folder(), std::sync::Arc::new(SystemClock)).unwrap().into()
}

/// Changes the row of the connection.
async fn edit(stores: &Stores, change: impl FnOnce(&mut Connection)) -> Connection {
    let name = ConnectionName::default();
    let before = connection::get(&*stores.state, &name).await.unwrap().unwrap();
    let mut row = before.clone();
    change(&mut row);
    stores.state.put(row.row().unwrap()).await.unwrap();
    before
}

async fn put_back(stores: &Stores, row: &Connection) {
    stores.state.put(row.row().unwrap()).await.unwrap();
}

fn in_minutes(minutes: i64) -> Timestamp {
    later(SystemClock.now(), SignedDuration::from_mins(minutes))
}

#[tokio::test]
async fn a_good_installation_is_well_and_shows_the_first_deals_and_items() {
    let (connector, _) = Connector::connected().await;
    let ended = connector.run(&["doctor"], "").await;
    assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    for expected in ["All is well", "✓ Items default", "SKU: SHELF-OAK-80", "✓ Deals default", "Stage: "]
    {
        assert!(ended.out.contains(expected), "{expected}: {}", ended.out);
    }
    doctor(&connector).await.is_well();
    assert!(!connector.secret_strayed());
    let keys = connector.run(&["keys", "list"], "").await.out;
    assert!(!keys.contains("doctor"), "its own keys are gone: {keys}");
    assert!(!connector.run(&["events", "list"], "").await.out.contains("zoho.inventory"));
}
