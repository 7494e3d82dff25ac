//! A copy of all that an installation keeps: one file, encrypted from its first byte on, so that nothing of it ever touches the disk in
//! the clear. Inside are lines of JSON: a head, one line for each row and each secret, and a last line that says how many there were.

mod encryption;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Lines, Write};
use std::path::Path;

use age::stream::StreamReader;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use shared::base::clock::Timestamp;
use shared::store::sqlite::Sqlite;
use shared::store::{StoreError, Stored, Stores};
use tempfile::NamedTempFile;

pub(crate) use encryption::{Decryption, Encryption, Openers};

use crate::failure::Failure;
use crate::new_file::{Over, refuse_taken};

/// The form of the lines.
const FORM: u32 = 1;

/// Rows that come last: until everything else is there, nobody makes a token with a connection, nobody gets in with a key, and no
/// schedule takes a grant that is to be revoked for one that is gone.
const LAST: [&str; 4] = ["connection", "key", "parked-grant", "replaced-grant"];

/// How many things are put into a store at a time.
const AT_ONCE: usize = 100;

/// What a copy says of itself.
#[derive(Serialize, Deserialize)]
pub(crate) struct Head {
    form: u32,
    /// The version of the program that made it.
    version: String,
    /// When it was made.
    pub(crate) made: Timestamp,
    /// Of which folder.
    pub(crate) of: String,
    /// What it was made for.
    pub(crate) purpose: Purpose,
}

/// What a copy was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// For a day when its source is lost.
    Backup,
    /// Its source is sealed.
    Move,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Head(Head),
    Stored(Stored),
    /// The last line: how many things stand before it.
    End(u64),
}

/// Refuses a file that cannot be written, before anybody types a passphrase and before anything is sealed.
pub(crate) fn refuse(file: &Path) -> Result<(), Failure> {
    refuse_taken(file, Over::Nothing).map_err(Failure::Settings)?;
    let tried = tempfile::tempfile_in(folder_of(file));
    tried.map(drop).map_err(|error| Failure::Other(format!("{} cannot be written: {error}", file.display())))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a copy of the store in `folder` as it is at this moment, and says how many things it holds. It blocks.
pub(crate) fn write(
    file: &Path,
    openers: &Openers,
    purpose: Purpose,
    folder: &Path,
    now: Timestamp,
) -> Result<u64, Failure> {
    refuse_taken(file, Over::Nothing).map_err(Failure::Settings)?;
    let head = Head {
        form: FORM,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made: now,
        of: folder.display().to_string(),
        purpose,
    };
    let failed =
        |error: std::io::Error| Failure::Other(format!("{} cannot be written: {error}", file.display()));
    // Its name is new and only its user may read it, whoever else writes to that folder. It is gone where this fails.
    let part = tempfile::Builder::new()
        .prefix("copy-")
        .suffix(".part")
        .tempfile_in(folder_of(file))
        .map_err(failed)?;
    let count = write_part(part.as_file(), openers, head, folder, now, failed)?;
    name(part, file).map_err(failed)?;
    Ok(count)
}

/// Gives a copy its name. What came there while it was made is not written over, where the file system can tell.
fn name(part: NamedTempFile, file: &Path) -> std::io::Result<()> {
    match part.persist_noclobber(file) {
        Ok(_) => Ok(()),
        Err(taken) if taken.error.kind() == ErrorKind::AlreadyExists => Err(taken.error),
        Err(cannot_tell) => cannot_tell.file.persist(file).map(drop).map_err(|error| error.error),
    }
}

fn write_part(
    part: &File,
    openers: &Openers,
    head: Head,
    folder: &Path,
    now: Timestamp,
    failed: impl Fn(std::io::Error) -> Failure + Copy,
) -> Result<u64, Failure> {
    let mut closed = openers.close(BufWriter::new(part))?;
    let mut line = |line: &Line| -> Result<(), Failure> {
        // The writer's error could quote what it wrote.
        let mut bytes = serde_json::to_vec(line)
            .map_err(|_| Failure::Other("a stored thing cannot be written as JSON".to_owned()))?;
        bytes.push(b'\n');
        closed.write_all(&bytes).map_err(failed)
    };
    let mut count = 0;
    line(&Line::Head(head))?;
    Sqlite::snapshot(folder, now, |stored| {
        count += 1;
        line(&Line::Stored(stored))
    })?;
    line(&Line::End(count))?;
    closed.finish().map_err(failed)?.into_inner().map_err(|error| failed(error.into_error()))?;
    part.sync_all().map_err(failed)?;
    Ok(count)
}

/// Refuses a file that is not there, or is no copy, before anybody is asked for anything.
pub(crate) fn refuse_unreadable(file: &Path) -> Result<(), Failure> {
    encryption::closed(opened(file)?).map(drop).map_err(|error| said(file, &error))
}

fn opened(file: &Path) -> Result<BufReader<File>, Failure> {
    File::open(file).map(BufReader::new).map_err(|error| said(file, &error.to_string()))
}

/// What is wrong with the file of a copy.
fn said(file: &Path, error: &str) -> Failure {
    Failure::Other(format!("{}: {error}", file.display()))
}

/// What became of the things in a copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filled {
    /// How many are there now.
    pub(crate) taken: u64,
    /// How many are not, because they were of use to their source alone.
    pub(crate) left_out: u64,
}

