//! Chooses the connection of a request, and checks that its key may use it so. It is the connection that the request names. If it names
//! none, it is the only connection of the key that offers the product.

use shared::base::exactly_one::{Found, exactly_one};
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::core::access::permission::Permission;
use shared::core::connection::Connections;
use shared::zoho::scope::{Access, Product};

use crate::request::caller::Caller;

/// The connection for a call to a product, after a check that the key may make it.
pub(crate) async fn authorize(
    connections: &Connections,
    caller: &Caller,
    product: Product,
    access: Access,
) -> Result<ConnectionName, Problem> {
    caller.key.demand(&Permission::Product(product, access))?;
    offering(connections, caller, product).await
}

/// The connection for a call to a product, if the caller of this function has checked that the key may make the call.
pub(crate) async fn offering(
    connections: &Connections,
    caller: &Caller,
    product: Product,
) -> Result<ConnectionName, Problem> {
    let found = match named(caller)? {
        Some(name) => name,
        None => only_one_that_offers(connections, caller, product).await?,
    };
    caller.headers.connection(&found);
    Ok(found)
}

/// The connection for a call that needs none of Zoho's products.
pub(crate) fn any(caller: &Caller) -> Result<ConnectionName, Problem> {
    let Some(name) = named(caller)? else { return Err(ambiguous(&caller.key.connections)) };
    caller.headers.connection(&name);
    Ok(name)
}

async fn only_one_that_offers(
    connections: &Connections,
    caller: &Caller,
    product: Product,
) -> Result<ConnectionName, Problem> {
    let mut offering = Vec::new();
    for name in &caller.key.connections {
        let found = connections.get(name).await?;
        if found.is_some_and(|found| found.scopes.has(product)) {
            offering.push(name.clone());
        }
    }
    match exactly_one(offering) {
        Found::One(only) => Ok(only),
        Found::Several(names) => Err(ambiguous(&names)),
        Found::None => Err(Problem::new(
            Code::ProductNotConnected,
            format!("None of this key's connections offers {product}."),
        )),
    }
}

/// The one that the request names; without a name, the only one that the key has.
fn named(caller: &Caller) -> Result<Option<ConnectionName>, Problem> {
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

fn ambiguous(names: &[ConnectionName]) -> Problem {
    let names: Vec<_> = names.iter().map(ConnectionName::as_str).collect();
    Problem::new(Code::ConnectionAmbiguous, format!("These connections fit: {}.", names.join(", ")))
}
