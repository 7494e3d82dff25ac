//! Whoever took over a function that may ask for tokens could have token-refresh end every connection, or put a grant of their
//! own into the place of another: it did whatever it was asked. Now an ask is proven by rows that no function can write.

use serde_json::{Value, json};
use shared::base::secret::Secret;
use shared::core::connection::State;
use shared::core::connection::consent::Consents;
use shared::core::connection::orders::{Order, Orders};
use shared::core::connection::token_refresh::{Ask, Consented, Reply, TokenRefreshClient};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::secrets::AuthorizationCode;
use tests::inside::Inside;

/// A code of the attacker's own account, and to what they say that somebody consented.
fn exchange(consented: Consented) -> Ask {
    Ask::Exchange {
        consented,
        data_centre: DataCentre::Us,
        redirect_uri: None,
        code: AuthorizationCode::new("1000.the.attackers"),
        verifier: None,
        ticket: "ticket".to_owned(),
    }
}

#[tokio::test]
async fn only_what_the_operator_wants_is_done() {
    let inside = Inside::connected().await;
    let before = inside.connection().await;
    let calls = inside.zoho.sandbox.requests().len();
    let ask = |ask| inside.token_refresh.ask(ask);
    let link = Secret::random().digest();
    let reply = ask(exchange(Consented::ByLink { link })).await.unwrap();
    assert_eq!(reply, Reply::LinkUsed);
    let again = Consented::Again { connection: before.name.clone(), since: before.connected_at };
    let Reply::Exchanged { ending } = ask(exchange(again)).await.unwrap() else { panic!("not told") };
    assert!(!ending.connected && ending.lines[0].contains("in the meantime"), "it lives: {ending:?}");
    for id in [String::new(), "x".to_owned(), Secret::random().digest()] {
        assert_eq!(ask(Ask::Order { id }).await.unwrap(), Reply::Unknown);
    }
    assert_eq!(inside.zoho.sandbox.requests().len(), calls, "nothing was sent to Zoho");
    let after = inside.connection().await;
    assert_eq!((after.state, after.connected_at), (before.state, before.connected_at));
}

#[test]
fn nothing_else_can_be_said() {
    for asked in [
        json!({ "ask": "disconnect", "connection": "default" }),
        json!({ "ask": "watch", "connection": "default" }),
        json!({ "ask": "exchange", "wish": {}, "data_centre": "us", "code": "c", "ticket": "t" }),
        json!({ "ask": "order", "order": "disconnect", "connection": "default" }),
        Value::Null,
    ] {
        assert!(token_refresh::ask_of(asked.clone()).is_err(), "{asked}");
    }
}

/// A link is for what the operator made it for, whatever is asked, and an order and a link count once.
#[tokio::test]
async fn an_order_and_a_link_count_once() {
    let inside = Inside::connected().await;
    let (state, clock) = (inside.services.stores.state.clone(), inside.services.clock.clone());
    let link = Consents::new(state.clone(), clock.clone()).make_link(&inside.wish()).await.unwrap().digest();
    let by_link = || exchange(Consented::ByLink { link: link.clone() });
    let Reply::Exchanged { ending } = inside.token_refresh.ask(by_link()).await.unwrap() else {
        panic!("not exchanged")
    };
    assert!(!ending.connected, "Zoho does not know the code: {ending:?}");
    assert_eq!(inside.token_refresh.ask(by_link()).await.unwrap(), Reply::LinkUsed);

    let name = inside.connection().await.name;
    let id = Orders::new(state, clock).give(&Order::Disconnect { connection: name }).await.unwrap();
    let order = || inside.token_refresh.ask(Ask::Order { id: id.clone() });
    assert!(matches!(order().await.unwrap(), Reply::Disconnected { .. }));
    inside.connect().await;
    assert_eq!(order().await.unwrap(), Reply::Unknown);
    assert_eq!(inside.connection().await.state, State::Healthy);
}
