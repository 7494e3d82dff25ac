//! The installations that an operator remembers by name, so that no command needs to be told where its connector is. They stand
//! in a file of the operator's settings, without any secret.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};
use shared::base::public_url::PublicUrl;
use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::folders::absolute;

const FOLDER: &str = "zoho-connector";
const FILE: &str = "config.toml";

/// Where an installation is: a folder of this machine or a stack on AWS, and what leads there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remembered {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stack: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<String>,
    /// It had no store when it was named: its first start makes one. In all others, a store that is not there was lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) new: bool,
}

/// All of them, by name.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Installations {
    #[serde(default)]
    installations: BTreeMap<String, Remembered>,
}

impl Installations {
    /// Reads the file. Without one, nothing is remembered.
    pub(crate) fn read() -> Result<Self, Failure> {
        // Who has no home has no settings.
        let Ok(path) = Self::path() else { return Ok(Self::default()) };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, &path),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(Self::default())
            }
            Err(error) => Err(Failure::Settings(format!(
                "{} cannot be read: {error}. If HOME or XDG_CONFIG_HOME is another user's, set it to a folder of this one",
                path.display()
            ))),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Remembered> {
        self.installations.get(name)
    }

    /// The one that is meant where nothing is said.
    pub(crate) fn only(&self) -> Option<(&str, &Remembered)> {
        let mut all = self.iter();
        all.next().filter(|_| all.next().is_none())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.installations.keys().map(String::as_str)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Remembered)> {
        self.installations.iter().map(|(name, one)| (name.as_str(), one))
    }

    /// A name that none has yet, like the usual one.
    pub(crate) fn free_name(&self, usual: &str) -> String {
        let numbered = (2..).map(|number| format!("{usual}-{number}"));
        let mut names = std::iter::once(usual.to_owned()).chain(numbered);
        names.find(|name| self.get(name).is_none()).unwrap_or_default()
    }

    /// Remembers it under this name, in place of what the name stood for. A folder is remembered wherever the command ran.
    pub(crate) fn remember(&mut self, name: &str, one: Remembered) {
        let data = one.data.map(|data| absolute(&data));
        self.installations.insert(name.to_owned(), Remembered { data, ..one });
    }

    /// Notes that it has its store, and says whether that is news.
    pub(crate) fn has_its_store(&mut self, name: &str) -> bool {
        self.installations.get_mut(name).is_some_and(|one| std::mem::take(&mut one.new))
    }

    pub(crate) fn forget(&mut self, name: &str) -> bool {
        self.installations.remove(name).is_some()
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let path = Self::path()?;
        self.write(&path)
            .map_err(|error| Failure::Other(format!("{} cannot be written: {error}", path.display())))
    }

    /// Where the file is, or would be.
    pub(crate) fn path() -> Result<PathBuf, Failure> {
        let base = etcetera::choose_base_strategy().map_err(|_| {
            Failure::Settings("you have no home folder, so nothing can be remembered: set HOME".to_owned())
        })?;
        Ok(base.config_dir().join(FOLDER).join(FILE))
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        let broken = |span: Option<Range<usize>>, why: &str| {
            let place = span.map_or_else(String::new, |span| format!(":{}", line_of(text, span.start)));
            let why = why.trim_end().replace('\n', ", ");
            Failure::Settings(format!("{}{place}: {why}. Correct the file, or delete it", path.display()))
        };
        let read: Self = toml::from_str(text).map_err(|error| broken(error.span(), error.message()))?;
        for (name, one) in read.iter() {
            let checked = one.check().and_then(|()| check_name(name).map_err(str::to_owned));
            if let Err(why) = checked {
                return Err(broken(None, &format!("installations.{name}: {why}")));
            }
        }
        Ok(read)
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let text = toml::to_string(self).map_err(std::io::Error::other)?;
        // A link to a file elsewhere, as collections of settings have them, stays one.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    }
}

impl Remembered {
    /// It is a folder or a stack, and only what fits that.
    pub(crate) fn check(&self) -> Result<(), String> {
        let why = match (&self.data, &self.stack) {
            (Some(_), Some(_)) => "an installation has `data` or `stack`, not both",
            (None, None) => "an installation needs `data`, a folder, or `stack`, the name of a stack on AWS",
            (Some(_), None) if self.region.is_some() || self.profile.is_some() => {
                "`region` and `profile` belong to a `stack`"
            }
            (None, Some(_)) if self.new => "`new` belongs to `data`",
            _ => {
                let url = self.public_url.as_deref().map(PublicUrl::parse).transpose();
                return url.map(|_| ()).map_err(|error| format!("`public_url` must be {}", error.expected));
            }
        };
        Err(why.to_owned())
    }

