//! Deliveries to the real binaries, three tenths of them duplicates, in any order, while processes die by `kill -9` and AWS
//! fails: what was acknowledged is stored once, and nothing is lost. `DELIVERIES=200000` sends more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::base::id::ConnectionName;
use shared::base::secret::random_hex;
use shared::store::{Query, Stores};
use tests::aws::{Aws, AwsWindow};
use tests::connector::Connector;
use tests::deployed::Deployed;
use tests::dice::Dice;
use tests::hooks::{numbered, set_secrets, shuffled};
use tests::lambda::Cloud;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Senders at once; on AWS each keeps a process busy, and all of them one stand-in.
const SENDERS: usize = 32;
const SENDERS_ON_AWS: usize = 4;

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

fn seed() -> u64 {
    number("DELIVERIES_SEED", usize::from_str_radix(&random_hex::<4>(), 16).unwrap()) as u64
}

/// What is still to be sent, and what was acknowledged, by number.
#[derive(Clone)]
struct Post {
    url: String,
    left: Arc<Mutex<Vec<usize>>>,
    acknowledged: Arc<Mutex<HashMap<usize, String>>>,
    tries: Arc<Mutex<usize>>,
}

impl Post {
    fn new(url: &str, left: Vec<usize>) -> Self {
        Self {
            url: url.to_owned(),
            left: Arc::new(Mutex::new(left)),
            acknowledged: Arc::default(),
            tries: Arc::default(),
        }
    }

    /// Sends until nothing is left; what is not acknowledged is sent again, as somebody does who must not lose it.
    fn send_all(&self, many: usize) -> JoinSet<()> {
        let mut senders = JoinSet::new();
        for _ in 0..many {
            let (post, http) = (self.clone(), shared::zoho::http::browser().unwrap());
            senders.spawn(async move {
                loop {
                    let Some(number) = post.left.lock().unwrap().pop() else { return };
                    let hook = numbered(number);
                    let id = loop {
                        *post.tries.lock().unwrap() += 1;
                        let request = http.post(format!("{}{}", post.url, hook.path)).body(hook.body.clone());
                        let request = match &hook.header {
                            Some((name, value)) => request.header(*name, value),
                            None => request,
                        };
                        let Ok(answer) = request.timeout(Duration::from_secs(20)).send().await else {
                            sleep(Duration::from_millis(20)).await;
                            continue;
                        };
                        let status = answer.status().as_u16();
                        let Ok(text) = answer.text().await else { continue };
                        if status == 200 {
                            let receipt: serde_json::Value = serde_json::from_str(&text).unwrap();
                            break receipt["event_id"].as_str().unwrap().to_owned();
                        }
                        assert!(status >= 500, "{status} {text}");
                        sleep(Duration::from_millis(20)).await;
                    };
                    let mut acknowledged = post.acknowledged.lock().unwrap();
                    assert_eq!(acknowledged.entry(number).or_insert_with(|| id.clone()), &id, "{number}");
                }
            });
        }
        senders
    }

    /// What the store holds is just what was acknowledged.
    async fn check(&self, stores: &Stores, different: usize) {
        let mut stored = Vec::new();
        let partition = format!("event#{}", ConnectionName::default());
        let mut query = Query::partition(partition, 500);
        loop {
            let page = stores.events.query(query.clone()).await.unwrap();
            stored.extend(page.rows.into_iter().map(|row| row.key.sort));
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        let mut acknowledged: Vec<_> = self.acknowledged.lock().unwrap().values().cloned().collect();
        acknowledged.sort();
        assert_eq!((acknowledged.len(), stored.len()), (different, different));
        assert_eq!(acknowledged, stored);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_serve_acknowledged_survives_kill_9() {
    let mut connector = Connector::start().await;
    let clock = Arc::new(shared::base::clock::SystemClock);
    let stores: Stores = shared::store::sqlite::Sqlite::open(connector.folder(), clock).unwrap().into();
    set_secrets(&*stores.secrets).await;
    let seed = seed();
    println!("DELIVERIES_SEED={seed}");
    let mut dice = Dice(seed);
    let (sends, different) = shuffled(number("DELIVERIES", 10_000), &mut dice);
    let post = Post::new(&connector.url, sends);
    let mut senders = post.send_all(SENDERS);
    let mut killed = 0;
    loop {
        let pause = Duration::from_millis(200 + dice.roll() % 1500);
        tokio::select! {
            done = senders.join_next() => match done {
                Some(done) => done.unwrap(),
                None => break,
            },
            () = sleep(pause) => {
                connector.kill().await;
                killed += 1;
                connector.boot().await;
            }
        }
    }
    post.check(&stores, different).await;
    let tries = *post.tries.lock().unwrap();
    println!("{different} different deliveries in {tries} tries, {killed} times killed");
    assert!(killed >= 2, "{killed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_on_aws_acknowledged_survives_kill_9_and_failing_calls() {
    let window = AwsWindow::open(&Aws::get().url).await;
    let deployed = Deployed::on_aws_at(Cloud::start().await, window.url.clone()).await;
    let stores = deployed.stores();
    set_secrets(&*stores.secrets).await;
    let seed = seed();
    println!("DELIVERIES_SEED={seed}");
    let mut dice = Dice(seed);
    let (sends, different) = shuffled(number("DELIVERIES", 2_000).min(20_000), &mut dice);
    window.fail_one_in(10);
    let post = Post::new(&deployed.connector.url, sends);
    let mut senders = post.send_all(SENDERS_ON_AWS);
    let mut killed = 0;
    loop {
        tokio::select! {
            done = senders.join_next() => match done {
                Some(done) => done.unwrap(),
                None => break,
            },
            () = sleep(Duration::from_millis(500 + dice.roll() % 3000)) => {
                let running = deployed.cloud.figures("webhook-intake");
                // Of those that started last, because the others are mostly dead.
                let last = running.len().saturating_sub(SENDERS_ON_AWS);
                if let Some(figures) = running.get(last + dice.below(running.len() - last)) {
                    Cloud::kill(figures.pid);
                    killed += 1;
                }
            }
        }
    }
    window.fail_one_in(0);
    post.check(&stores, different).await;
    let tries = *post.tries.lock().unwrap();
    println!(
        "{different} different deliveries in {tries} tries, {killed} times killed, calls {:?}",
        window.take_calls()
    );
    assert!(killed >= 2, "{killed}");
}
