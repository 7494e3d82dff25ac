//! Item groups, images and deletes: what is made can be read, and what is deleted cannot.

use serde_json::json;

use crate::support::{ORG, Zoho};

#[tokio::test]
async fn an_image_comes_back_as_it_was_sent_until_it_is_deleted() {
    let zoho = Zoho::start().await;
    let token = format!("Zoho-oauthtoken {}", zoho.connected().await);
    let path = format!("/eu/api/inventory/v1/items/3300000000070001/image?{ORG}");
    let send = async |method: &str, kind: &str, body: &str| {
        let headers = [("authorization", token.as_str()), ("content-type", kind)];
        zoho.send(method, &path, &headers, body).await.unwrap()
    };
    assert_eq!(send("GET", "", "").await.at("/code"), "1002");
    let form = "--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\
                a\r\n-b\r\n--x--\r\n";
    assert_eq!(send("POST", "multipart/form-data; boundary=x", form).await.json()["code"], 0);
    let image = send("GET", "", "").await;
    assert_eq!((image.status, image.text.as_str()), (200, "a\r\n-b"));
    assert_eq!(send("POST", "multipart/form-data; boundary=y", form).await.status, 400);
    assert_eq!(send("DELETE", "", "").await.json()["code"], 0);
    assert_eq!(send("GET", "", "").await.status, 404);
}

#[tokio::test]
async fn groups_need_a_name_of_their_own() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let path = format!("/inventory/v1/itemgroups?{ORG}");
    let group = json!({ "group_name": "Ash shelf", "unit": "pcs" });
    let made = zoho.call("POST", &path, &token, &group).await;
    assert_eq!(made.status, 201);
    let id = made.at("/group_id");
    let found = zoho.call("GET", &format!("/inventory/v1/itemgroups/{id}?{ORG}"), &token, &json!({})).await;
    assert_eq!(found.at("/group_name"), "Ash shelf");
    assert_eq!(zoho.call("POST", &path, &token, &group).await.status, 400);
    assert_eq!(zoho.call("POST", &path, &token, &json!({ "group_name": "x" })).await.status, 400);
}