    /// Where it is, in words.
    pub(crate) fn place(&self) -> String {
        match (&self.data, &self.stack) {
            (Some(data), _) => data.display().to_string(),
            (None, Some(stack)) => match &self.region {
                Some(region) => format!("stack {stack} in {region}"),
                None => format!("stack {stack}"),
            },
            (None, None) => String::new(),
        }
    }
}

/// A name that a shell takes as it is.
pub(crate) fn check_name(name: &str) -> Result<String, &'static str> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if (1..=64).contains(&name.len()) && name.chars().all(plain) && !name.starts_with('-') {
        Ok(name.to_owned())
    } else {
        Err("the name of an installation is up to 64 letters, digits, -, _ and ., and begins with no -")
    }
}

fn line_of(text: &str, place: usize) -> usize {
    text.bytes().take(place).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Installations, String> {
        Installations::parse(text, Path::new("/home/me/config.toml")).map_err(|failure| match failure {
            Failure::Settings(line) => line,
            _ => panic!("no setting"),
        })
    }

    #[test]
    fn what_is_remembered_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("config.toml");
        let mut all = Installations::default();
        let stack = Remembered {
            stack: Some("zoho".to_owned()),
            region: Some("eu-central-1".to_owned()),
            profile: Some("shop".to_owned()),
            public_url: Some("https://zoho.example.com".to_owned()),
            ..Remembered::default()
        };
        all.remember("shop", stack.clone());
        assert_eq!(all.only(), Some(("shop", &stack)));
        all.remember("here", Remembered { data: Some("data".into()), ..Remembered::default() });
        assert!(all.only().is_none());
        assert!(all.get("here").unwrap().data.as_ref().unwrap().is_absolute());
        all.write(&path).unwrap();
        let read = parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(read, all);
        assert_eq!(read.names().collect::<Vec<_>>(), ["here", "shop"]);
        let new = Remembered { data: Some("/srv".into()), new: true, ..Remembered::default() };
        all.remember("new", new);
        all.write(&path).unwrap();
        let mut read = parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(read.get("new").unwrap().new && !read.get("here").unwrap().new);
        assert!(read.has_its_store("new") && !read.has_its_store("new") && !read.has_its_store("none"));
        assert!(all.forget("here") && !all.forget("here"));
        all.write(&path).unwrap();
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no file is left over");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_cannot_be_written_is_left_as_it_was_and_a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.toml"), folder.path().join("config.toml"));
        std::fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut all = Installations::default();
        all.remember("here", Remembered { data: Some("/srv".into()), ..Remembered::default() });
        all.write(&link).unwrap();
        assert!(link.is_symlink());
        assert_eq!(parse(&std::fs::read_to_string(&real).unwrap()).unwrap(), all);
        let below_a_file = real.join("config.toml");
        assert!(all.write(&below_a_file).is_err());
    }

    #[test]
    fn a_broken_file_is_named_with_its_line() {
        for (text, line, why) in [
            ("[installations.a]\nstack = zoho\n", ":2: ", ""),
            ("[installations.a]\nstck = \"zoho\"\n", ":2: ", "stck"),
            ("x = 1\n", ":1: ", "x"),
            ("[installations.a]\n", ": ", "installations.a: an installation needs"),
            ("[installations.a]\ndata = \"d\"\nstack = \"s\"\n", ": ", "not both"),
            ("[installations.a]\ndata = \"d\"\nregion = \"r\"\n", ": ", "belong to a `stack`"),
            ("[installations.a]\nstack = \"s\"\nnew = true\n", ": ", "belongs to `data`"),
            (
                "[installations.a]\ndata = \"d\"\npublic_url = \"http://example.com\"\n",
                ": ",
                "must be an https",
            ),
            ("[installations.\"a b\"]\ndata = \"d\"\n", ": ", "letters, digits"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(&format!("/home/me/config.toml{line}")), "{text:?}: {error}");
            assert!(error.contains(why) && !error.contains('\n'), "{text:?}: {error}");
        }
        assert_eq!(parse("").unwrap(), Installations::default());
    }

    #[test]
    fn a_free_name_is_the_usual_one_or_has_a_number() {
        let mut all = Installations::default();
        assert_eq!(all.free_name("zoho"), "zoho");
        all.remember("zoho", Remembered { data: Some("/srv".into()), ..Remembered::default() });
        assert_eq!(all.free_name("zoho"), "zoho-2");
    }

    #[test]
    fn a_name_needs_no_quotation_marks() {
        assert!(["a", "zoho-connector", "eu.prod_2"].iter().all(|name| check_name(name).is_ok()));
        assert!(["", "-a", "a b", "a;b", "ä"].iter().all(|name| check_name(name).is_err()));
    }
}
