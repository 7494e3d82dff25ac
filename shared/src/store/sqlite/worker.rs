//! A thread with a connection of its own. Writes that wait together are committed together: one sync to disk serves
//! them all, and each caller is answered only after that sync.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use crate::store::StoreError;

/// How long a connection waits for another process to finish its write.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(3);

/// How many writes one commit carries at most.
const MAX_BATCH: usize = 256;

/// What a job leaves to be told once its commit has succeeded or failed.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// A job, to be run on a connection, or to be told why there is none.
type Work = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Answer + Send>;

enum Job {
    Read(Work),
    Write(Work),
}

/// A handle to the thread, which ends with its last handle.
#[derive(Clone)]
pub(super) struct Worker(mpsc::Sender<Job>);

impl Worker {
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (sender, jobs) = mpsc::channel();
        thread::Builder::new()
            .name("sqlite".to_owned())
            .spawn(move || serve(connection, &jobs))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self(sender))
    }

    /// Runs a read.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (work, answer) = package(work);
        self.submit(Job::Read(work), answer).await
    }

    /// Runs a write, and answers when it is on disk. It happens even if the caller stops waiting.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (work, answer) = package(move |connection| {
            // One failed statement undoes its own job, not the batch that it shares.
            let step = |text| connection.prepare_cached(text)?.execute([]).map(drop);
            step("SAVEPOINT job")?;
            let result = work(connection);
            if result.is_err() {
                step("ROLLBACK TO job")?;
            }
            step("RELEASE job")?;
            result
        });
        self.submit(Job::Write(work), answer).await
    }

    /// Moves the log into the file and empties it: what was overwritten there would stay in it else. Where others are reading, it
    /// stays until the next time.
    pub(super) async fn empty_log(&self) {
        let emptied =
            self.read(|sql| sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)));
        match emptied.await {
            Ok(0) => {}
            busy => tracing::debug!(?busy, "the log of the store could not be emptied"),
        }
    }

    async fn submit<T>(
        &self,
        job: Job,
        answer: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let ended = || StoreError::Unavailable("its thread has ended".to_owned());
        self.0.send(job).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

fn package<T: Send + 'static>(
    work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> (Work, oneshot::Receiver<Result<T, StoreError>>) {
    let (sender, receiver) = oneshot::channel();
    let work: Work = Box::new(move |connection| {
        let result = connection.and_then(|connection| work(connection).map_err(StoreError::from));
        Box::new(move |committed| {
            // Nobody listening means that the caller was dropped: there is nobody to tell.
            let _ = sender.send(committed.and(result));
        })
    });
    (work, receiver)
}

fn serve(mut connection: Connection, jobs: &mpsc::Receiver<Job>) {
    let mut next = jobs.recv().ok();
    while let Some(job) = next.take() {
        match job {
            Job::Read(work) => work(Ok(&connection))(Ok(())),
            Job::Write(work) => next = commit(&mut connection, work, jobs),
        }
        next = next.or_else(|| jobs.recv().ok());
    }
}

/// Runs this write and those that already wait behind it in one transaction. A read among them ends the batch and is
/// given back.
fn commit(connection: &mut Connection, first: Work, jobs: &mpsc::Receiver<Job>) -> Option<Job> {
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        // Those behind it would each wait as long and fail as well: they are told now.
        Err(error) => return refuse(&error.into(), first, jobs),
    };
    let mut answers = vec![first(Ok(&transaction))];
    let mut left_over = None;
    while left_over.is_none() && answers.len() < MAX_BATCH {
        match jobs.try_recv() {
            Ok(Job::Write(work)) => answers.push(work(Ok(&transaction))),
            Ok(read) => left_over = Some(read),
            Err(_) => break,
        }
    }
    let committed = transaction.commit().map_err(StoreError::from);
    for answer in answers {
        answer(committed.clone());
    }
    left_over
}

fn refuse(error: &StoreError, first: Work, jobs: &mpsc::Receiver<Job>) -> Option<Job> {
    let (mut waiting, mut left_over) = (vec![first], None);
    // All who wait are collected before the first is told. A job that comes afterwards has not waited, and may find the file free.
    while left_over.is_none()
        && let Ok(job) = jobs.try_recv()
    {
        match job {
            Job::Write(work) => waiting.push(work),
            read => left_over = Some(read),
        }
    }
    for work in waiting {
        work(Err(error.clone()))(Ok(()));
    }
    left_over
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use super::*;

    #[tokio::test]
    async fn writes_that_are_committed_together_fail_apart() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER NOT NULL)").unwrap();
        let worker = Worker::start(connection).unwrap();
        let insert = |n: Option<u8>, before: Option<Arc<Barrier>>| {
            worker.write(move |sql| {
                if let Some(barrier) = before {
                    barrier.wait();
                }
                sql.execute("INSERT INTO t VALUES (1)", [])?;
                sql.execute("INSERT INTO t VALUES (?1)", [n]).map(drop)
            })
        };
        let barrier = Arc::new(Barrier::new(2));
        let all = futures::future::join4(
            insert(Some(2), Some(barrier.clone())),
            insert(None, None),
            insert(Some(3), None),
            async move { tokio::task::spawn_blocking(move || barrier.wait()).await },
        );
        let (first, second, third, _) = all.await;
        assert!(first.is_ok() && second.is_err() && third.is_ok());
        let sum = |sql: &Connection| sql.query_row("SELECT sum(n) FROM t", [], |row| row.get::<_, i64>(0));
        assert_eq!(worker.read(sum).await.unwrap(), 7, "of the one that failed, nothing stays");
    }
}
