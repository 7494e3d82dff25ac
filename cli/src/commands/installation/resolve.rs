//! Which connector a command works on: by its flags, variables, and what is remembered.

use std::fs::canonicalize;
use std::path::{Path, PathBuf, absolute};

use shared::base::nearest::nearest;
use shared::base::settings;

use crate::failure::Failure;
use crate::remembered::{Installations, Remembered};
use crate::terminal::are;

/// What the command line says.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Given<'a> {
    pub(super) installation: Option<&'a str>,
    pub(super) data: Option<&'a Path>,
    pub(super) stack: Option<&'a str>,
    pub(super) region: Option<&'a str>,
    pub(super) profile: Option<&'a str>,
    pub(super) public_url: Option<&'a str>,
    /// The command runs the connector, which a stack does by itself.
    pub(super) only_folders: bool,
}

/// Where a connector is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Home {
    /// In this folder; the usual one where none is named.
    Folder(Option<PathBuf>),
    Stack(String),
}

/// What the flags, the variables and what is remembered come to: where the connector is, and what leads there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    /// Under which it is remembered.
    pub(super) name: Option<String>,
    pub(super) home: Home,
    pub(super) region: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) public_url: Option<String>,
    /// It was named before it had a store.
    pub(super) is_new: bool,
}

/// Flags and the installation that they name come before variables, variables before what else is remembered.
pub(super) fn resolve(
    given: &Given<'_>,
    all: &Installations,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Resolved, Failure> {
    let named = given.installation.map(|name| named(name, all, given.only_folders)).transpose()?;
    let (home, one) = match (given.data, given.stack, named) {
        (Some(data), ..) => (Home::Folder(Some(data.to_owned())), in_folder(data, all)),
        (None, Some(stack), _) => (Home::Stack(stack.to_owned()), of_stack(stack, given.region, all)),
        (None, None, Some((name, one))) => (home_of(one), Some((name, one))),
        (None, None, None) => match variable(settings::DATA) {
            Some(data) => {
                let one = in_folder(Path::new(&data), all);
                (Home::Folder(Some(data.into())), one)
            }
            None => match usual(all, given.only_folders)? {
                Some((name, one)) => (home_of(one), Some((name, one))),
                None => (Home::Folder(None), None),
            },
        },
    };
    let (name, one) = one.unzip();
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let remembered = |value: Option<&String>, variables: &[&str]| {
        value.filter(|_| named.is_some() || !variables.iter().any(|name| is_set(name))).cloned()
    };
    let or = |flag: Option<&str>, of: fn(&Remembered) -> Option<&String>, variables: &[&str]| {
        flag.map(str::to_owned).or_else(|| remembered(one.and_then(of), variables))
    };
    let resolved = Resolved {
        name: name.map(str::to_owned),
        is_new: one.is_some_and(|one| one.new),
        region: or(given.region, |one| one.region.as_ref(), &["AWS_REGION", "AWS_DEFAULT_REGION"]),
        profile: or(given.profile, |one| one.profile.as_ref(), &["AWS_PROFILE", "AWS_ACCESS_KEY_ID"]),
        public_url: or(given.public_url, |one| one.public_url.as_ref(), &[settings::PUBLIC_URL])
            .or_else(|| variable(settings::PUBLIC_URL)),
        home,
    };
    if let Some(profile) = &resolved.profile
        && is_set("AWS_ACCESS_KEY_ID")
    {
        return Err(Failure::Settings(format!(
            "AWS_ACCESS_KEY_ID is set, and comes before the profile {profile}: unset it to use the profile"
        )));
    }
    Ok(resolved)
}

/// One that is remembered, with its name.
pub(crate) type Found<'a> = (&'a str, &'a Remembered);

/// The one that the command line names.
fn named<'a>(name: &'a str, all: &'a Installations, only_folders: bool) -> Result<Found<'a>, Failure> {
    let Some(one) = all.get(name) else {
        let near = nearest(name, all.names());
        let advice = match near {
            Some(near) => format!("did you mean {near}?"),
            None if all.names().next().is_none() => {
                "none is remembered; `zoho-connector installations add NAME --data DIR` remembers one, or with --stack STACK in place of --data".to_owned()
            }
            None => format!("remembered {} {}", are(all.names().count()), listed(all.names())),
        };
        return Err(Failure::Settings(format!("there is no installation {name}: {advice}")));
    };
    if only_folders && one.data.is_none() {
        return Err(Failure::Settings(format!(
            "{name} is a {}, and this command works on a folder of this machine: name one with --data",
            one.place()
        )));
    }
    Ok((name, one))
}

/// The one that is meant where nothing is said.
fn usual(all: &Installations, only_folders: bool) -> Result<Option<Found<'_>>, Failure> {
    if let Some((name, one)) = all.only().filter(|(_, one)| !only_folders || one.data.is_some()) {
        return Ok(Some((name, one)));
    }
    let mut fitting = all.iter().filter(|(_, one)| !only_folders || one.data.is_some());
    match (fitting.next(), fitting.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(Failure::Settings(format!(
            "several installations are remembered; name one with --installation: {}",
            listed(all.iter().filter(|(_, one)| !only_folders || one.data.is_some()).map(|(name, _)| name))
        ))),
    }
}

