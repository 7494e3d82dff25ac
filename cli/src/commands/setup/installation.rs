//! Where the installation is, and that it is remembered: from then on, no command needs to be told.

use std::path::{Path, PathBuf};

use shared::base::public_url::PublicUrl;
use shared::base::settings::{DATA, PUBLIC_URL};

use super::ask;
use crate::commands::installation::{Installation, public_url};
use crate::failure::Failure;
use crate::folders::{absolute, refuse_file};
use crate::remembered::{Installations, Remembered};
use crate::terminal::{can_ask, note, say};

/// In which of the two homes it is.
#[derive(Clone, Copy)]
enum Home {
    Here,
    Aws,
}

/// What is to be remembered, once the installation is open.
pub(super) struct New {
    name: String,
    one: Remembered,
    all: Installations,
    /// Whether it was asked for, and not named by a flag or a variable.
    is_asked: bool,
    /// The address that was remembered of it.
    pub(super) was: Option<PublicUrl>,
}

/// The installation of the flags, else the one that is remembered, else a new one that is asked for; and what of it is new.
pub(super) async fn find(
    name: Option<&str>,
    given: Installation,
) -> Result<(Installation, Option<New>), Failure> {
    let all = Installations::read()?;
    let known = name.and_then(|name| all.get(name));
    let is_said = given.is_named() || std::env::var_os(DATA).is_some();
    let (installation, is_asked) = match known {
        Some(known) if !given.is_named() => (Installation::of(known)?.addressed_as(&given), false),
        _ if is_said => (addressed(given).await?, false),
        _ if name.is_none() && all.names().next().is_some() => {
            tell_which(&all);
            (given, false)
        }
        _ => (Installation::of(&asked(&given).await?)?, true),
    };
    let new = new(name, &installation, all)?;
    Ok((installation, new.map(|new| New { is_asked, ..new })))
}

/// Whoever came for another one is told how that is set up.
fn tell_which(all: &Installations) {
    if let Some((name, one)) = all.only().filter(|_| can_ask()) {
        say(format!("This is about {name}, {}; --name NAME sets up another.", one.place()));
    }
}

/// The address is asked for where nothing says it: no flag, no variable, nothing that is remembered.
async fn addressed(given: Installation) -> Result<Installation, Failure> {
    let (_, one) = given.to_remember()?;
    if one.public_url.is_some() || !can_ask() {
        return Ok(given);
    }
    if one.data.is_some() {
        return Ok(given.at(asked_address().await?));
    }
    // The template may name it.
    let question = "Its address: ApiUrl of the stack's outputs (empty: as its template says)";
    let read = |text: &str| if text.is_empty() { Ok(None) } else { public_url(text).map(Some) };
    Ok(match ask::parsed(question, "--public-url", Some(""), read).await? {
        Some(url) => given.at(url),
        None => given,
    })
}

async fn asked_address() -> Result<PublicUrl, Failure> {
    let usual = PublicUrl::default();
    ask::parsed(
        "Its address, as browsers and Zoho reach it",
        "--public-url",
        Some(usual.as_str()),
        public_url,
    )
    .await
}

/// Commands that are pasted elsewhere must find it, too.
fn folder(text: &str) -> Result<PathBuf, String> {
    let folder = absolute(Path::new(text));
    refuse_file(&folder).map(|()| folder)
}

async fn asked(given: &Installation) -> Result<Remembered, Failure> {
    let here = ("on this machine, in a folder", Home::Here);
    let aws = ("on AWS, as a stack that you have deployed (docs/guides/aws.md)", Home::Aws);
    let home =
        ask::choice("Where is the connector, or where shall it be?", "--data or --stack", &[here, aws])
            .await?;
    let given = given.said_url();
    let mut one = Remembered::default();
    match home {
        Home::Here => {
            one.data = Some(ask::parsed("Folder for its store", "--data", Some("data"), folder).await?);
            let url = match given {
                Some(url) => url,
                None => asked_address().await?,
            };
            one.public_url = Some(url.as_str().to_owned());
        }
        Home::Aws => {
            one.stack = Some(ask::line("Name of the stack", "--stack", Some("zoho-connector")).await?);
            let region =
                ask::line("Its region (empty: as AWS's own settings say)", "--region", Some("")).await?;
            one.region = Some(region).filter(|region| !region.is_empty());
            let profile =
                ask::line("Profile of your credentials (empty: the usual one)", "--profile", Some(""))
                    .await?;
            one.profile = Some(profile).filter(|profile| !profile.is_empty());
            let question = "Its address: ApiUrl of the stack's outputs";
            let url = match given {
                Some(url) => url,
                None => ask::parsed(question, "--public-url", None, public_url).await?,
            };
            one.public_url = Some(url.as_str().to_owned());
        }
    }
    Ok(one)
}

