//! The grammar: select, from, where, group by, order by, limit. More than two conditions need brackets, pair by pair.

use super::lex::{Placed, Token, tokens};
use super::select::{Function, Selected};
use super::wrong::Wrong;

const MOST_COLUMNS: usize = 50;
const MOST_CONDITIONS: usize = 25;
const MOST_ROWS: usize = 2_000;
const ROWS: usize = 200;

/// A query as written.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) columns: Vec<Selected>,
    pub(crate) module: String,
    pub(crate) condition: Condition,
    /// Columns to group by.
    pub(crate) group: Vec<String>,
    /// Columns to order by, and whether downwards.
    pub(crate) order: Vec<(String, bool)>,
    pub(crate) limit: usize,
    pub(crate) offset: usize,
}

/// A condition, or two joined.
#[derive(Debug)]
pub(crate) enum Condition {
    Test { column: String, operator: &'static str, values: Vec<Literal> },
    Both(Box<Condition>, Box<Condition>),
    Either(Box<Condition>, Box<Condition>),
}

/// A value as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    Number(String),
    Flag(bool),
}

/// Reads a query.
pub(crate) fn query(text: &str) -> Result<Query, Wrong> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, conditions: 0 };
    if !reader.word("select") {
        return Err(reader.near());
    }
    let columns = reader.columns()?;
    if columns.len() > MOST_COLUMNS {
        return Err(Wrong::Limit("select", MOST_COLUMNS));
    }
    checked(&columns)?;
    if !reader.word("from") {
        return Err(if reader.ended() { Wrong::Clause("from") } else { reader.near() });
    }
    let module = reader.name()?;
    if !reader.word("where") {
        let next_clause = ["order", "limit", "group"].iter().any(|word| reader.is(word));
        return Err(if reader.ended() || next_clause { Wrong::Clause("where") } else { reader.near() });
    }
    let condition = reader.expression()?;
    if reader.conditions > MOST_CONDITIONS {
        return Err(Wrong::Limit("where", MOST_CONDITIONS));
    }
    let group = reader.group()?;
    let order = reader.order()?;
    let (limit, offset) = reader.limit()?;
    if !reader.ended() {
        return Err(reader.near());
    }
    if limit > MOST_ROWS {
        return Err(Wrong::Limit("limit", MOST_ROWS));
    }
    if limit == 0 {
        return Err(Wrong::NoRows);
    }
    Ok(Query { columns, module, condition, group, order, limit, offset })
}

/// Whether all of these can be selected together.
fn checked(columns: &[Selected]) -> Result<(), Wrong> {
    for (place, column) in columns.iter().enumerate() {
        let before = columns.get(..place).unwrap_or_default();
        if before.iter().any(|other| (other.function, &other.column) == (column.function, &column.column)) {
            return Err(Wrong::Twice(column.column.clone(), column.function));
        }
        let Some(alias) = &column.alias else { continue };
        if alias.is_empty() {
            return Err(Wrong::NoAlias(column.column.clone()));
        }
        if columns.iter().any(|other| other.alias.is_none() && other.column == *alias) {
            return Err(Wrong::Alias(column.column.clone(), alias.clone()));
        }
        if let Some(other) = before.iter().find(|other| other.alias.as_ref() == Some(alias)) {
            return Err(Wrong::SameAlias([other.column.clone(), column.column.clone()], alias.clone()));
        }
    }
    Ok(())
}

