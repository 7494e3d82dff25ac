//! Which connection a request is for: the one it names, else the only one of the key that offers the product.

use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::core::access::key::Permission;
use shared::zoho::scope::{Access, Product};

use crate::app::App;
use crate::request::caller::Caller;

impl App {
    /// The connection for a call to a product, for a key that may do this.
    pub(crate) async fn choose(
        &self,
        caller: &Caller,
        product: Product,
        access: Access,
    ) -> Result<ConnectionName, Problem> {
        caller.key.demand(&Permission::Product(product, access))?;
        self.connection_for(caller, product).await
    }

    /// The connection for a call to a product that the key may make.
    pub(crate) async fn connection_for(
        &self,
        caller: &Caller,
        product: Product,
    ) -> Result<ConnectionName, Problem> {
        let chosen = self.offering(caller, product).await?;
        caller.notes.connection(&chosen);
        Ok(chosen)
    }

    async fn offering(&self, caller: &Caller, product: Product) -> Result<ConnectionName, Problem> {
        if let Some(name) = self.named(caller)? {
            return Ok(name);
        }
        let mut offering = Vec::new();
        for name in &caller.key.connections {
            let found = self.connections.get(name).await?;
            if found.is_some_and(|found| found.scopes.products().contains(&product)) {
                offering.push(name.clone());
            }
        }
        match (offering.pop(), offering.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(Problem::new(
                Code::ProductNotConnected,
                format!("None of this key's connections offers {product}."),
            )),
            (Some(last), false) => {
                offering.push(last);
                Err(ambiguous(&offering))
            }
        }
    }

    /// The connection for a call that needs none of Zoho's products.
    pub(crate) fn choose_any(&self, caller: &Caller) -> Result<ConnectionName, Problem> {
        match self.named(caller)? {
            Some(name) => {
                caller.notes.connection(&name);
                Ok(name)
            }
            None => Err(ambiguous(&caller.key.connections)),
        }
    }

    /// The one that the request names; without a name, the only one that the key has.
    fn named(&self, caller: &Caller) -> Result<Option<ConnectionName>, Problem> {
        let all = &caller.key.connections;
        match (&caller.connection, all.as_slice()) {
            (Some(wanted), _) => match all.iter().find(|name| name.as_str() == wanted) {
                Some(name) => Ok(Some(name.clone())),
                None => Err(Problem::new(
                    Code::ConnectionUnknown,
                    "The header `Zoho-Connection` names none of this key's connections.",
                )),
            },
            (None, [only]) => Ok(Some(only.clone())),
            (None, _) => Ok(None),
        }
    }
}

fn ambiguous(names: &[ConnectionName]) -> Problem {
    let names: Vec<_> = names.iter().map(ConnectionName::as_str).collect();
    Problem::new(Code::ConnectionAmbiguous, format!("These connections fit: {}.", names.join(", ")))
}
