//! Who imports whom, file by file, read from the source: `use` lines and paths written out, without comments and tests. A
//! re-export counts as an import of the file where the thing is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A file of the workspace.
pub(crate) struct File {
    /// From the root of the workspace.
    pub(crate) path: String,
    /// Its code, without comments and tests.
    pub(crate) code: String,
    /// Its crate and its module in there.
    module: Module,
    /// Everything that it names of the workspace.
    names: BTreeSet<Module>,
    /// What it exports under its own name: the name, and what that is.
    exports: BTreeMap<String, Module>,
}

/// `["api_proxy", "writes", "plan"]`
type Module = Vec<String>;

/// The crates with the folders of their source. The sandbox is one of them, and nobody's friend: see its own test.
const CRATES: [(&str, &str); 10] = [
    ("hot", "shared/hot/src"),
    ("shared", "shared/src"),
    ("oauth_callback", "functions/oauth-callback/src"),
    ("token_refresh", "functions/token-refresh/src"),
    ("api_proxy", "functions/api-proxy/src"),
    ("webhook_intake", "functions/webhook-intake/src"),
    ("event_delivery", "functions/event-delivery/src"),
    ("zoho_connector", "cli/src"),
    ("tests", "tests/src"),
    ("sandbox", "tests/sandbox/src"),
];

/// The files of the workspace and their imports of each other.
pub(crate) struct Graph {
    pub(crate) files: Vec<File>,
    /// By place in `files`.
    pub(crate) imports: Vec<BTreeSet<usize>>,
}

impl Graph {
    /// Reads a workspace.
    pub(crate) fn read(root: &Path) -> Self {
        let mut files = Vec::new();
        for (name, folder) in CRATES {
            for path in rust_files(&root.join(folder)) {
                let text = fs::read_to_string(&path).unwrap();
                let inside = path.strip_prefix(root.join(folder)).unwrap();
                let mut module = vec![name.to_owned()];
                module.extend(inside.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()));
                if ["mod", "lib", "main"].contains(&module.last().unwrap().as_str()) {
                    module.pop();
                }
                let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                let code = code_of(&text);
                files.push(File { path, code, module, names: BTreeSet::new(), exports: BTreeMap::new() });
            }
        }
        let modules: BTreeSet<Module> = files.iter().map(|file| file.module.clone()).collect();
        for file in &mut files {
            file.read_names(&modules);
        }
        let graph = |files: &[File]| -> Vec<BTreeSet<usize>> {
            // Where a crate has both, its `lib.rs` is what others import.
            let mut places: BTreeMap<&Module, usize> = BTreeMap::new();
            for (place, file) in files.iter().enumerate() {
                if !file.path.ends_with("/main.rs") || !places.contains_key(&file.module) {
                    places.insert(&file.module, place);
                }
            }
            files
                .iter()
                .enumerate()
                .map(|(own, file)| {
                    let found = file.names.iter().filter_map(|name| defined_in(name, &places, files));
                    found.filter(|place| *place != own).collect()
                })
                .collect()
        };
        let imports = graph(&files);
        Self { files, imports }
    }

    /// Sets of files that import each other, be it through others.
    pub(crate) fn circles(&self) -> Vec<Vec<&str>> {
        let reach: Vec<BTreeSet<usize>> = (0..self.files.len()).map(|from| self.reached_from(from)).collect();
        let mut circles = BTreeSet::new();
        for (place, reached) in reach.iter().enumerate() {
            let circle: Vec<usize> =
                reached.iter().copied().filter(|other| reach[*other].contains(&place)).collect();
            if circle.len() > 1 {
                circles.insert(circle);
            }
        }
        circles.into_iter().map(|circle| circle.into_iter().map(|place| self.path(place)).collect()).collect()
    }

    fn reached_from(&self, start: usize) -> BTreeSet<usize> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(place) = open.pop() {
            open.extend(self.imports[place].iter().filter(|next| reached.insert(**next)));
        }
        reached
    }

    /// Every import, as the paths of the two files.
    pub(crate) fn edges(&self) -> impl Iterator<Item = (&str, &str)> {
        let of =
            |(from, to): (usize, &BTreeSet<usize>)| to.iter().map(move |to| (from, *to)).collect::<Vec<_>>();
        self.imports.iter().enumerate().flat_map(of).map(|(from, to)| (self.path(from), self.path(to)))
    }

    fn path(&self, place: usize) -> &str {
        &self.files[place].path
    }
}

