//! A healthy connection with its access token, put straight into stores: no consent goes before it.

use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::organization::Organization;
use shared::core::connection::{Connection, State};
use shared::store::{Secrets, Stores, secret_record};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::ScopeSet;
use shared::zoho::secrets::AccessTokenSecret;

/// Who is connected: the account behind the connection `default`, in the EU, which may read and write in these organisations.
#[derive(Debug, Clone)]
pub struct Account {
    /// What was granted.
    pub scopes: ScopeSet,
    /// The id of the Inventory organisation.
    pub inventory: Option<&'static str>,
    /// The id of the CRM organisation.
    pub crm: Option<&'static str>,
}

impl Account {
    /// Connects it with a token of this text.
    pub async fn connect(&self, stores: &Stores, token: &str) {
        let row = self.connection().row().unwrap();
        assert!(stores.state.put(row).await.unwrap().is_done());
        self.give_token(&*stores.secrets, token).await;
    }

    /// Puts a token of this text in the place of the last one.
    pub async fn give_token(&self, secrets: &dyn Secrets, token: &str) {
        let name = AccessToken::secret_name(&ConnectionName::default());
        let token = secret_record::text(&self.token(token)).unwrap();
        let staged = secrets.stage(&name, &token).await.unwrap();
        assert!(secrets.promote(&name, &staged, None).await.unwrap());
    }

    /// A token of this text, which never ends.
    pub fn token(&self, token: &str) -> AccessToken {
        AccessToken {
            token: AccessTokenSecret::new(token),
            generation: 1,
            expires: Timestamp::MAX,
            data_centre: DataCentre::Eu,
            scopes: self.scopes.clone(),
            organization: organization(self.inventory),
            crm_organization: organization(self.crm),
        }
    }

    fn connection(&self) -> Connection {
        Connection {
            name: ConnectionName::default(),
            generation: 1,
            client_id: "1000.CLIENT".to_owned(),
            home: DataCentre::Eu,
            data_centre: DataCentre::Eu,
            scopes: self.scopes.clone(),
            organization: organization(self.inventory),
            crm_organization: organization(self.crm),
            user: None,
            connected_at: Timestamp::UNIX_EPOCH,
            token_renewed_at: None,
            token_expires: None,
            clock_ahead: None,
            state: State::Healthy,
        }
    }
}

fn organization(id: Option<&str>) -> Option<Organization> {
    id.map(|id| Organization {
        id: id.to_owned(),
        name: "Nordlicht Moebel".to_owned(),
        ..Organization::default()
    })
}
