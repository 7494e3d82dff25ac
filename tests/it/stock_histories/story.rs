//! What an agent does in a history: adjustments, transfers and counts, each asked for until there is an answer, by processes that may
//! die, sometimes twice at once.

use std::time::Duration;

use futures::future::join;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tests::dice::Dice;
use tokio::time::sleep;

use super::Spot;
use super::world::{ITEMS, PLACES, World};

/// How often an agent asks for one thing.
const MAX_TRIES: usize = 12;

/// How a write ended, by what the agent was told.
#[derive(Debug)]
pub(super) enum Ended {
    /// These movements were made, once.
    Done(Vec<(Spot, Decimal)>),
    Refused,
    /// All of these movements were made, or none.
    Uncertain(Vec<(Spot, Decimal)>),
    /// A row of a count, which is also among the movements that were done.
    Row,
}

impl Ended {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Refused => "refused",
            Self::Uncertain(_) => "uncertain",
            Self::Row => "rows applied",
        }
    }
}

/// What happened.
#[derive(Default)]
pub(super) struct Story {
    pub(super) ended: Vec<Ended>,
    pub(super) wrong: Vec<String>,
    lines: Vec<String>,
}

fn spot(item: &str, place: &str) -> Spot {
    (item.to_owned(), place.to_owned())
}

pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    value.as_number().and_then(|number| number.to_string().parse().ok())
}

fn few(dice: &mut Dice) -> Decimal {
    let tenths = i64::try_from(dice.below(80)).unwrap() - 40;
    Decimal::new(if tenths == 0 { 5 } else { tenths }, 1)
}

/// A process that dies soon, or not at all.
fn steps(dice: &mut Dice) -> Option<i64> {
    dice.one_in(3).then(|| i64::try_from(dice.below(45)).unwrap())
}

impl Story {
    /// For who reads of a failure.
    pub(super) fn told(&self) -> String {
        self.lines.join("\n")
    }

    fn note(&mut self, world: &World, what: &str) {
        self.lines.push(format!("{} {what}", world.now()));
    }

    pub(super) async fn tell(&mut self, world: &World, dice: &mut Dice) {
        let acts = 2 + dice.below(4);
        for act in 0..acts {
            match dice.below(8) {
                0..=3 => self.adjust(world, dice, act).await,
                4 | 5 => self.transfer(world, dice, act).await,
                _ => self.count(world, dice).await,
            }
            sleep(Duration::from_secs(dice.roll() % 90)).await;
            if dice.one_in(3) {
                world.shared.somebody_moves(dice);
            }
        }
    }

