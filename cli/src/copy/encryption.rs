//! Copies are encrypted as age has it (<https://age-encryption.org/v1>): `age -d` opens them, too.

use std::fs;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use age::stream::{StreamReader, StreamWriter};
use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor, scrypt};
use clap::Args;
use shared::base::pasted::clean;
use shared::base::secret::Secret;

use crate::terminal::{ask_passphrase, can_ask};

/// The fewest characters of a passphrase: a file that somebody took can be tried offline, as often as they like.
const MIN_PASSPHRASE: usize = 12;

/// For whom a copy is encrypted.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Encryption {
    /// Encrypt it to this public key of age, as `age-keygen` prints it; several may be given
    #[arg(long, value_name = "AGE1…", value_parser = recipient)]
    recipient: Vec<Recipient>,
    /// Encrypt it with a passphrase, which is asked for or read from standard input
    #[arg(long)]
    passphrase: bool,
}

/// How a copy is opened.
#[derive(Args)]
pub(crate) struct Decryption {
    /// File with the secret key of age; without it, the passphrase is asked for or read from standard input
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

fn recipient(text: &str) -> Result<Recipient, String> {
    clean(text)
        .parse()
        .map_err(|_| "a public key of age looks like age1…, as `age-keygen` prints it".to_owned())
}

/// Who can open a copy.
pub(crate) enum Openers {
    Passphrase(Secret),
    Keys(Vec<Recipient>),
}

impl Encryption {
    /// Whether a passphrase is asked for.
    pub(crate) fn asks(&self) -> bool {
        self.passphrase
    }

    /// Asks for what is still to be known.
    pub(crate) fn openers(self) -> Result<Openers, String> {
        if !self.recipient.is_empty() {
            return Ok(Openers::Keys(self.recipient));
        }
        let first = ask_passphrase("Passphrase of the copy (not shown): ")?;
        if first.expose().chars().count() < MIN_PASSPHRASE {
            return Err(format!(
                "a passphrase has {MIN_PASSPHRASE} characters or more: the copy holds all secrets, and whoever gets the file can try as often as they like"
            ));
        }
        // From a pipe it comes once; a person may have mistyped it.
        if can_ask() && !first.equals(ask_passphrase("The same again: ")?.expose()) {
            return Err("the two passphrases differ".to_owned());
        }
        Ok(Openers::Passphrase(first))
    }
}

impl Openers {
    /// What is written there is encrypted from now on.
    pub(super) fn close<W: Write>(&self, to: W) -> Result<StreamWriter<W>, String> {
        let encryptor = match self {
            Self::Passphrase(secret) => {
                Encryptor::with_user_passphrase(SecretString::from(secret.expose().to_owned()))
            }
            Self::Keys(keys) => {
                let keys = keys.iter().map(|key| key as &dyn age::Recipient);
                Encryptor::with_recipients(keys).map_err(|error| error.to_string())?
            }
        };
        encryptor.wrap_output(to).map_err(|error| error.to_string())
    }
}

/// A copy that is still closed: at its beginning stands how it is opened.
pub(super) fn closed<R: BufRead>(from: R) -> Result<Decryptor<R>, String> {
    Decryptor::new_buffered(from)
        .map_err(|error| format!("it is no copy that `zoho-connector` made ({error})"))
}

impl Decryption {
    /// Whether a passphrase may be asked for.
    pub(crate) fn asks(&self) -> bool {
        self.identity.is_none()
    }

    /// What is read from there is decrypted; asks for the passphrase where the copy has one.
    pub(super) fn open<R: BufRead>(&self, from: R) -> Result<StreamReader<R>, String> {
        let decryptor = closed(from)?;
        let wrong = |error: age::DecryptError| format!("it cannot be opened ({error})");
        match (&self.identity, decryptor.is_scrypt()) {
            (None, true) => {
                let passphrase = ask_passphrase("Passphrase of the copy (not shown): ")?;
                let passphrase = scrypt::Identity::new(SecretString::from(passphrase.expose().to_owned()));
                let opened = decryptor.decrypt(std::iter::once(&passphrase as &dyn age::Identity));
                opened.map_err(|error| match error {
                    age::DecryptError::DecryptionFailed => {
                        "it cannot be opened with this passphrase: the copy was made with another one"
                            .to_owned()
                    }
                    other => wrong(other),
                })
            }
            (None, false) => {
                Err("it is encrypted to a public key: name the file with the secret one, --identity FILE"
                    .to_owned())
            }
            (Some(_), true) => Err("it is encrypted with a passphrase: leave --identity away".to_owned()),
            (Some(file), false) => {
                let keys = identities(file)?;
                let keys = keys.iter().map(|key| key as &dyn age::Identity);
                decryptor.decrypt(keys).map_err(wrong)
            }
        }
    }
}

/// The secret keys in a file, as `age-keygen` writes it.
fn identities(file: &Path) -> Result<Vec<Identity>, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let read = |line: &str| {
        line.parse::<Identity>()
            .map_err(|_| format!("{} holds a line that is no secret key of age", file.display()))
    };
    let keys = lines.map(read).collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        return Err(format!("{} holds no secret key of age", file.display()));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn what_is_encrypted_to_a_key_opens_with_its_other_half_alone() {
        use age::secrecy::ExposeSecret;
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, key: &Identity| {
            let path = folder.path().join(name);
            let text = format!("# made for a test\n{}\n", key.to_string().expose_secret());
            fs::write(&path, text).unwrap();
            path
        };
        let (right, wrong) = (Identity::generate(), Identity::generate());
        let openers = Openers::Keys(vec![recipient(&format!(" {} ", right.to_public())).unwrap()]);
        let mut writer = openers.close(Vec::new()).unwrap();
        writer.write_all(b"all of it").unwrap();
        let closed = writer.finish().unwrap();
        assert!(!closed.windows(3).any(|part| part == b"all"));

        let open = |identity: Option<PathBuf>, closed: &[u8]| -> Result<String, String> {
            let mut text = String::new();
            let mut reader = Decryption { identity }.open(closed)?;
            reader.read_to_string(&mut text).map_err(|error| error.to_string())?;
            Ok(text)
        };
        assert_eq!(open(Some(file("right", &right)), &closed).unwrap(), "all of it");
        assert!(open(Some(file("wrong", &wrong)), &closed).unwrap_err().contains("cannot be opened"));
        assert!(open(None, &closed).unwrap_err().contains("--identity FILE"));
        let mut short = closed.clone();
        short.pop();
        assert!(open(Some(folder.path().join("right")), &short).is_err(), "the end is missing");
        assert!(recipient("age1nothing").is_err());
    }
}
