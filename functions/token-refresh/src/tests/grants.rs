//! Storing a grant while others work on the connection, or a person is to choose.

use shared::core::grant::lease::Lease;
use shared::store::{Condition, Key};

use super::{app, fresh, in_milliseconds, replace};
use crate::parked::{self, Parked};
use crate::store_grant::{NotStored, Replaces, store_grant};

#[tokio::test]
async fn who_lost_the_lease_stores_no_grant() {
    let (app, name) = app();
    let state = &*app.stores.state;
    let lease = Lease::take(state, &app.clock, &name).await.unwrap().unwrap();
    state.delete(Key::new("lease", name.as_str()), Condition::Any).await.unwrap();
    let reply = store_grant(&app, lease, &name, fresh(), Replaces::Anything).await;
    assert!(matches!(reply, Err(NotStored::Busy)));
    assert_eq!(app.generations(&name).await, (None, None));
    assert!(app.row(&name).await.is_none());
}

#[tokio::test]
async fn a_parked_grant_is_gone_once_it_is_stored_and_stays_where_another_one_is() {
    for (replaces, stays) in [(Replaces::Generation(0), false), (Replaces::Anything, true)] {
        let (app, name) = app();
        let until = in_milliseconds(600_000);
        let (ticket, organizations) = ("ticket".to_owned(), Vec::new());
        let parked = Parked { ticket, until, over: 0, organizations, fresh: fresh() };
        app.keep(&Parked::secret_name(&name), &parked).await;
        let mark = parked::mark(&name, until).unwrap();
        assert!(app.stores.state.transact(vec![mark]).await.unwrap().is_done());
        assert!(replace(&app, &name, replaces).await.is_ok());
        assert_eq!(app.generations(&name).await, (Some(1), Some(1)));
        let is_there = app.stores.secrets.get(&Parked::secret_name(&name)).await.unwrap().is_some();
        let marks = parked::list(&*app.stores.state).await.unwrap().count();
        assert_eq!((is_there, marks), (stays, usize::from(stays)));
    }
}
