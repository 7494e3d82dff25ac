//! The address that the operator was told to enter elsewhere: at Zoho, at agents, at other senders. Nobody else can change it there,
//! so it is kept in the store, where it is compared on any machine and after any change of a stack's template.

use serde::{Deserialize, Serialize};
use shared::base::public_url::PublicUrl;
use shared::store::{Condition, Key, Put, StoreError, Table};

#[derive(Serialize, Deserialize)]
struct Told {
    address: String,
}

/// What the operator was told last, if anything.
pub(super) async fn get(state: &dyn Table) -> Result<Option<PublicUrl>, StoreError> {
    let Some(row) = state.get(&key()).await? else { return Ok(None) };
    let told: Told = row.read()?;
    Ok(PublicUrl::parse(&told.address).ok())
}

/// From now on, the operator knows this one.
pub(super) async fn keep(state: &dyn Table, address: &PublicUrl) -> Result<(), StoreError> {
    put(state, address, Condition::Any).await
}

/// The same, unless another one was told before: who has that one is still to be told of a new one.
pub(super) async fn keep_first(state: &dyn Table, address: &PublicUrl) -> Result<(), StoreError> {
    put(state, address, Condition::Absent).await
}

async fn put(state: &dyn Table, address: &PublicUrl, condition: Condition) -> Result<(), StoreError> {
    let told = Told { address: address.as_str().to_owned() };
    state.put(Put::record(key(), &told, condition)?).await.map(|_| ())
}

fn key() -> Key {
    Key::new("address", "told")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::base::clock::SystemClock;
    use shared::store::Stores;
    use shared::store::sqlite::Sqlite;

    use super::*;

    #[tokio::test]
    async fn the_last_address_is_known_and_a_later_first_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let stores: Stores = Sqlite::open(folder.path(), Arc::new(SystemClock)).unwrap().into();
        let url = |text: &str| PublicUrl::parse(text).unwrap();
        let (first, second) = (url("https://a.example.com"), url("https://b.example.com"));
        assert_eq!(get(&*stores.state).await.unwrap(), None);
        keep_first(&*stores.state, &first).await.unwrap();
        keep_first(&*stores.state, &second).await.unwrap();
        assert_eq!(get(&*stores.state).await.unwrap(), Some(first));
        keep(&*stores.state, &second).await.unwrap();
        assert_eq!(get(&*stores.state).await.unwrap(), Some(second));
    }
}
