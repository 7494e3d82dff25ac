//! Files that a command writes for somebody: what is there is written over by nobody who did not ask for it.

use std::fs::{File, OpenOptions, metadata, remove_file};
use std::io::{Error, ErrorKind, Write};
use std::path::Path;

/// What may be at the place of a file that is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// Nothing: a copy of all secrets is never written over.
    Nothing,
    /// Nothing, unless `--force` is given.
    Unless { forced: bool },
}

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// As the user's own settings have it.
    Usual,
    /// Its user alone.
    Owner,
}

/// Refuses a file that cannot be written, before anybody is asked for anything and before anything is done.
pub(crate) fn refuse_taken(path: &Path, over: Over) -> Result<(), String> {
    let name = path.display();
    match metadata(path) {
        Ok(found) if found.is_dir() => Err(format!("{name} is a folder: name a file")),
        Ok(_) if over == Over::Nothing => {
            Err(format!("{name} is there already, and was not written over: name another file"))
        }
        Ok(found) if found.is_file() && over == (Over::Unless { forced: false }) => Err(taken(path)),
        // A pipe or a terminal takes what is written, again and again.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            match folder {
                Some(folder) if !folder.is_dir() => Err(format!(
                    "{name} cannot be written, because there is no folder {}: make it, or name another file",
                    folder.display()
                )),
                _ => Ok(()),
            }
        }
        Err(error) => Err(format!("{name} cannot be written ({error}): name another file")),
    }
}

/// Refuses a place where nothing can be written, as in a folder that is somebody else's, before anything is done. What is there stays as
/// it is, and nothing is left of what is tried.
pub(crate) fn refuse_unwritable(path: &Path) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true);
    let tried = match metadata(path) {
        // A pipe would wait for its reader, and a device says what it takes when it is written to.
        Ok(found) if !found.is_file() => Ok(()),
        Ok(_) => options.open(path).map(drop),
        Err(_) => options.create_new(true).open(path).and_then(|file| {
            drop(file);
            remove_file(path)
        }),
    };
    tried.map_err(|error| format!("{} cannot be written ({error}): name another file", path.display()))
}

/// Writes a text. A file that came there meanwhile is not written over either, and a new one that cannot be written to its end is
/// taken away.
pub(crate) fn write(path: &Path, text: &str, over: Over, readers: Readers) -> Result<(), String> {
    refuse_taken(path, over)?;
    let (mut file, is_new) = open(path, over, readers)?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(|error| {
        if is_new {
            let _perhaps_gone = remove_file(path);
        }
        failed(path, &error)
    })
}

/// Opens a new file, or empties what may be written over, and says whether it is new. Only what is open is known: at a path that was
/// looked at, something else may be by now.
fn open(path: &Path, over: Over, readers: Readers) -> Result<(File, bool), String> {
    let failed = |error: Error| failed(path, &error);
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    match options.clone().create_new(true).open(path) {
        Ok(file) => return Ok((file, true)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && over != Over::Nothing => {}
        Err(error) => return Err(failed(error)),
    }
    let file = options.open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_file() {
        if over != (Over::Unless { forced: true }) {
            return Err(taken(path));
        }
        // It keeps the rights that it has when it is opened.
        #[cfg(unix)]
        if readers == Readers::Owner {
            file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(failed)?;
        }
        file.set_len(0).map_err(failed)?;
    }
    Ok((file, false))
}

/// It is said before anything is done, and when all is done: then it says nothing of that.
fn taken(path: &Path) -> String {
    format!(
        "{} is there already, and was not written over: name another file, or write over it with --force",
        path.display()
    )
}

fn failed(path: &Path, error: &Error) -> String {
    format!("{} could not be written: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir, read_to_string};

    use super::*;

    const UNFORCED: Over = Over::Unless { forced: false };
    const FORCED: Over = Over::Unless { forced: true };

    #[test]
    fn what_is_there_is_written_over_only_by_force() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mappings.csv");
        write(&file, "first, and longer", UNFORCED, Readers::Usual).unwrap();
        for (over, hint) in [(UNFORCED, "--force"), (Over::Nothing, "name another file")] {
            let refused = refuse_taken(&file, over).unwrap_err();
            assert!(refused.contains("is there already") && refused.contains(hint), "{refused}");
            assert!(!refused.contains("nothing was done"), "stock may be adjusted by now: {refused}");
            assert_eq!(write(&file, "second", over, Readers::Usual).unwrap_err(), refused);
        }
        assert!(!refuse_taken(&file, Over::Nothing).unwrap_err().contains("--force"));
        assert_eq!(read_to_string(&file).unwrap(), "first, and longer");
        refuse_taken(&file, FORCED).unwrap();
        write(&file, "second", FORCED, Readers::Usual).unwrap();
        assert_eq!(read_to_string(&file).unwrap(), "second");
    }

    #[test]
    fn what_came_after_the_look_is_not_written_over_either() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.csv");
        assert!(open(&file, UNFORCED, Readers::Usual).unwrap().1, "it is new");
        std::fs::write(&file, "precious").unwrap();
        assert!(open(&file, UNFORCED, Readers::Usual).unwrap_err().contains("--force"));
        assert!(open(&file, Over::Nothing, Readers::Usual).is_err());
        assert_eq!(read_to_string(&file).unwrap(), "precious");
        assert!(!open(&file, FORCED, Readers::Usual).unwrap().1);
        assert_eq!(read_to_string(&file).unwrap(), "");
    }

    #[test]
    fn a_place_where_no_file_can_be_is_told_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        create_dir(&inner).unwrap();
        assert!(refuse_taken(&inner, FORCED).unwrap_err().contains("is a folder"));
        let missing = folder.path().join("missing").join("a.csv");
        assert!(refuse_taken(&missing, FORCED).unwrap_err().contains("there is no folder"));
        refuse_taken(Path::new("surely-no-file-of-this-name.csv"), Over::Nothing).unwrap();
    }

    /// As root, who may write everywhere, too.
    #[cfg(unix)]
    #[test]
    fn a_place_that_takes_nothing_is_told_and_the_others_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("report.csv"), folder.path().join("link.csv"));
        refuse_unwritable(&file).unwrap();
        assert!(!file.exists(), "what was tried is left over");
        std::fs::write(&file, "precious").unwrap();
        refuse_unwritable(&file).unwrap();
        assert_eq!(read_to_string(&file).unwrap(), "precious");
        refuse_unwritable(Path::new("/dev/full")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("missing").join("a.csv"), &link).unwrap();
        assert!(refuse_unwritable(&link).unwrap_err().contains("link.csv cannot be written ("));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_takes_a_text_and_a_secret_file_is_its_owners() {
        use std::os::unix::fs::PermissionsExt;
        write(Path::new("/dev/null"), "text", UNFORCED, Readers::Usual).unwrap();
        assert!(refuse_taken(Path::new("/dev/null"), Over::Nothing).is_err(), "a copy would take its place");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("callback.json");
        let mode = || file.metadata().unwrap().permissions().mode() & 0o777;
        write(&file, "{}", UNFORCED, Readers::Owner).unwrap();
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        write(&file, "{}", FORCED, Readers::Owner).unwrap();
        assert_eq!(mode(), 0o600);
    }
}
