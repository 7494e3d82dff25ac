//! Folders that a command line names.

use std::path::{Path, PathBuf};

/// A folder as it is found from any other one.
pub(crate) fn absolute(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

/// Why this cannot be a folder, now or once it is made: a file has its place, or the place of a folder above it.
pub(crate) fn refuse_file(folder: &Path) -> Result<(), String> {
    let there = folder.ancestors().find(|part| part.exists());
    match there.filter(|part| !part.is_dir()) {
        Some(file) => Err(format!("{} is a file, and no folder", file.display())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_no_folder_and_has_none_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("counts.csv");
        std::fs::write(&file, "").unwrap();
        let told = format!("{} is a file", file.display());
        for taken in [file.clone(), file.join("data")] {
            assert!(refuse_file(&taken).unwrap_err().starts_with(&told), "{}", taken.display());
        }
        for free in [folder.path().to_owned(), folder.path().join("new").join("data")] {
            assert_eq!(refuse_file(&free), Ok(()));
        }
    }
}