impl Filled {
    /// Why there are fewer than the copy holds, if there are.
    pub(crate) fn why_fewer(self) -> Option<String> {
        let Self { taken, left_out } = self;
        let are = if left_out == 1 { "is" } else { "are" };
        (left_out > 0).then(|| {
            format!(
                "{left_out} of the {} in the file {are} not taken over, and nothing is lost by it: leases of a running server, and \
                 what is used only once, like links to consent.",
                taken + left_out
            )
        })
    }
}

/// A copy that is being read.
pub(crate) struct Reader {
    lines: Lines<BufReader<StreamReader<BufReader<File>>>>,
    name: String,
    pub(crate) head: Head,
    seen: u64,
    /// Whether its last line was read.
    is_whole: bool,
}

impl Reader {
    /// Opens one, and reads its head.
    pub(crate) fn open(file: &Path, key: &Decryption, purpose: Purpose) -> Result<Self, Failure> {
        let name = file.display().to_string();
        let said = |error: &str| said(file, error);
        let opened = key.open(opened(file)?).map_err(|error| said(&error))?;
        let mut lines = BufReader::new(opened).lines();
        let first = lines.next().transpose().map_err(|error| damaged(&name, &error.to_string()))?;
        let head = match first.map(|line| serde_json::from_str(&line)) {
            Some(Ok(Line::Head(head))) if head.form == FORM => head,
            Some(Ok(Line::Head(head))) => {
                return Err(said(&format!(
                    "it was made by zoho-connector {}, in a form that this version does not know",
                    head.version
                )));
            }
            _ => return Err(said("it is no copy that `zoho-connector` made")),
        };
        match (head.purpose, purpose) {
            (Purpose::Backup, Purpose::Move) => {
                return Err(said(
                    "it is a backup, whose source may still run: `zoho-connector restore FILE` takes it",
                ));
            }
            (Purpose::Move, Purpose::Backup) => {
                return Err(said(
                    "it was made to move an installation: `zoho-connector move import FILE` takes it",
                ));
            }
            _ => {}
        }
        Ok(Self { lines, name, head, seen: 0, is_whole: false })
    }

    fn read(&mut self) -> Result<Option<Stored>, Failure> {
        if self.is_whole {
            return Ok(None);
        }
        let Some(line) = self.lines.next() else { return Err(damaged(&self.name, "its end is missing")) };
        let line = line.map_err(|error| damaged(&self.name, &error.to_string()))?;
        match serde_json::from_str(&line) {
            Ok(Line::Stored(stored)) => {
                self.seen += 1;
                Ok(Some(stored))
            }
            Ok(Line::End(count)) if count == self.seen => {
                self.is_whole = true;
                Ok(None)
            }
            // The parser's error could quote a secret.
            _ => Err(damaged(&self.name, "a line is none that this version wrote")),
        }
    }

    /// Puts all of it into these stores, each thing as `turn` makes it; nothing where `turn` leaves it out.
    pub(crate) async fn fill(
        mut self,
        stores: &Stores,
        mut turn: impl FnMut(Stored) -> Result<Option<Stored>, StoreError>,
    ) -> Result<Filled, Failure> {
        let (mut last, mut taken) = (Vec::new(), 0);
        while !self.is_whole {
            let mut some = Vec::new();
            while some.len() < AT_ONCE
                && let Some(stored) = self.read()?
            {
                let Some(stored) = turn(stored)? else { continue };
                taken += 1;
                let is_last = matches!(&stored, Stored::Row(row) if LAST.contains(&row.kind()));
                (if is_last { &mut last } else { &mut some }).push(stored);
            }
            try_join_all(some.into_iter().map(|stored| stored.put(stores))).await?;
        }
        // One after the other: a connection whose row is there has all that belongs to it.
        for stored in last {
            stored.put(stores).await?;
        }
        Ok(Filled { taken, left_out: self.seen.saturating_sub(taken) })
    }
}

/// Whoever has another copy can go on.
fn damaged(name: &str, why: &str) -> Failure {
    Failure::Other(format!(
        "{name} is damaged or was cut off: {why}. Take another copy, or fetch this one again"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_given_no_name_that_was_taken_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup.age");
        let part = || {
            let mut part = NamedTempFile::new_in(folder.path()).unwrap();
            part.write_all(b"copy").unwrap();
            part
        };
        name(part(), &file).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "copy");
        std::fs::write(&file, "precious").unwrap();
        assert_eq!(name(part(), &file).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn a_file_that_is_no_copy_is_refused_before_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup.age");
        let why = || refuse_unreadable(&file).map_err(Failure::into_line).unwrap_err();
        let none = why();
        assert!(none.starts_with(&format!("{}: ", file.display())) && !none.contains("no copy"), "{none}");
        std::fs::write(&file, "precious").unwrap();
        assert!(why().contains("it is no copy that `zoho-connector` made"), "{}", why());
        let key = age::x25519::Identity::generate().to_public();
        let closed = age::encrypt(&key, b"all of it").unwrap();
        std::fs::write(&file, closed).unwrap();
        assert!(refuse_unreadable(&file).is_ok());
    }

    #[test]
    fn what_is_left_out_is_told_with_its_reason() {
        assert_eq!(Filled { taken: 40, left_out: 0 }.why_fewer(), None);
        for (taken, left_out, begins) in [
            (37, 3, "3 of the 40 in the file are not taken over"),
            (39, 1, "1 of the 40 in the file is not taken over"),
        ] {
            let told = Filled { taken, left_out }.why_fewer().unwrap();
            assert!(told.starts_with(begins) && told.contains("links to consent"), "{told}");
        }
    }
}
