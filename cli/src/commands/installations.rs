//! `zoho-connector installations`: where connectors are, by name.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};
use shared::base::public_url::PublicUrl;
use shared::store::sqlite::Sqlite;

use crate::commands::installation::{in_folder, public_url};
use crate::failure::Failure;
use crate::folders::{absolute, refuse_file};
use crate::remembered::{Installations as All, Remembered, check_name};
use crate::table::{Column, Table};
use crate::terminal::{note, say, say_json};

const COLUMNS: &[Column] = &[("Name", false), ("Where", false), ("Profile", false), ("Address", false)];

#[derive(Subcommand)]
pub(crate) enum Installations {
    /// Lists what is remembered
    List(List),
    /// Remembers a folder or a stack under a name, so that commands need no other flag
    Add(Add),
    /// Forgets a name; the installation itself stays as it is
    Forget(Forget),
}

#[derive(Args)]
pub(crate) struct List {
    /// One JSON document in place of a table
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(group = ArgGroup::new("place").required(true).args(["data", "stack"]))]
pub(crate) struct Add {
    /// What to call it
    #[arg(value_name = "NAME", value_parser = check_name)]
    name: String,
    /// Folder of the store
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Name of the stack on AWS
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// The stack's region
    #[arg(long, value_name = "REGION", requires = "stack")]
    region: Option<String>,
    /// Which of the profiles in AWS's own files has your credentials
    #[arg(long, value_name = "PROFILE", requires = "stack")]
    profile: Option<String>,
    /// Its address as browsers and Zoho reach it
    #[arg(long, value_name = "URL", value_parser = public_url)]
    public_url: Option<PublicUrl>,
}

#[derive(Args)]
pub(crate) struct Forget {
    /// Its name
    name: String,
}

impl Installations {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(),
            Self::Add(add) => add.run(),
            Self::Forget(forget) => forget.run(),
        }
    }
}

impl List {
    fn run(self) -> Result<(), Failure> {
        let all = All::read()?;
        if self.json {
            let all: Vec<Value> = all.iter().map(|(name, one)| described(name, one)).collect();
            return Ok(say_json(&all)?);
        }
        if all.names().next().is_none() {
            say(
                "None is remembered. `zoho-connector installations add NAME --data DIR` remembers one, or with --stack STACK in place of --data.",
            );
            return Ok(());
        }
        let mut table = Table::new(COLUMNS);
        for (name, one) in all.iter() {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            table.push([name.to_owned(), one.place(), text(&one.profile), text(&one.public_url)]);
        }
        table.say();
        Ok(())
    }
}

fn described(name: &str, one: &Remembered) -> Value {
    json!({
        "name": name,
        "data": one.data,
        "stack": one.stack,
        "region": one.region,
        "profile": one.profile,
        "public_url": one.public_url,
    })
}

impl Add {
    fn run(self) -> Result<(), Failure> {
        let mut all = All::read()?;
        if let Some(known) = all.get(&self.name) {
            return Err(Failure::Other(format!(
                "{} is remembered already, for {}: `zoho-connector installations forget {}` comes first",
                self.name,
                known.place(),
                self.name
            )));
        }
        let data = self.data.map(|data| absolute(&data));
        if let Some(folder) = &data {
            refuse_file(folder)
                .map_err(|why| Failure::Settings(format!("{why}: name the folder of a store with --data")))?;
            // Two names of one folder would leave all commands without the one that is meant.
            if let Some((name, _)) = in_folder(folder, &all) {
                return Err(Failure::Other(format!(
                    "{} is remembered already, as {name}: `zoho-connector setup --name {name} --public-url URL` changes its address, and \
                     `zoho-connector installations forget {name}` comes before another name",
                    folder.display()
                )));
            }
        }
        let mut one = Remembered {
            data,
            stack: self.stack,
            region: self.region,
            profile: self.profile,
            public_url: self.public_url.map(|url| url.as_str().to_owned()),
            new: false,
        };
        one.check()?;
        if let Some(folder) = one.data.as_deref().filter(|folder| !Sqlite::is_in(folder)) {
            one.new = true;
            note(format!(
                "There is no store in {} yet; `zoho-connector setup --name {}` makes one.",
                folder.display(),
                self.name
            ));
        }
        let place = one.place();
        all.remember(&self.name, one);
        all.save()?;
        say(format!("✓ {} is {place}, remembered in {}.", self.name, All::path()?.display()));
        Ok(())
    }
}

impl Forget {
    fn run(self) -> Result<(), Failure> {
        let mut all = All::read()?;
        if !all.forget(&self.name) {
            return Err(Failure::Other(format!(
                "there is no installation {}; `zoho-connector installations list` shows them",
                self.name
            )));
        }
        all.save()?;
        say(format!("✓ {} is forgotten here; the installation itself stays as it is.", self.name));
        Ok(())
    }
}
