//! Which servers run on a folder, also those that run beside another on purpose: each has a file there that it keeps locked, and
//! the lock ends with its process, however that ends.

use std::fs::{File, OpenOptions, TryLockError, read_dir, remove_file};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use shared::base::secret::random_hex;
use shared::store::sqlite::Sqlite;

/// Behind the name of the store's file, and before the number of the process.
const MARK: &str = "server-";

/// Between the address at which a server listens and the one by which browsers and Zoho know it.
const KNOWN_AS: &str = ", known as ";

/// How often a file is made that somebody takes away before it is locked.
const TRIES: usize = 10;

/// A server's own file.
pub(crate) struct Presence {
    path: PathBuf,
    _locked: File,
}

impl Presence {
    /// Says that this process serves the folder, at this address, and as what it is known to browsers and Zoho.
    pub(crate) fn announce(folder: &Path, address: &str, known_as: &str) -> std::io::Result<Self> {
        for _ in 0..TRIES {
            let (path, mut file) = new_file(folder)?;
            file.lock()?;
            // Who looked before the lock took the file for one that was left, and took it away.
            if path.exists() {
                file.write_all(format!("{address}{KNOWN_AS}{known_as}").as_bytes())?;
                return Ok(Self { path, _locked: file });
            }
        }
        Err(std::io::Error::other("the file of this server was taken away each time"))
    }
}

fn new_file(folder: &Path) -> std::io::Result<(PathBuf, File)> {
    // In containers, servers on one folder may have the same number.
    let own = format!("{MARK}{}-{}", std::process::id(), random_hex::<4>());
    let path = Sqlite::beside(folder, &own);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    Ok((path, file))
}

impl Drop for Presence {
    fn drop(&mut self) {
        let _perhaps_gone = remove_file(&self.path);
    }
}

/// The addresses of the servers that run on a folder. What those have left that were killed is taken away.
pub(crate) fn running(folder: &Path) -> Vec<String> {
    let begin = Sqlite::beside(folder, MARK);
    let Some(begin) = begin.file_name().map(|name| name.to_string_lossy().into_owned()) else {
        return Vec::new();
    };
    let Ok(entries) = read_dir(folder) else { return Vec::new() };
    let files = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(&begin));
    let mut found: Vec<String> = files.filter_map(|entry| address(&entry.path())).collect();
    found.sort();
    found
}

/// As what a server of these is known, where it is not known as this.
pub(crate) fn known_otherwise<'a>(servers: &'a [String], public_url: &str) -> Option<&'a str> {
    let known = servers.iter().filter_map(|server| server.split_once(KNOWN_AS));
    known.map(|(_, known_as)| known_as).find(|known_as| *known_as != public_url)
}

/// Where the only one of these servers listens; nothing where there are several, or none that says it.
pub(crate) fn listens_at(servers: &[String]) -> Option<&str> {
    let [only] = servers else { return None };
    only.split_once(KNOWN_AS).map(|(address, _)| address)
}

/// The address in a file that its server keeps locked.
fn address(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // Elsewhere than on Unix, what is locked cannot be read either.
            let _unread = file.read_to_string(&mut text);
            Some(if text.is_empty() { "an address that is not known".to_owned() } else { text })
        }
        Ok(()) => {
            let _perhaps_gone = remove_file(path);
            None
        }
        Err(TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_server_is_seen_as_long_as_it_lives() {
        let folder = tempfile::tempdir().unwrap();
        assert!(running(folder.path()).is_empty());
        let presence = Presence::announce(folder.path(), "127.0.0.1:8080", "https://a.example").unwrap();
        let first = "127.0.0.1:8080, known as https://a.example";
        assert_eq!(running(folder.path()), [first]);
        let beside = Presence::announce(folder.path(), "127.0.0.1:8081", "https://b.example").unwrap();
        let both = running(folder.path());
        assert_eq!(both, [first, "127.0.0.1:8081, known as https://b.example"], "with the same number");
        assert_eq!(known_otherwise(&both, "https://a.example"), Some("https://b.example"));
        assert_eq!(known_otherwise(&both[..1], "https://a.example"), None);
        assert_eq!(listens_at(&both), None, "which of them is meant?");
        assert_eq!(listens_at(&both[..1]), Some("127.0.0.1:8080"));
        drop((presence, beside));
        assert!(running(folder.path()).is_empty());
        let left = Sqlite::beside(folder.path(), "server-1");
        std::fs::write(&left, "127.0.0.1:1").unwrap();
        assert!(running(folder.path()).is_empty() && !left.exists(), "of one that was killed");
    }

    #[test]
    fn who_looks_while_a_server_starts_takes_nothing_of_it_away() {
        let folder = tempfile::tempdir().unwrap();
        let is_over = AtomicBool::new(false);
        let seen = std::thread::scope(|threads| {
            threads.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    drop(running(folder.path()));
                }
            });
            let is_seen = |_: &usize| {
                Presence::announce(folder.path(), "127.0.0.1:8080", "https://a.example")
                    .is_ok_and(|presence| presence.path.exists())
            };
            let seen = (0..500).filter(is_seen).count();
            is_over.store(true, Ordering::SeqCst);
            seen
        });
        assert_eq!(seen, 500);
    }
}