struct Reader {
    tokens: Vec<Placed>,
    at: usize,
    conditions: usize,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn ended(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The current token, as an error names it.
    fn near(&self) -> Wrong {
        let text = match self.peek() {
            None => String::new(),
            Some(Token::Word(text) | Token::Text(text) | Token::Number(text)) => text.clone(),
            Some(Token::Sign(sign)) => (*sign).to_owned(),
        };
        let end = self.tokens.last().map_or(1, |(_, column)| column + 1);
        Wrong::Near(text, self.tokens.get(self.at).map_or(end, |(_, column)| *column))
    }

    fn is(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(own)) if own.eq_ignore_ascii_case(word))
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.at += usize::from(found);
        found
    }

    fn sign(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(sign)) if *sign == wanted);
        self.at += usize::from(found);
        found
    }

    fn name(&mut self) -> Result<String, Wrong> {
        match self.peek() {
            Some(Token::Word(name)) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.near()),
        }
    }

    fn columns(&mut self) -> Result<Vec<Selected>, Wrong> {
        let mut columns = vec![self.column()?];
        while self.sign(",") {
            columns.push(self.column()?);
        }
        Ok(columns)
    }

    /// `Stage`, `COUNT(id)`, and either with `as` and another name.
    fn column(&mut self) -> Result<Selected, Wrong> {
        let name = self.name()?;
        let (function, column) = if self.sign("(") {
            let column = self.name()?;
            if !self.sign(")") {
                return Err(self.near());
            }
            let function =
                Function::find(&name).ok_or_else(|| Wrong::Function(format!("{name}({column})")))?;
            (Some(function), column)
        } else {
            (None, name)
        };
        let alias = if self.word("as") { Some(self.alias()?) } else { None };
        Ok(Selected { function, column, alias })
    }

    fn alias(&mut self) -> Result<String, Wrong> {
        match self.peek() {
            Some(Token::Text(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(text)
            }
            _ => self.name(),
        }
    }

    fn group(&mut self) -> Result<Vec<String>, Wrong> {
        if !self.word("group") {
            return Ok(Vec::new());
        }
        if self.word("by") { self.names() } else { Err(self.near()) }
    }

    fn names(&mut self) -> Result<Vec<String>, Wrong> {
        let mut names = vec![self.name()?];
        while self.sign(",") {
            names.push(self.name()?);
        }
        Ok(names)
    }

    /// Reads one operand, or two joined ones. A third is not read, so that the caller refuses it.
    fn expression(&mut self) -> Result<Condition, Wrong> {
        let first = self.operand()?;
        let both = self.word("and");
        if !both && !self.word("or") {
            return Ok(first);
        }
        let second = self.operand()?;
        let (first, second) = (Box::new(first), Box::new(second));
        Ok(if both { Condition::Both(first, second) } else { Condition::Either(first, second) })
    }

    fn operand(&mut self) -> Result<Condition, Wrong> {
        if !self.sign("(") {
            return self.test();
        }
        let inner = self.expression()?;
        if self.sign(")") { Ok(inner) } else { Err(self.near()) }
    }

    fn test(&mut self) -> Result<Condition, Wrong> {
        self.conditions += 1;
        let column = self.name()?;
        for operator in ["=", "!=", ">=", "<=", ">", "<"] {
            if self.sign(operator) {
                return Ok(Condition::Test { column, operator, values: vec![self.literal()?] });
            }
        }
        if self.word("is") {
            let operator = if self.word("not") { "is not null" } else { "is null" };
            return if self.word("null") {
                Ok(Condition::Test { column, operator, values: Vec::new() })
            } else {
                Err(self.near())
            };
        }
        let not = self.word("not");
        let pick = |yes: &'static str, no: &'static str| if not { no } else { yes };
        let (operator, values) = if self.word("like") {
            (pick("like", "not like"), vec![self.literal()?])
        } else if self.word("in") {
            (pick("in", "not in"), self.list()?)
        } else if self.word("between") {
            let first = self.literal()?;
            if !self.word("and") {
                return Err(self.near());
            }
            (pick("between", "not between"), vec![first, self.literal()?])
        } else {
            return Err(self.near());
        };
        Ok(Condition::Test { column, operator, values })
    }

    fn list(&mut self) -> Result<Vec<Literal>, Wrong> {
        if !self.sign("(") {
            return Err(self.near());
        }
        let mut values = vec![self.literal()?];
        while self.sign(",") {
            values.push(self.literal()?);
        }
        if self.sign(")") { Ok(values) } else { Err(self.near()) }
    }

    fn literal(&mut self) -> Result<Literal, Wrong> {
        let literal = match self.peek() {
            Some(Token::Text(text)) => Literal::Text(text.clone()),
            Some(Token::Number(number)) => Literal::Number(number.clone()),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => Literal::Flag(true),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => Literal::Flag(false),
            _ => return Err(self.near()),
        };
        self.at += 1;
        Ok(literal)
    }

    fn order(&mut self) -> Result<Vec<(String, bool)>, Wrong> {
        let mut order = Vec::new();
        if !self.word("order") {
            return Ok(order);
        }
        if !self.word("by") {
            return Err(self.near());
        }
        loop {
            let name = self.name()?;
            let down = self.word("desc");
            if !down {
                self.word("asc");
            }
            order.push((name, down));
            if !self.sign(",") {
                return Ok(order);
            }
        }
    }

    /// `limit n`, `limit offset, n` or `limit n offset m`.
    fn limit(&mut self) -> Result<(usize, usize), Wrong> {
        if !self.word("limit") {
            return if self.word("offset") { Ok((ROWS, self.count()?)) } else { Ok((ROWS, 0)) };
        }
        let first = self.count()?;
        if self.sign(",") {
            Ok((self.count()?, first))
        } else if self.word("offset") {
            Ok((first, self.count()?))
        } else {
            Ok((first, 0))
        }
    }

    fn count(&mut self) -> Result<usize, Wrong> {
        let Some(Token::Number(text) | Token::Text(text) | Token::Word(text)) = self.peek() else {
            return Err(self.near());
        };
        let count = text.parse().map_err(|_| match text.parse::<i64>() {
            Ok(_) => Wrong::NoRows,
            Err(_) => Wrong::Rows(text.clone()),
        })?;
        self.at += 1;
        Ok(count)
    }
}
