//! Routes that Zoho does not have: a start page, and the controls of the demo.

use axum::http::Method;
use serde_json::{Value, json};

use crate::api::ItemChange;
use crate::http::{Answer, Call};
use crate::pages;
use crate::sandbox::Sandbox;

/// Answers a call that is not meant for Zoho.
pub(crate) async fn answer(sandbox: &Sandbox, call: &Call, path: &[&str]) -> Answer {
    match (path, &call.method) {
        ([""] | [], &Method::GET) => index(sandbox),
        (["control", "requests"], &Method::GET) => requests(sandbox),
        (["control", "items", id, "stock"], &Method::POST) => {
            let delta = call.either("delta").and_then(|text| text.parse::<f64>().ok());
            match delta.filter(|delta| delta.is_finite()) {
                Some(delta) => stock(sandbox, id, delta).await,
                None => Answer::json(400, &json!({ "error": "delta must be a number" })),
            }
        }
        (["control", "deals", id, "stage"], &Method::POST) => match call.either("stage") {
            Some(stage) if !stage.is_empty() => deal(sandbox, id, &stage),
            _ => Answer::json(400, &json!({ "error": "stage must be a text" })),
        },
        _ => pages::page(404, "Nothing here", "<p>This is not a page of the sandbox.</p>", ""),
    }
}

async fn stock(sandbox: &Sandbox, id: &str, delta: f64) -> Answer {
    let Some(delivered) = sandbox.change_item(id, ItemChange::Stock(delta)).await else {
        return Answer::json(404, &json!({ "error": "no such item, or its stock is not tracked" }));
    };
    let delivered: Vec<Value> = delivered
        .into_iter()
        .map(|one| {
            json!({ "url": one.url, "status": one.status, "signature": one.signature, "body": one.body,
                "answer": one.answer })
        })
        .collect();
    let item = sandbox.with(|state| {
        let place = crate::inventory::change::position(state, id)?;
        state.items.get(place)?.get("stock_on_hand").cloned()
    });
    Answer::json(200, &json!({ "item_id": id, "stock_on_hand": item, "delivered": delivered }))
}

/// Changes a deal's stage. The channels are told of it, too.
fn deal(sandbox: &Sandbox, id: &str, stage: &str) -> Answer {
    if sandbox.change_deal(id, json!({ "Stage": stage })) {
        Answer::json(200, &json!({ "id": id, "Stage": stage }))
    } else {
        Answer::json(404, &json!({ "error": "no such deal" }))
    }
}

/// Lists the requests, only with methods, paths and statuses: headers and bodies hold tokens.
fn requests(sandbox: &Sandbox) -> Answer {
    let list: Vec<Value> = sandbox
        .requests()
        .into_iter()
        .map(
            |one| json!({ "method": one.method, "path": one.path, "query": one.query, "status": one.status }),
        )
        .collect();
    Answer::json(200, &json!({ "requests": list }))
}

fn index(sandbox: &Sandbox) -> Answer {
    let base = pages::escape(&sandbox.with(|state| state.options.base_url.clone()));
    let inner = format!(
        "<p>A stand-in for Zoho Accounts, Inventory and CRM, for the demo and the tests. It keeps Zoho's rules and \
         Zoho's quirks; its data is invented.</p><ul>\
         <li><a href=\"{base}/control/requests\">What it was asked so far</a></li>\
         <li><a href=\"{base}/eu/accounts/oauth/serverinfo\">Its data centres</a></li></ul>\
         <p>Sell one shelf and send the webhooks:<br>\
         <code>curl -d delta=-1 {base}/control/items/3300000000070001/stock</code></p>\
         <p>Win a deal and tell the channels:<br>\
         <code>curl -d stage='Closed Won' {base}/control/deals/6100000000451001/stage</code></p>"
    );
    pages::page(200, "Zoho sandbox", &inner, "")
}
