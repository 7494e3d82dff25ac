//! The access token of a connection, which the functions call Zoho with. It carries its grant's generation, so that a token of
//! an older grant is known as such.

use serde::{Deserialize, Serialize};

use super::organization::Organization;
use crate::base::clock::Timestamp;
use crate::base::id::ConnectionName;
use crate::base::problem::{Code, Problem};
use crate::zoho::data_centre::DataCentre;
use crate::zoho::scope::ScopeSet;
use crate::zoho::secrets::AccessTokenSecret;

/// A short-lived token with what is needed to use it, so that one read is enough.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccessToken {
    /// The token.
    #[serde(serialize_with = "AccessTokenSecret::serialize_exposed")]
    pub token: AccessTokenSecret,
    /// The generation of its grant: each consent makes the next one.
    pub generation: u64,
    /// When Zoho stops accepting it.
    pub expires: Timestamp,
    /// Where it is valid.
    pub data_centre: DataCentre,
    /// What it may do.
    pub scopes: ScopeSet,
    /// The Inventory organisation.
    pub organization: Option<Organization>,
    /// The CRM organisation.
    pub crm_organization: Option<Organization>,
}

impl AccessToken {
    /// The organisations that it is for, as one text. Tokens with the same text are interchangeable: one may finish what another
    /// began.
    pub fn account(&self) -> String {
        let id = |organization: &Option<Organization>| {
            organization.as_ref().map_or("-", |found| &found.id).to_owned()
        };
        format!("{}/{}", id(&self.organization), id(&self.crm_organization))
    }

    /// Demands that it is of the organisation that a caller names, where one is named.
    ///
    /// # Errors
    /// Where it is of another.
    pub fn demand_organization(
        &self,
        connection: &ConnectionName,
        wanted: Option<&str>,
    ) -> Result<(), Problem> {
        let own = [&self.organization, &self.crm_organization].into_iter().flatten();
        match wanted {
            Some(wanted) if !own.clone().any(|own| own.id == wanted) => {
                let own: Vec<&str> = own.map(|found| found.id.as_str()).collect();
                Err(Problem::new(
                    Code::OrganizationMismatch,
                    format!("Connection {connection} belongs to organisation {}.", own.join(" and ")),
                ))
            }
            _ => Ok(()),
        }
    }

    /// The secret's name.
    pub fn secret_name(connection: &ConnectionName) -> String {
        format!("connections/{connection}/access-token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(inventory: Option<&str>, crm: Option<&str>) -> AccessToken {
        let organization =
            |id: Option<&str>| id.map(|id| Organization { id: id.to_owned(), ..Organization::default() });
        AccessToken {
            token: AccessTokenSecret::new("1000.a"),
            generation: 1,
            expires: Timestamp::UNIX_EPOCH,
            data_centre: DataCentre::Eu,
            scopes: ScopeSet::parse(""),
            organization: organization(inventory),
            crm_organization: organization(crm),
        }
    }

    #[test]
    fn tokens_are_interchangeable_where_both_organisations_are_the_same() {
        assert_eq!(token(Some("1"), Some("2")).account(), "1/2");
        assert_eq!(token(Some("1"), None).account(), "1/-");
        assert_eq!(token(None, Some("1")).account(), "-/1");
    }

    #[test]
    fn a_caller_may_name_either_of_its_organisations_or_none() {
        let name = ConnectionName::default();
        let token = token(Some("1"), Some("2"));
        for (wanted, is_right) in
            [(None, true), (Some("1"), true), (Some("2"), true), (Some("3"), false), (Some(""), false)]
        {
            let found = token.demand_organization(&name, wanted);
            assert_eq!(found.is_ok(), is_right, "{wanted:?}");
            if let Err(problem) = found {
                assert_eq!(problem.code(), Code::OrganizationMismatch);
                assert_eq!(problem.detail(), "Connection default belongs to organisation 1 and 2.");
            }
        }
        assert_eq!(AccessToken::secret_name(&name), "connections/default/access-token");
    }
}
