//! What event-delivery reaches over the network: CRM, and the agent's gateway, which loses answers and forgets.

use async_trait::async_trait;
use serde_json::json;
use shared::zoho::http::{Answer, Call, Content, HttpError, Transport};
use tokio::time::sleep;

use super::stage::Stage;
use crate::simulation::trouble::StoreMood;

/// How long the gateway knows a run, in milliseconds: while it goes on, and five minutes more.
const REMEMBERED: i64 = 25 * 60 * 1000;

impl Stage {
    /// CRM, asked for deals by their ids: in trouble half of the time, as long as there is any.
    async fn read(&self, call: &Call<'_>) -> Result<Answer, HttpError> {
        let (world, random) = (&self.world, &self.world.random);
        sleep(random.milliseconds(5, 1500)).await;
        let failure =
            |status, body: &'static str| Ok(Answer { status, body: body.into(), ..Answer::default() });
        match random.between(0, if world.trouble().stores == StoreMood::Good { 4 } else { 9 }) {
            5 => return Err(HttpError::Unreachable),
            6 => {
                sleep(call.within).await;
                return Err(HttpError::Timeout);
            }
            7 => return failure(503, "<html>"),
            8 => {
                return failure(
                    429,
                    r#"{"code":"TOO_MANY_REQUESTS","details":{},"message":"x","status":"error"}"#,
                );
            }
            9 => {
                return failure(
                    401,
                    r#"{"code":"INVALID_TOKEN","details":{},"message":"x","status":"error"}"#,
                );
            }
            _ => {}
        }
        let ids = call.url.rsplit_once("ids=").map_or("", |(_, ids)| ids);
        let row = |id| json!({ "id": id, "Modified_Time": "2026-11-21T10:00:00+01:00" });
        let rows: Vec<_> = ids.split("%2C").map(row).collect();
        Ok(Answer { status: 200, body: json!({ "data": rows }).to_string().into(), ..Answer::default() })
    }
}

#[async_trait]
impl Transport for Stage {
    async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        let hook = match call.content {
            Content::Hook(hook) => hook,
            Content::Read(_) => return self.read(&call).await,
            _ => unreachable!("nothing else is sent"),
        };
        let (world, random) = (&self.world, &self.world.random);
        sleep(random.milliseconds(5, 3000)).await;
        let mood = random.between(0, if world.trouble().stores == StoreMood::Good { 3 } else { 11 });
        let failure = |status, retry_after| {
            Ok(Answer { status, retry_after, body: "not now".into(), ..Answer::default() })
        };
        match mood {
            4 => return Err(HttpError::Unreachable),
            5 => return Err(HttpError::Broken),
            6 => return failure(409, None),
            7 => return failure(429, Some(random.between(1, 300))),
            8 => return failure(503, None),
            _ => {}
        }
        let run = {
            let mut seen = self.seen.lock().unwrap();
            let body = seen.bodies.entry(hook.key.to_owned()).or_insert_with(|| hook.body.to_owned());
            if body != hook.body {
                self.broken(format!("{} was sent with other bytes", hook.key));
            }
            if random.chance(200) {
                seen.memory.clear();
            }
            let known = seen.memory.get(hook.key).is_some_and(|since| world.at() < since + REMEMBERED);
            if !known {
                seen.memory.insert(hook.key.to_owned(), world.at());
                seen.runs.push((world.at(), hook.key.to_owned()));
                tokio::spawn(self.clone().work(Some(hook.key.to_owned())));
            }
            format!("run-{}", seen.runs.len())
        };
        match mood {
            9 => {
                sleep(call.within).await;
                Err(HttpError::Timeout)
            }
            10 => Err(HttpError::Broken),
            11 => failure(502, None),
            _ => Ok(Answer {
                status: 200,
                body: json!({ "ok": true, "runId": run }).to_string().into(),
                ..Answer::default()
            }),
        }
    }
}
