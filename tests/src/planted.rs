//! Connections by the hundred, as if people had consented long ago: grants at Zoho and here, and no token yet.

use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::connection::organization::Organization;
use shared::core::grant::Grant;
use shared::store::secret_record::text;
use shared::store::{StoreError, Stores};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::ScopeSet;
use shared::zoho::secrets::RefreshToken;

use crate::connector::{CLIENT_ID, Connector};

/// What they may do.
pub const SCOPES: &str = "ZohoInventory.items.READ,ZohoInventory.settings.READ";

/// The names of so many: `c0`, `c1`, …
pub fn names(count: usize) -> Vec<ConnectionName> {
    (0..count).map(|number| format!("c{number}").parse().unwrap()).collect()
}

/// Plants so many in these stores and at the connector's sandbox.
pub async fn connections(connector: &Connector, stores: &Stores, count: usize) {
    let organization = Organization {
        id: "20098765432".to_owned(),
        name: "Nordlicht Moebel".to_owned(),
        ..Organization::default()
    };
    for name in names(count) {
        let grant = Grant {
            refresh_token: RefreshToken::new(connector.zoho.sandbox.plant_grant(CLIENT_ID, SCOPES)),
            generation: 1,
            client_id: CLIENT_ID.to_owned(),
            home: DataCentre::Us,
            data_centre: DataCentre::Eu,
            scopes: ScopeSet::parse(SCOPES),
            organization: Some(organization.clone()),
            crm_organization: None,
            user: None,
            connected_at: Timestamp::now(),
            chosen: None,
        };
        let secret = Grant::secret_name(&name);
        let grant_text = text(&grant).unwrap();
        let version = patiently(|| stores.secrets.stage(&secret, &grant_text)).await;
        patiently(|| stores.secrets.promote(&secret, &version, None)).await;
        assert!(patiently(|| stores.secrets.get(&secret)).await.is_some(), "{secret}");
        let row = grant.connection(name).row().unwrap();
        patiently(|| stores.state.put(row.clone())).await;
    }
}

/// An emulator that has much to do may answer too late: then the call is made again, though it may have been done.
async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(call: impl Fn() -> F) -> T {
    for _ in 0..4 {
        if let Ok(done) = call().await {
            return done;
        }
    }
    call().await.unwrap()
}
