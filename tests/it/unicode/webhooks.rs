//! Webhooks with any text, signed over their bytes as they are.

use std::time::Duration;

use serde_json::{Value, json};
use tests::hooks::{CHANNEL, CUSTOM, Hook, INVENTORY, TOKEN, set_secrets, sign};

use super::text::{Kind, any, long, percent};
use super::{Place, cases, document, send};

#[tokio::test]
async fn a_webhook_is_stored_and_read_again_whatever_its_text() {
    let place = Place::open("receiver").await;
    set_secrets(&*place.inside.services.stores.secrets).await;
    let router = webhook_intake::router(&place.inside.services);
    for (seed, mut dice) in cases(100) {
        let text = if dice.one_in(10) { long() } else { any(&mut dice, Kind::Broken) };
        let item = format!(r#"{{"item":{{"item_id":"33{seed}","name":@,"sku":@}}}}"#);
        let signed = |header, path: &str, body: Vec<u8>, text: &[u8], begin: &str, secret| Hook {
            path: path.to_owned(),
            header: Some((header, format!("{begin}{}", sign(secret, text)))),
            body,
        };
        let inventory = "/webhooks/default/inventory/item.updated";
        let zoho = "x-zoho-webhook-signature";
        let (hook, shown, name) = match dice.below(6) {
            0 | 1 => {
                let body = document(&item, &text);
                (signed(zoho, inventory, body.clone(), &body, "", INVENTORY), "/item/name", Some("sku"))
            }
            2 => {
                let body = document(&item, &text);
                let text = [b"JSONString".as_slice(), String::from_utf8_lossy(&body).as_bytes()].concat();
                let form = format!("JSONString={}", percent(&body)).into_bytes();
                (signed(zoho, inventory, form, &text, "", INVENTORY), "/item/name", Some("sku"))
            }
            3 => {
                let plain = text.read.as_bytes();
                let form = format!("item_id=33{seed}&name={}", percent(plain)).into_bytes();
                let signed_text = [format!("item_id33{seed}name").as_bytes(), plain].concat();
                (signed(zoho, inventory, form, &signed_text, "", INVENTORY), "/name", None)
            }
            4 => {
                let form = format!(
                    r#"{{"server_time":{},"module":"Deals","ids":["6{seed}"],"operation":"update","affected_values":[{{"record_id":"6{seed}","values":{{"Deal_Name":@}}}}],"channel_id":"{CHANNEL}","token":"{TOKEN}"}}"#,
                    1_795_287_600_000 + seed
                );
                let body = document(&form, &text);
                (Hook::of_crm(body), "/affected_values/0/values/Deal_Name", None)
            }
            _ => {
                let body = document(&format!(r#"{{"number":{seed},"counted":@}}"#), &text);
                let path = "/webhooks/default/custom/stock.counted";
                (signed("x-signature", path, body.clone(), &body, "sha256=", CUSTOM), "/counted", None)
            }
        };
        let what = format!("UNICODE_SEED={seed}: {text:?} {hook:?}");
        let told = send(&router, hook.request()).await;
        assert_eq!((told.status, &told.body["duplicate"]), (200, &json!(false)), "{what}: {}", told.body);
        let again = send(&router, hook.request()).await;
        assert_eq!(
            (again.status, &again.body["event_id"]),
            (200, &told.body["event_id"]),
            "{what}: {}",
            again.body
        );
        let id = told.body["event_id"].as_str().unwrap();
        let event = place.get(&format!("/v1/events/{id}")).await;
        assert_eq!(event.status, 200, "{what}: {}", event.body);
        assert_eq!(
            event.body["data"]["delivered"].pointer(shown),
            Some(&json!(text.read)),
            "{what}: {}",
            event.body
        );
        let expected = name.filter(|_| text.read.len() <= 256).map_or(Value::Null, |_| json!(text.read));
        assert_eq!(event.body["data"]["sku"], expected, "{what}: {}", event.body);
        // A forged one with the same text is refused, whatever its bytes are.
        if let Some((header, value)) = &hook.header {
            let forged =
                Hook { header: Some((*header, value.replace(['0', '7', 'a'], "b"))), ..hook.clone() };
            assert_eq!(send(&router, forged.request()).await.status, 401, "{what}");
        }
    }
    place.inside.advance(Duration::from_secs(60));
    let listed = place.get("/v1/events?per_page=200").await;
    assert!(listed.body["data"].as_array().is_some_and(|events| !events.is_empty()), "{}", listed.body);
}
