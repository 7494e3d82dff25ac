//! Seen: a secret that was replaced stayed in the write-ahead log, also after the end of the process; a folder and a file that others
//! could read were used as they were. Right: its bytes are gone at once, and what is readable by others is made private.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use shared::base::secret::Secret;
use shared::store::Stores;
use shared::store::sqlite::Sqlite;
use tempfile::TempDir;
use tests::clock::StandingClock;

const OLD: &str = "1000.refresh-token-that-was-replaced";
const NEW: &str = "1000.refresh-token-that-is-there-now";

fn holds(folder: &Path, text: &str) -> bool {
    let files = fs::read_dir(folder).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(text.len()).any(|here| here == text.as_bytes()))
}

#[tokio::test]
async fn a_secret_that_was_replaced_leaves_the_disk() {
    let folder = TempDir::new().unwrap();
    let stores: Stores = Sqlite::open(folder.path(), Arc::new(StandingClock::default())).unwrap().into();
    let secrets = &stores.secrets;
    let first = secrets.stage("grant", &Secret::new(OLD)).await.unwrap();
    assert!(secrets.promote("grant", &first, None).await.unwrap());
    assert!(holds(folder.path(), OLD), "it is looked for in the right place");
    let second = secrets.stage("grant", &Secret::new(NEW)).await.unwrap();
    assert!(secrets.promote("grant", &second, Some(&first)).await.unwrap());
    assert!(holds(folder.path(), NEW) && !holds(folder.path(), OLD), "the old one is in the files");
    secrets.delete("grant").await.unwrap();
    assert!(!holds(folder.path(), NEW));
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn what_others_can_read_is_made_private() {
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("data");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.join("zoho-connector.sqlite3");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let _store = Sqlite::open(&folder, Arc::new(StandingClock::default())).unwrap();
    assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
    // A folder that holds other things is somebody else's: only our files are made private.
    let shared = parent.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("notes.txt"), "x").unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).unwrap();
    let _other = Sqlite::open(&shared, Arc::new(StandingClock::default())).unwrap();
    assert_eq!((mode(&shared), mode(&shared.join("zoho-connector.sqlite3"))), (0o755, 0o600));
}
