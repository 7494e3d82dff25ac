//! One server for each folder: a second one by mistake would renew, deliver and listen beside the first, unseen.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::Path;

use shared::base::clock::Timestamp;

use super::presence;

/// It stands beside the database and belongs to it by its name, so that it is as private.
const FILE: &str = "zoho-connector.sqlite3-serving";

/// Held as long as the server runs. The system takes it back however the process ends.
pub(crate) struct Lock {
    /// The lock lives as long as its file is open.
    _file: Option<File>,
}

impl Lock {
    /// Takes the folder for a process that does this, or says who has it.
    pub(crate) fn take(folder: &Path, what: &str, now: Timestamp) -> Result<Self, String> {
        let path = folder.join(FILE);
        let failed = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = std::fs::read_to_string(&path).unwrap_or_default();
                let holder = match holder.trim() {
                    "" => "another process",
                    known => known,
                };
                return Err(is_served(folder, holder));
            }
            // A file system without locks keeps nobody from serving.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, path = %path.display(), "this file system has no locks; make sure that nobody else serves this folder");
                return Ok(Self { _file: None });
            }
        }
        // One that runs beside another has no such lock, and may have outlived it.
        if let Some(address) = presence::running(folder).first() {
            return Err(is_served(folder, &format!("a server at {address}")));
        }
        let holder = format!("process {}, {what} since {now}\n", std::process::id());
        file.set_len(0).and_then(|()| file.write_all(holder.as_bytes())).map_err(failed)?;
        Ok(Self { _file: Some(file) })
    }
}

fn is_served(folder: &Path, by: &str) -> String {
    format!("{} is served already, by {by}. Stop that one first", folder.display())
}

#[cfg(test)]
mod tests {
    use super::presence::Presence;
    use super::*;

    #[test]
    fn a_folder_is_served_once_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let what = "listening on 127.0.0.1:8080";
        let now = "2026-11-21T10:00:00Z".parse().unwrap();
        let first = Lock::take(folder.path(), what, now).unwrap();
        let refused = Lock::take(folder.path(), what, now).err().unwrap();
        let holder = format!("process {}, listening on 127.0.0.1:8080", std::process::id());
        assert!(refused.contains(&holder) && refused.contains("Stop that one"), "{refused}");
        drop(first);
        let beside = Presence::announce(folder.path(), "127.0.0.1:8081", "https://a.example").unwrap();
        let refused = Lock::take(folder.path(), what, now).err().unwrap();
        assert!(refused.contains("127.0.0.1:8081"), "one that ran beside the first still runs: {refused}");
        drop(beside);
        assert!(Lock::take(folder.path(), what, now).is_ok());
    }
}