/// What is remembered of this folder.
pub(crate) fn in_folder<'a>(data: &Path, all: &'a Installations) -> Option<Found<'a>> {
    let real = |path: &Path| canonicalize(path).or_else(|_| absolute(path)).ok();
    let data = real(data)?;
    all.iter().find(|(_, one)| one.data.as_deref().and_then(real).is_some_and(|other| other == data))
}

/// What is remembered of this stack; several regions can have one of its name.
fn of_stack<'a>(stack: &str, region: Option<&str>, all: &'a Installations) -> Option<Found<'a>> {
    let is_there = |one: &Remembered| {
        let same_region = region.is_none_or(|region| one.region.as_deref() == Some(region));
        one.stack.as_deref() == Some(stack) && same_region
    };
    let mut found = all.iter().filter(|(_, one)| is_there(one));
    found.next().filter(|_| found.next().is_none())
}

fn home_of(one: &Remembered) -> Home {
    match &one.stack {
        Some(stack) => Home::Stack(stack.clone()),
        None => Home::Folder(one.data.clone()),
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(name: &str, region: &str) -> Remembered {
        Remembered {
            stack: Some(name.to_owned()),
            region: Some(region.to_owned()),
            profile: Some("shop".to_owned()),
            public_url: Some("https://stack.example".to_owned()),
            ..Remembered::default()
        }
    }

    fn folder(path: &str) -> Remembered {
        let public_url = Some("https://folder.example".to_owned());
        Remembered { data: Some(path.into()), public_url, ..Remembered::default() }
    }

    fn all(of: &[(&str, Remembered)]) -> Installations {
        let mut all = Installations::default();
        of.iter().for_each(|(name, one)| all.remember(name, one.clone()));
        all
    }

    fn resolve_with(
        given: &Given<'_>,
        all: &Installations,
        variables: &[(&str, &str)],
    ) -> Result<Resolved, String> {
        let variable = |wanted: &str| {
            variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
        };
        resolve(given, all, variable).map_err(|failure| match failure {
            Failure::Settings(line) => line,
            _ => panic!("a setting"),
        })
    }

    #[test]
    fn nothing_said_and_nothing_remembered_is_the_usual_folder() {
        let resolved = resolve_with(&Given::default(), &all(&[]), &[]).unwrap();
        assert_eq!(resolved.home, Home::Folder(None));
        assert_eq!((resolved.name, resolved.public_url, resolved.region), (None, None, None));
    }

    #[test]
    fn the_only_one_that_is_remembered_is_meant_unless_variables_say_otherwise() {
        let all = all(&[("shop", stack("zoho", "eu-central-1"))]);
        let resolved = resolve_with(&Given::default(), &all, &[]).unwrap();
        assert_eq!(resolved.home, Home::Stack("zoho".to_owned()));
        assert_eq!(resolved.name.as_deref(), Some("shop"));
        assert_eq!(resolved.region.as_deref(), Some("eu-central-1"));
        assert_eq!(resolved.profile.as_deref(), Some("shop"));
        assert_eq!(resolved.public_url.as_deref(), Some("https://stack.example"));

        let variables = [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "key"),
            (settings::PUBLIC_URL, "https://variable.example"),
        ];
        let resolved = resolve_with(&Given::default(), &all, &variables).unwrap();
        assert_eq!((resolved.region, resolved.profile), (None, None), "the SDK reads the variables itself");
        assert_eq!(resolved.public_url.as_deref(), Some("https://variable.example"));

        let resolved = resolve_with(&Given::default(), &all, &[(settings::DATA, "/srv/other")]).unwrap();
        assert_eq!(resolved.home, Home::Folder(Some("/srv/other".into())));
        assert_eq!((resolved.name, resolved.public_url), (None, None), "another's address is not taken");
        // What runs the connector is meant for no stack.
        let serve = Given { only_folders: true, ..Given::default() };
        assert_eq!(resolve_with(&serve, &all, &[]).unwrap().home, Home::Folder(None));
    }

    #[test]
    fn what_the_command_line_says_comes_first() {
        let all = all(&[("shop", stack("zoho", "eu-central-1")), ("here", folder("/srv/zoho"))]);
        let variables = [(settings::PUBLIC_URL, "https://variable.example"), (settings::DATA, "/srv/other")];
        let named = Given { installation: Some("here"), ..Given::default() };
        let resolved = resolve_with(&named, &all, &variables).unwrap();
        assert_eq!(resolved.home, Home::Folder(Some("/srv/zoho".into())));
        assert_eq!(resolved.public_url.as_deref(), Some("https://folder.example"));

        let given = Given { data: Some(Path::new("/srv/zoho")), ..Given::default() };
        let resolved = resolve_with(&given, &all, &[]).unwrap();
        assert_eq!(resolved.name.as_deref(), Some("here"), "what is remembered of a folder holds for it");
        assert!(!resolved.is_new);
        assert_eq!(resolved.public_url.as_deref(), Some("https://folder.example"));

        let given =
            Given { stack: Some("zoho"), public_url: Some("https://flag.example"), ..Given::default() };
        let resolved = resolve_with(&given, &all, &[]).unwrap();
        assert_eq!(resolved.public_url.as_deref(), Some("https://flag.example"));
        assert_eq!(resolved.region.as_deref(), Some("eu-central-1"));
        let elsewhere = Given { region: Some("us-east-1"), ..given };
        let resolved = resolve_with(&elsewhere, &all, &[]).unwrap();
        assert_eq!((resolved.name, resolved.region.as_deref()), (None, Some("us-east-1")));
    }

    #[test]
    fn what_cannot_be_decided_is_told_with_the_names() {
        let all = all(&[("shop", stack("zoho", "eu-central-1")), ("here", folder("/srv/zoho"))]);
        let error = resolve_with(&Given::default(), &all, &[]).unwrap_err();
        assert!(error.contains("--installation: here, shop"), "{error}");
        let serve = Given { only_folders: true, ..Given::default() };
        assert_eq!(resolve_with(&serve, &all, &[]).unwrap().name.as_deref(), Some("here"));
        for (name, expected) in [("shpo", "did you mean shop?"), ("other", "remembered are here, shop")] {
            let given = Given { installation: Some(name), ..Given::default() };
            let error = resolve_with(&given, &all, &[]).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let serve = Given { installation: Some("shop"), ..serve };
        assert!(resolve_with(&serve, &all, &[]).unwrap_err().contains("on a folder of this machine"));
        let shop = Given { installation: Some("shop"), ..Given::default() };
        let error = resolve_with(&shop, &all, &[("AWS_ACCESS_KEY_ID", "key")]).unwrap_err();
        assert!(error.contains("profile shop"), "{error}");
    }
}