/// What is not remembered so yet. A name that another one has is refused before anything is made.
fn new(name: Option<&str>, installation: &Installation, all: Installations) -> Result<Option<New>, Failure> {
    let (known, mut one) = installation.to_remember()?;
    if let Some((known, before)) = known.as_deref().and_then(|known| Some((known, all.get(known)?))) {
        if let Some(region) = said_region() {
            if let Some(why) = refuse_another_region(name, (known, before), &one, &region) {
                return Err(Failure::Settings(why));
            }
            one = keeping_region(one, before, &region);
        }
        one = keeping_profile(one, before);
    }
    let name = match (name, known) {
        // Two names of one place would leave all commands without the one that is meant.
        (Some(name), Some(known)) if name != known => {
            return Err(Failure::Settings(format!(
                "{} is remembered already, as {known}: leave --name {name} out, or `zoho-connector installations forget {known}` comes first",
                one.place()
            )));
        }
        (Some(name), _) => name.to_owned(),
        (None, Some(known)) => known,
        (None, None) => all.free_name(one.stack.as_deref().unwrap_or("zoho")),
    };
    let known = all.get(&name);
    match known {
        // That it is made now is noted where it is opened.
        Some(before) if (Remembered { new: false, ..before.clone() }) == one => return Ok(None),
        Some(before) if before.place() != one.place() => {
            return Err(Failure::Settings(format!(
                "{name} is remembered already, for {}: choose another name with --name",
                before.place()
            )));
        }
        _ => {}
    }
    let was = known.and_then(address);
    Ok(Some(New { name, one, all, is_asked: false, was }))
}

/// A region, and the variable that says it.
type SaidRegion = (&'static str, String);

fn said_region() -> Option<SaidRegion> {
    ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|variable| {
        Some((variable, std::env::var(variable).ok().filter(|region| !region.is_empty())?))
    })
}

/// Why the stack of a variable's region is not set up: one of its name is remembered in another, and a variable alone does not say
/// whether it is another one. Nothing where it is the same by all that is said.
fn refuse_another_region(
    name: Option<&str>,
    (known, before): (&str, &Remembered),
    one: &Remembered,
    (variable, region): &SaidRegion,
) -> Option<String> {
    let is_said_by_it = one.stack.is_some() && one.region.is_none();
    let other_name = name.filter(|name| *name != known);
    let is_elsewhere = match &before.region {
        Some(before) => before != region,
        // Without another name, it is taken for the same.
        None => other_name.is_some(),
    };
    if !is_said_by_it || !is_elsewhere {
        return None;
    }
    let leave = other_name.map(|name| format!(", and leave --name {name} out")).unwrap_or_default();
    let is_this = match &before.region {
        Some(before) => format!("where the one in {before} is meant, say --region {before}{leave}"),
        None => format!("where it is the same one, leave --name {} out", other_name.unwrap_or_default()),
    };
    Some(format!(
        "{known} is remembered already, for {}, and {variable} says {region}: where the stack in {region} is another one, say --region {region}; {is_this}",
        before.place()
    ))
}

/// The same, with the region that is remembered of it where a variable says that region again: with a variable, what is remembered is
/// not taken.
fn keeping_region(one: Remembered, before: &Remembered, (_, region): &SaidRegion) -> Remembered {
    let is_said_again =
        one.stack.is_some() && one.region.is_none() && before.region.as_deref() == Some(region.as_str());
    if is_said_again { Remembered { region: before.region.clone(), ..one } } else { one }
}

