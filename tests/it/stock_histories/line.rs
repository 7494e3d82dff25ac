//! The line from a process to the stand-in Zoho: calls arrive, get lost, come too late, and other people act in between.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, header};
use shared::zoho::http::{Answer, Call, Content, HttpError, Transport};
use tests::dice::Dice;
use tests::in_process::ask;
use tokio::time::{sleep, timeout};

use super::life::Life;
use super::world::Shared;

/// A process's line.
pub(super) struct Line {
    pub(super) shared: Arc<Shared>,
    pub(super) life: Arc<Life>,
    /// What decides of calls and of other people; without it, every call arrives, and nobody else does anything.
    pub(super) dice: Option<Arc<Mutex<Dice>>>,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Good,
    /// The line breaks before anything arrives.
    Unreachable,
    BrokenBefore,
    BrokenAfter,
    SilentBefore,
    SilentAfter,
    FaultBefore,
    FaultAfter,
    PageAfter,
}

impl Line {
    fn fate(&self, is_write: bool) -> Fate {
        let Some(dice) = &self.dice else { return Fate::Good };
        let mut dice = dice.lock().unwrap();
        let bad = if is_write { dice.one_in(4) } else { dice.one_in(40) };
        if !bad {
            return Fate::Good;
        }
        let fates = [
            Fate::Unreachable,
            Fate::BrokenBefore,
            Fate::BrokenAfter,
            Fate::SilentBefore,
            Fate::SilentAfter,
            Fate::FaultBefore,
            Fate::FaultAfter,
            Fate::PageAfter,
        ];
        fates[dice.below(fates.len())]
    }

    /// Other people do something now and then.
    fn others(&self) {
        let Some(dice) = &self.dice else { return };
        let mut dice = dice.lock().unwrap();
        if dice.one_in(12) {
            self.shared.somebody_moves(&mut dice);
        }
    }

    async fn arrive(&self, request: Request<Body>) -> Answer {
        self.shared.keep_time();
        let told = ask(&self.shared.zoho, request).await;
        let content_type = told.headers.get(header::CONTENT_TYPE).cloned();
        Answer { status: told.status.as_u16(), body: told.body, content_type, ..Answer::default() }
    }
}

#[async_trait]
impl Transport for Line {
    async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        self.life.step().await;
        let (request, is_write) = match &call.content {
            Content::Read(read) => {
                let token = read.token.expose();
                let request =
                    Request::get(call.url).header(header::AUTHORIZATION, format!("Zoho-oauthtoken {token}"));
                (request.body(Body::empty()).unwrap(), false)
            }
            Content::Write(write) => {
                let token = write.token.expose();
                let request = Request::builder()
                    .method(write.method.as_str())
                    .uri(call.url)
                    .header(header::AUTHORIZATION, format!("Zoho-oauthtoken {token}"))
                    .header(header::CONTENT_TYPE, "application/json");
                let body =
                    write.body.as_ref().map_or_else(Body::empty, |body| Body::from(body.bytes.clone()));
                (request.body(body).unwrap(), true)
            }
            Content::Form(_) | Content::Hook(_) => panic!("api-proxy sends neither"),
        };
        self.others();
        let within = call.within;
        let fate = self.fate(is_write);
        let broken = Answer {
            status: 500,
            body: "{\"code\":1000,\"message\":\"Internal\"}".into(),
            ..Answer::default()
        };
        let page = Answer { status: 200, body: "<html>maintenance</html>".into(), ..Answer::default() };
        let longer = self.dice.as_ref().map_or(0, |dice| dice.lock().unwrap().roll() % 400);
        let pause = Duration::from_millis(40 + longer);
        sleep(pause).await;
        let result = match fate {
            Fate::Unreachable => Err(HttpError::Unreachable),
            Fate::BrokenBefore => Err(HttpError::Broken),
            Fate::SilentBefore => {
                sleep(within).await;
                Err(HttpError::Timeout)
            }
            Fate::FaultBefore => Ok(broken),
            _ => {
                let answer = self.arrive(request).await;
                match fate {
                    Fate::BrokenAfter => Err(HttpError::Broken),
                    Fate::SilentAfter => {
                        sleep(within).await;
                        Err(HttpError::Timeout)
                    }
                    Fate::FaultAfter => Ok(broken),
                    Fate::PageAfter => Ok(page),
                    _ => Ok(answer),
                }
            }
        };
        self.others();
        // It may die before it hears the answer.
        self.life.step().await;
        timeout(within, async { result }).await.unwrap_or(Err(HttpError::Timeout))
    }
}