/// The file where a name is defined: what a module exports of another one is defined there.
fn defined_in(name: &Module, places: &BTreeMap<&Module, usize>, files: &[File]) -> Option<usize> {
    let mut name = name.clone();
    for _ in 0..8 {
        let module = (1..=name.len()).rev().find_map(|end| {
            let module = name[..end].to_vec();
            places.contains_key(&module).then_some(module)
        })?;
        let place = places[&module];
        match name.get(module.len()).and_then(|item| files[place].exports.get(item)) {
            Some(elsewhere) => name.clone_from(elsewhere),
            None => return Some(place),
        }
    }
    None
}

impl File {
    fn read_names(&mut self, modules: &BTreeSet<Module>) {
        let mut rest = String::new();
        let mut left = self.code.as_str();
        while let Some(start) = find_use(left) {
            let (before, statement) = left.split_at(start);
            let end = statement.find(';').unwrap_or(statement.len());
            let (statement, after) = statement.split_at(end);
            rest.push_str(before);
            let is_export = before.trim_end().ends_with("pub") || before.trim_end().ends_with(')');
            for (path, alias) in tree(statement.trim_start_matches("use").trim()) {
                let Some(name) = self.absolute(&path, modules) else { continue };
                let called = alias.or_else(|| path.last().cloned()).unwrap_or_default();
                if is_export {
                    self.exports.insert(called, name);
                } else {
                    self.names.insert(name);
                }
            }
            left = after;
        }
        rest.push_str(left);
        for path in written_out(&rest) {
            self.names.extend(self.absolute(&path, modules));
        }
    }

    /// A path from the root of its crate, if it is one of the workspace.
    fn absolute(&self, path: &[String], modules: &BTreeSet<Module>) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let mut module = match first.as_str() {
            "crate" => self.module[..1].to_vec(),
            "self" => self.module.clone(),
            "super" => self.module[..self.module.len().saturating_sub(1)].to_vec(),
            own => {
                let child = [self.module.as_slice(), &[own.to_owned()]].concat();
                if modules.contains(&child) {
                    child
                } else if CRATES.iter().any(|(name, _)| *name == own) {
                    vec![own.to_owned()]
                } else {
                    return None;
                }
            }
        };
        for part in rest {
            match part.as_str() {
                "super" => drop(module.pop()),
                "self" => {}
                part => module.push(part.to_owned()),
            }
        }
        (!module.is_empty()).then_some(module)
    }
}

/// Where the next `use` begins.
fn find_use(code: &str) -> Option<usize> {
    code.match_indices("use ").map(|(place, _)| place).find(|place| {
        let before = code[..*place].trim_end_matches([' ', '\t']);
        before.is_empty() || before.ends_with('\n') || before.ends_with("pub") || before.ends_with(')')
    })
}

/// The paths of a `use`, each with its other name where it has one.
fn tree(text: &str) -> Vec<(Vec<String>, Option<String>)> {
    let Some((before, inner)) = text.split_once('{') else {
        let (path, alias) = match text.split_once(" as ") {
            Some((path, alias)) => (path, Some(alias.trim().to_owned())),
            None => (text, None),
        };
        let path = path.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty());
        return vec![(path.collect(), alias)];
    };
    let inner = &inner[..inner.rfind('}').unwrap_or(inner.len())];
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (place, letter) in inner.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let head: Vec<String> =
        before.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty()).flat_map(|part| tree(part.trim()));
    parts.map(|(path, alias)| ([head.clone(), path].concat(), alias)).collect()
}

/// Paths like `crate::zoho::unreadable`, outside of `use`.
fn written_out(code: &str) -> Vec<Vec<String>> {
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut paths = Vec::new();
    let mut left = code;
    while let Some(start) = left.find(word) {
        let (before, here) = left.split_at(start);
        let end = here.find(|letter: char| !word(letter) && letter != ':').unwrap_or(here.len());
        let (text, after) = here.split_at(end);
        if text.contains("::") && !before.ends_with('.') {
            let path: Vec<String> =
                text.split("::").map(str::to_owned).filter(|part| !part.is_empty()).collect();
            paths.push(path);
        }
        left = after;
    }
    paths
}

/// Without comments and what is compiled for tests only.
fn code_of(text: &str) -> String {
    let text = match text.find("#[cfg(test)]\nmod tests {") {
        Some(tests) => &text[..tests],
        None => text,
    };
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// All Rust files below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
