//! Webhooks, received by a second sandbox because it writes down what it gets.

use std::time::Duration;

use sandbox::{BodyForm, Entity, ItemChange, SignatureEncoding, Webhook};
use serde_json::{Value, json};

use crate::support::{ORG, Zoho};

fn hook(url: String, body: BodyForm, encoding: SignatureEncoding) -> Webhook {
    Webhook { url, secret: "a1b2c3d4e5f6g7h8i9j0".to_owned(), entity: Entity::Item, body, encoding }
}

#[tokio::test]
async fn a_change_is_sent_signed() {
    let (zoho, receiver) = (Zoho::start().await, Zoho::start().await);
    let url = format!("{}/webhooks/default/inventory/item", receiver.url());
    zoho.add_webhook(hook(url.clone(), BodyForm::Json, SignatureEncoding::Hex));
    let delivered = zoho.change_item("3300000000070001", ItemChange::Stock(-2.0)).await.unwrap();
    let [one] = delivered.as_slice() else { panic!("{delivered:?}") };
    assert_eq!((one.url.as_str(), one.status), (url.as_str(), Some(404)));

    let got = receiver.requests();
    let header = |name: &str| {
        let found = got[0].headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert_eq!((got[0].method.as_str(), &got[0].body), ("POST", &one.body));
    assert_eq!(header("x-zoho-webhook-signature"), one.signature);
    assert_eq!(
        (header("content-type").as_str(), header("pragma").as_str()),
        ("application/json", "no-cache")
    );
    let body: Value = serde_json::from_str(&one.body).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1, "no event, time or organisation");
    assert_eq!(body["item"]["stock_on_hand"].to_string(), "40.0");
    assert_eq!(body["item"]["locations"][0]["location_stock_on_hand"].to_string(), "28.0");
}

#[tokio::test]
async fn forms_deletes_and_unsigned_hooks() {
    let (zoho, receiver) = (Zoho::start().await, Zoho::start().await);
    zoho.add_webhook(hook(receiver.url().to_owned() + "/x/y", BodyForm::Form, SignatureEncoding::Base64));
    let secret = String::new();
    zoho.add_webhook(Webhook {
        secret,
        ..hook("http://127.0.0.1:1/".to_owned(), BodyForm::Json, SignatureEncoding::Hex)
    });
    let delivered = zoho.change_item("3300000000070006", ItemChange::Delete).await.unwrap();
    assert_eq!(
        delivered[0].body,
        "JSONString=%7B%22item%22%3A%7B%22item_id%22%3A%223300000000070006%22%7D%7D"
    );
    assert!(delivered[0].signature.ends_with('=') && delivered[0].signature.len() == 44);
    assert_eq!((delivered[1].status, delivered[1].signature.as_str()), (None, ""), "nobody listens there");
    assert!(zoho.change_item("3300000000070006", ItemChange::Delete).await.is_none(), "gone");
    assert!(zoho.change_item("3300000000070003", ItemChange::Stock(1.0)).await.is_none(), "not tracked");
    assert!(zoho.change_item("3300000000070001", ItemChange::Rate("much".to_owned())).await.is_none());
}

#[tokio::test]
async fn the_api_and_the_demo_fire_them_too() {
    let (zoho, receiver) = (Zoho::start().await, Zoho::start().await);
    zoho.add_webhook(hook(receiver.url().to_owned() + "/a/b", BodyForm::Json, SignatureEncoding::Hex));
    zoho.switches(|switches| switches.webhook_json_claims_form = true);
    let token = format!("Zoho-oauthtoken {}", zoho.connected().await);
    let path = format!("/eu/api/inventory/v1/items/3300000000070001?{ORG}");
    zoho.send("PUT", &path, &[("authorization", &token)], r#"{"name":"Shelf"}"#).await.unwrap();
    for _ in 0..100 {
        if !receiver.requests().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let got = receiver.requests();
    assert!(got[0].body.contains(r#""item_name":"Shelf""#));
    assert!(
        got[0].headers.contains(&("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()))
    );

    let reply = zoho.form("/control/items/3300000000070001/stock", &[("delta", "-1")]).await;
    assert_eq!(
        (reply.at("/stock_on_hand").as_str(), reply.at("/delivered/0/status").as_str()),
        ("41.0", "404")
    );
    assert_eq!(zoho.form("/control/items/1/stock?delta=1", &[]).await.status, 404);
    assert_eq!(zoho.form("/control/items/3300000000070001/stock", &[("delta", "NaN")]).await.status, 400);
    let asked = zoho.send("GET", "/control/requests", &[], "").await.unwrap().json();
    assert_eq!(asked["requests"].as_array().unwrap().last().unwrap()["method"], json!("PUT"));
}
