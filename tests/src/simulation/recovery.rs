//! After the troubles: everything works again without anybody's help, and nothing is left lying.

use std::sync::Arc;
use std::time::Duration;

use shared::base::clock::{SignedDuration, earlier};
use shared::base::problem::Code;
use shared::core::connection;
use tokio::time::sleep;

use super::history::{What, Who};
use super::people::{Proxy, consent, name, set_client, tick};
use super::trouble::Trouble;
use super::world::World;

/// From here on renewals stand back until versions of the access token are a day old.
const CROWDED: usize = 72;

/// Ends all troubles, lets 45 minutes pass on schedule, and looks at every connection.
pub async fn recover(world: &Arc<World>, connections: usize) {
    world.set_strike(None);
    world.set_trouble(Trouble::default());
    // Whatever is under way ends by itself.
    sleep(Duration::from_secs(90)).await;
    assert!(set_client(world).await, "nothing is wrong any more");
    for _ in 0..9 {
        tick(world);
        sleep(Duration::from_secs(300)).await;
        let forgotten = world.history().rules.forgotten(world.at());
        for connection in forgotten {
            fault(world, &format!("the parked grant of {connection} was not revoked in time"));
        }
    }
    for connection in 1..=connections {
        look(world, connection).await;
    }
    let leaked = world.history().rules.leaked();
    for grant in leaked {
        fault(world, &format!("the grant {grant} was left lying at Zoho without need"));
    }
}

async fn look(world: &Arc<World>, connection: usize) {
    let label = name(connection);
    let stored = world.history().rules.grant(label.as_str()).map(str::to_owned);
    let lives = stored.as_ref().map(|grant| world.zoho().lives(grant));
    let result = Proxy::start(world).read(connection).await;
    let code = result.as_ref().err().map(shared::base::problem::Problem::code);
    let expected = match lives {
        Some(true) => None,
        Some(false) => Some(Code::ReconnectRequired),
        None => Some(Code::ProductNotConnected),
    };
    let since = earlier(world.now(), SignedDuration::from_hours(24));
    let token = format!("connections/{label}/access-token");
    let crowded = world.kept().versions(&token, since) >= CROWDED;
    if code != expected && !(crowded && code == Some(Code::TokenCoolingDown)) {
        fault(world, &format!("rule 6: {label} should have answered {expected:?}, but answered {code:?}"));
    }
    let now = world.now();
    let row = world.kept().row(&connection::key(&label), now).map(|row| row.value.clone());
    if row.is_some() != stored.is_some() {
        fault(world, &format!("rule 6: {label} has the grant {stored:?}, but the row {row:?}"));
    }
    if stored.is_none() && world.kept().current(&token).is_some() {
        fault(world, &format!("rule 6: {label} is ended, but has an access token"));
    }
    // What is dead or ended comes back by a consent.
    if lives != Some(true) && !crowded {
        let connected = consent(world, 0, connection).await;
        if !connected || Proxy::start(world).read(connection).await.is_err() {
            fault(world, &format!("rule 6: {label} could not be connected anew"));
        }
    }
}

fn fault(world: &World, text: &str) {
    world.note(Who::Stage, What::Note { text: text.to_owned() });
    world.history().broken.push(text.to_owned());
}
