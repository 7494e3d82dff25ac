//! What the tests need of Node.js.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder with the packages of `tests/{name}/package.json`: installed once, and again when their lock file changes.
pub fn modules(name: &str) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").join(name).join("modules");
    let lock = std::fs::read(sources.join("package-lock.json")).unwrap();
    let installed = folder.join("installed");
    if std::fs::read(&installed).ok().as_ref() != Some(&lock) {
        std::fs::create_dir_all(&folder).unwrap();
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(sources.join(file), folder.join(file)).unwrap();
        }
        let npm = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&folder)
            .output();
        let npm = npm.expect("no npm: install Node.js 20 or newer with npm");
        assert!(npm.status.success(), "npm ci: {}", String::from_utf8_lossy(&npm.stderr));
        std::fs::write(installed, lock).unwrap();
    }
    folder
}