    /// Asks until there is an answer that ends it. Tells the last one.
    async fn insist(
        &mut self,
        world: &World,
        dice: &mut Dice,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Option<(u16, Value)> {
        let mut last = None;
        let mut uncertain = 0;
        for _ in 0..MAX_TRIES {
            let process = world.process(steps(dice));
            let answer = if dice.one_in(5) {
                // A duplicate, on its way at the same time.
                let twin = world.process(steps(dice));
                let (one, other) = join(
                    world.ask(&process, "POST", path, key, body),
                    world.ask(&twin, "POST", path, key, body),
                )
                .await;
                one.or(other)
            } else {
                world.ask(&process, "POST", path, key, body).await
            };
            self.note(world, &format!("POST {path} {key:?} {body} -> {answer:?}"));
            match &answer {
                Some((200..=299, _)) => return answer,
                Some((_, problem)) if problem["code"] == "write_uncertain" && uncertain < 2 => uncertain += 1,
                Some((_, problem)) if problem["retryable"] != true => return answer,
                _ => {}
            }
            last = answer.or(last);
            sleep(Duration::from_secs(1 + dice.roll() % 60)).await;
        }
        // Nobody knows.
        last.filter(|(_, problem)| problem["code"] == "write_uncertain")
    }

    fn end(
        &mut self,
        answer: Option<&(u16, Value)>,
        done: Vec<(Spot, Decimal)>,
        asked: Vec<(Spot, Decimal)>,
    ) {
        self.ended.push(match answer {
            Some((200..=299, _)) => Ended::Done(done),
            Some((_, problem)) if problem["code"] == "write_uncertain" => Ended::Uncertain(asked),
            Some(_) => Ended::Refused,
            None => Ended::Uncertain(asked),
        });
    }

    async fn adjust(&mut self, world: &World, dice: &mut Dice, act: usize) {
        let (place, place_name) = PLACES[dice.below(PLACES.len())];
        let first = dice.below(ITEMS.len());
        let many = 1 + dice.below(3);
        let mut asked = Vec::new();
        let mut lines = Vec::new();
        for number in 0..many {
            let (item, sku) = ITEMS[(first + number) % ITEMS.len()];
            let name = if dice.one_in(2) { json!({ "item_id": item }) } else { json!({ "sku": sku }) };
            let mut line = name;
            if dice.one_in(3) {
                // What it is, as far as the agent has seen; sometimes it has not looked.
                let is: Decimal = world.sandbox.stock_at(item, place).unwrap().parse().unwrap();
                let seen = if dice.one_in(4) { is + Decimal::ONE } else { is };
                let target = seen + few(dice);
                line["target"] = target.to_string().into();
                line["expected"] = seen.to_string().into();
                asked.push((spot(item, place), target - seen));
            } else {
                let delta = few(dice);
                line["delta"] = delta.to_string().into();
                asked.push((spot(item, place), delta));
            }
            lines.push(line);
        }
        let place = if dice.one_in(2) { place } else { place_name };
        let body = json!({ "reason": "Inventory Revaluation", "location": place, "lines": lines });
        let key = format!("adjust-{act}");
        let answer = self.insist(world, dice, "/v1/inventory/adjustments", Some(&key), &body).await;
        let mut done = Vec::new();
        if let Some((200..=299, answer)) = &answer {
            for (line, (spot, asked)) in answer["lines"].as_array().unwrap().iter().zip(&asked) {
                match line["outcome"].as_str().unwrap() {
                    "adjusted" => {
                        let delta = decimal(&line["delta"]).expect("an adjusted line has a delta");
                        if delta != *asked {
                            self.wrong.push(format!("{asked} was asked for, and {delta} done: {line}"));
                        }
                        done.push((spot.clone(), delta));
                    }
                    "unchanged" | "changed" | "refused" | "not_booked" => {}
                    other => self.wrong.push(format!("{other}: {line}")),
                }
            }
        }
        self.end(answer.as_ref(), done, asked);
    }

    async fn transfer(&mut self, world: &World, dice: &mut Dice, act: usize) {
        let (item, sku) = ITEMS[dice.below(ITEMS.len())];
        let from = dice.below(PLACES.len());
        let ((from, _), (to, to_name)) = (PLACES[from], PLACES[1 - from]);
        let quantity = few(dice).abs();
        let name = if dice.one_in(2) { json!({ "item_id": item }) } else { json!({ "sku": sku }) };
        let mut line = name;
        line["quantity"] = quantity.to_string().into();
        let body = json!({ "from": from, "to": to_name, "lines": [line] });
        let key = format!("transfer-{act}");
        let answer = self.insist(world, dice, "/v1/inventory/transferorders", Some(&key), &body).await;
        let moves = vec![(spot(item, from), -quantity), (spot(item, to), quantity)];
        self.end(answer.as_ref(), moves.clone(), moves);
    }

    /// Items are counted, compared and set right.
    async fn count(&mut self, world: &World, dice: &mut Dice) {
        let mut counts = Vec::new();
        for (item, sku) in ITEMS {
            for (_, place_name) in PLACES {
                if dice.one_in(2) {
                    let place_id = PLACES.iter().find(|(_, name)| *name == place_name).unwrap().0;
                    let is: Decimal = world.sandbox.stock_at(item, place_id).unwrap().parse().unwrap();
                    let counted = if dice.one_in(3) { is } else { is + few(dice) };
                    let counted = counted.max(Decimal::ZERO);
                    counts
                        .push(json!({ "sku": sku, "location": place_name, "quantity": counted.to_string() }));
                }
            }
        }
        if counts.is_empty() {
            return;
        }
        let path = "/v1/inventory/reconciliations";
        // An upload has no key of its own: one that was lost is made again, and the first one is never applied.
        let Some((mut status, mut answer)) =
            self.insist(world, dice, path, None, &json!({ "counts": counts })).await
        else {
            return;
        };
        let Some(id) = answer["id"].as_str().map(str::to_owned) else {
            if status < 500 {
                self.wrong.push(format!("counts were refused: {answer}"));
            }
            return;
        };
        for _ in 0..6 {
            if status != 202 {
                break;
            }
            let next = answer["next"].as_str().unwrap_or_default().to_owned();
            match self.insist(world, dice, &next, None, &Value::Null).await {
                Some(found) => (status, answer) = found,
                None => return,
            }
        }
        if !(200..=201).contains(&status) {
            return;
        }
        let rows = self.rows(world, &id).await;
        let apply = format!("{path}/{id}/apply");
        let mut applied = self.insist(world, dice, &apply, None, &json!({ "rows": "all" })).await;
        for _ in 0..20 {
            match &applied {
                Some((202, going_on)) => {
                    let next = going_on["next"].as_str().unwrap_or_default().to_owned();
                    sleep(Duration::from_secs(going_on["retry_after"].as_u64().unwrap_or(0))).await;
                    applied = self.insist(world, dice, &next, None, &Value::Null).await;
                }
                _ => break,
            }
        }
        self.count_rows(world, &id, &rows).await;
    }

    async fn rows(&mut self, world: &World, id: &str) -> Vec<Value> {
        let path = format!("/v1/inventory/reconciliations/{id}?show=all");
        for _ in 0..8 {
            let process = world.process(None);
            if let Some((200, answer)) = world.ask(&process, "GET", &path, None, &Value::Null).await {
                return answer["data"].as_array().cloned().unwrap_or_default();
            }
        }
        self.wrong.push(format!("{id} cannot be read"));
        Vec::new()
    }

    /// What became of the rows, as the report tells it.
    async fn count_rows(&mut self, world: &World, id: &str, before: &[Value]) {
        let rows = self.rows(world, id).await;
        self.note(world, &format!("{id}: {}", json!(rows)));
        let (mut done, mut uncertain) =
            (Vec::new(), std::collections::BTreeMap::<String, Vec<(Spot, Decimal)>>::new());
        for row in &rows {
            let (Some(item), Some(place)) = (row["item_id"].as_str(), row["location_id"].as_str()) else {
                continue;
            };
            let Some(difference) = before
                .iter()
                .find(|was| was["line"] == row["line"])
                .and_then(|was| decimal(&was["difference"]))
            else {
                continue;
            };
            let movement = (spot(item, place), difference);
            match row["adjustment"]["outcome"].as_str() {
                Some("adjusted") => {
                    self.ended.push(Ended::Row);
                    done.push(movement);
                }
                // A part is all or nothing; rows of one place are one part.
                Some("uncertain") => uncertain.entry(place.to_owned()).or_default().push(movement),
                // What was asked for and has no end may be under way.
                None if row["outcome"] == "drifted" => {
                    uncertain.entry(place.to_owned()).or_default().push(movement);
                }
                _ => {}
            }
        }
        if !done.is_empty() {
            self.ended.push(Ended::Done(done));
        }
        self.ended.extend(uncertain.into_values().map(Ended::Uncertain));
    }
}