/// The same, with the profile that is remembered of it. Where a variable says the credentials of this run, those of others stay.
fn keeping_profile(one: Remembered, before: &Remembered) -> Remembered {
    let profile = one.profile.clone().or_else(|| before.profile.clone());
    Remembered { profile, ..one }
}

/// The address of one that is remembered. Without a variable, a folder has the usual one where none was named.
fn address(one: &Remembered) -> Option<PublicUrl> {
    match (&one.public_url, &one.data) {
        (Some(url), _) => PublicUrl::parse(url).ok(),
        (None, Some(_)) => std::env::var_os(PUBLIC_URL).is_none().then(PublicUrl::default),
        (None, None) => None,
    }
}

impl New {
    /// Without a home folder nothing can be remembered, and everything else works. A folder that was asked for is from then on what
    /// commands mean that name nothing; its name is needed beside others, and where a variable would come before.
    pub(super) fn remember(self) -> Result<Option<Installation>, Failure> {
        let Self { name, one, mut all, is_asked, was: _ } = self;
        let place = one.place();
        let is_found_again = is_asked && one.data.is_some();
        all.remember(&name, one);
        match all.save() {
            Ok(()) => {
                say(format!("✓ {name} is {place}, remembered in {}.", Installations::path()?.display()));
                let is_needed = all.only().is_none() || std::env::var_os(PUBLIC_URL).is_some();
                Ok(is_found_again.then(|| Installation::remembered(is_needed.then_some(name))))
            }
            Err(failure) => {
                note(format!("Nothing is remembered: {}", failure.into_line()));
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_in_the_region_of_a_variable_is_told_from_one_that_is_remembered() {
        let stack = |region: Option<&str>| Remembered {
            stack: Some("S".to_owned()),
            region: region.map(str::to_owned),
            ..Remembered::default()
        };
        let said = ("AWS_REGION", "us-east-1".to_owned());
        let refused = |name, before: Option<&str>, one: Option<&str>| {
            refuse_another_region(name, ("zoho", &stack(before)), &stack(one), &said)
        };
        let eu = Some("eu-central-1");
        let begin = "zoho is remembered already, for stack S in eu-central-1, and AWS_REGION says us-east-1: where the stack in us-east-1 is \
                     another one, say --region us-east-1; where the one in eu-central-1 is meant, say --region eu-central-1";
        assert_eq!(refused(None, eu, None).unwrap(), begin);
        assert_eq!(refused(Some("zoho"), eu, None).unwrap(), begin);
        assert_eq!(refused(Some("other"), eu, None).unwrap(), format!("{begin}, and leave --name other out"));
        let unsaid = refused(Some("other"), None, None).unwrap();
        assert!(
            unsaid.ends_with("say --region us-east-1; where it is the same one, leave --name other out"),
            "{unsaid}"
        );
        assert_eq!(refused(None, None, None), None, "it is remembered without a region");
        assert_eq!(refused(Some("other"), eu, eu), None, "a flag says the region");
        assert_eq!(refused(Some("other"), Some("us-east-1"), None), None, "the regions are the same");
        let folder = Remembered { data: Some("/srv".into()), ..Remembered::default() };
        assert_eq!(refuse_another_region(Some("other"), ("zoho", &folder), &folder, &said), None);
        let kept = |before, one| keeping_region(stack(one), &stack(before), &said).region;
        let us = Some("us-east-1");
        assert_eq!(
            kept(us, None).as_deref(),
            us,
            "else it would be another place than the one that is remembered"
        );
        assert_eq!(kept(us, eu).as_deref(), eu, "a flag says the region");
        assert_eq!((kept(eu, None), kept(None, None)), (None, None));
        assert_eq!(keeping_region(folder.clone(), &stack(us), &said), folder);
    }

    #[test]
    fn the_profile_that_is_remembered_is_kept_unless_a_flag_says_another() {
        let of = |profile: Option<&str>| Remembered {
            stack: Some("S".to_owned()),
            profile: profile.map(str::to_owned),
            ..Remembered::default()
        };
        let (shop, work) = (Some("shop"), Some("work"));
        for (one, before, kept) in
            [(None, shop, shop), (work, shop, work), (work, None, work), (None, None, None)]
        {
            assert_eq!(keeping_profile(of(one), &of(before)), of(kept), "{one:?} {before:?}");
        }
    }
}
