//! Seen: what token-refresh leaves alone for a minute, it left alone for as long as the clock was set back. A connection without a grant
//! was neither ended nor removed, and a grant that was replaced was not revoked. Right: a minute is a minute.

use serde_json::json;
use shared::base::clock::Clock;
use shared::base::id::ConnectionName;
use shared::core::connection;
use shared::core::connection::orders::Order;
use shared::core::connection::token_refresh::Reply;
use shared::core::grant::Grant;
use shared::store::{Condition, Key, Put};
use tests::faults::calls::Place;
use tests::faults::world::World;

const DAY: i64 = 86_400;

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_grant_is_ended() {
    let (world, connection) = (World::new(Place::Cloud, 1).await, ConnectionName::default());
    world.stores.secrets.delete(&Grant::secret_name(&connection)).await.unwrap();
    let order = Order::Disconnect { connection: connection.clone() };
    let reply = world.order(&order).await;
    assert!(matches!(reply, Ok(Reply::Busy)), "its grant may be too new to be seen: {reply:?}");
    world.clock.jump(-DAY);
    let reply = world.order(&order).await;
    assert!(matches!(reply, Ok(Reply::Unknown)), "{reply:?}");
    assert!(connection::get(&*world.stores.state, &connection).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_written_down_of_replaced_grants_is_done() {
    let world = World::new(Place::Cloud, 1).await;
    let key = Key::new("replaced-grant", ConnectionName::default().as_str());
    let mark = json!({ "since": world.clock.now() });
    let put = Put::record(key.clone(), &mark, Condition::Any).unwrap();
    assert!(world.stores.state.put(put).await.unwrap().is_done());
    world.tick().await.unwrap();
    assert!(world.stores.state.get(&key).await.unwrap().is_some(), "the run that wrote it may be at work");
    world.clock.jump(-DAY);
    world.tick().await.unwrap();
    assert!(world.stores.state.get(&key).await.unwrap().is_none());
}
