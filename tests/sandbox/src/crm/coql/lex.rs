//! Splits a query into words, strings, numbers and signs.

use super::wrong::Wrong;

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A keyword, a module or a column.
    Word(String),
    /// A string without its quotes.
    Text(String),
    Number(String),
    Sign(&'static str),
}

/// A token and the column it begins in, from 1.
pub(crate) type Placed = (Token, usize);

const SIGNS: [&str; 9] = ["!=", ">=", "<=", "=", ">", "<", "(", ")", ","];

/// The tokens of a query, in order.
pub(crate) fn tokens(query: &str) -> Result<Vec<Placed>, Wrong> {
    let letters: Vec<char> = query.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        let begun = at;
        let token = match letter {
            space if space.is_whitespace() => {
                at += 1;
                continue;
            }
            '\'' => Token::Text(text(&letters, &mut at)?),
            digit if digit.is_ascii_digit() || *digit == '-' => {
                at += 1;
                Token::Number(run(&letters, begun, &mut at, |letter| {
                    letter.is_ascii_digit() || letter == '.'
                }))
            }
            letter if letter.is_alphanumeric() || *letter == '_' || *letter == '$' => {
                Token::Word(run(&letters, begun, &mut at, |letter| {
                    letter.is_alphanumeric() || "_.$".contains(letter)
                }))
            }
            _ => {
                let two: String = letters.iter().skip(at).take(2).collect();
                let sign = SIGNS.into_iter().find(|sign| two.starts_with(sign));
                let sign = sign.ok_or_else(|| Wrong::Near(letter.to_string(), at + 1))?;
                at += sign.len();
                Token::Sign(sign)
            }
        };
        tokens.push((token, begun + 1));
    }
    Ok(tokens)
}

/// Reads a string up to its closing quote. A doubled quote stands for one quote.
fn text(letters: &[char], at: &mut usize) -> Result<String, Wrong> {
    let begun = *at;
    *at += 1;
    let mut text = String::new();
    while let Some(letter) = letters.get(*at) {
        *at += 1;
        if *letter != '\'' {
            text.push(*letter);
        } else if letters.get(*at) == Some(&'\'') {
            text.push('\'');
            *at += 1;
        } else {
            return Ok(text);
        }
    }
    Err(Wrong::Near("'".to_owned(), begun + 1))
}

fn run(letters: &[char], begun: usize, at: &mut usize, more: impl Fn(char) -> bool) -> String {
    while letters.get(*at).is_some_and(|letter| more(*letter)) {
        *at += 1;
    }
    letters.iter().skip(begun).take(*at - begun).collect()
}
