//! What LogQL's and TraceQL's grammars share: tokens with positions, the parser's state, and errors worded the way Go's
//! `yacc` words them, since that is what the real servers answer.

pub mod literal;
mod scan;

use std::fmt;

use winnow::{
    error::EmptyError,
    stream::{Stateful, Stream, TokenSlice},
};

pub use crate::model::re2;
pub use scan::{Dialect, scan};

/// A query that cannot be run. It is displayed as Loki and Tempo word it; line and column count from 1, 0 is "nowhere".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

impl ParseError {
    /// An error of the query as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { line: 0, column: 0, message: message.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 && self.column == 0 {
            return write!(f, "parse error : {}", self.message);
        }
        write!(f, "parse error at line {}, col {}: {}", self.line, self.column, self.message)
    }
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// An identifier; its name is the token's text.
    Word,
    /// A word with a meaning of its own, in lower case.
    Keyword(&'static str),
    /// A string literal, unquoted.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction or exponent.
    Float(f64),
    /// A duration in nanoseconds.
    Duration(i64),
    /// A size in bytes (LogQL).
    Bytes(u64),
    /// `[5m]` in nanoseconds (LogQL).
    Range(i64),
    /// `--strict` and the like (LogQL).
    Flag,
    /// An attribute with its scope (TraceQL).
    Attribute {
        /// `parent.` came before it.
        parent: bool,
        /// `resource`, `span`, …; empty when it has none.
        scope: &'static str,
        /// Its name.
        name: String,
    },
    /// Punctuation.
    Symbol(&'static str),
    /// A character that no token starts with.
    Unknown(char),
    /// The end of the query.
    End,
}

/// A token and where it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// As it was written.
    pub text: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Token {
    /// The token's name in an error.
    fn name(&self) -> String {
        match &self.kind {
            Kind::Word => "IDENTIFIER".to_owned(),
            Kind::Text(_) => "STRING".to_owned(),
            Kind::Integer(_) | Kind::Float(_) => "NUMBER".to_owned(),
            Kind::Duration(_) => "DURATION".to_owned(),
            Kind::Bytes(_) => "BYTES".to_owned(),
            Kind::Range(_) => "RANGE".to_owned(),
            Kind::Flag => "FUNCTION_FLAG".to_owned(),
            Kind::Attribute { .. } => "attribute".to_owned(),
            Kind::Keyword(name) | Kind::Symbol(name) => (*name).to_owned(),
            Kind::Unknown(c) => format!("{:?}", c.to_string()),
            Kind::End => "$end".to_owned(),
        }
    }
}

/// How deep parentheses may nest: each level is a few stack frames of the parser and of what walks its result.
const MAX_DEPTH: u32 = 64;

/// How many operators a query may hold: a chain of them is a tree as deep as it is long.
const MAX_OPERATORS: u32 = 256;

/// What the parser learns on its way: how far it came, and what would have let it go on.
#[derive(Debug, Default)]
pub struct State {
    total: usize,
    depth: u32,
    operators: u32,
    furthest: usize,
    expected: Vec<&'static str>,
    refusal: Option<(Option<usize>, String)>,
}

/// The parser's input.
pub type Input<'t> = Stateful<TokenSlice<'t, Token>, State>;

/// A parser's result; the details of a failure are in the [`State`].
pub type Parsed<O> = Result<O, EmptyError>;

/// Runs a grammar over all tokens.
///
/// # Errors
/// The position where the grammar could not go on, or what the demo refuses.
pub fn parse<'t, O>(tokens: &'t [Token], grammar: impl Fn(&mut Input<'t>) -> Parsed<O>) -> Result<O, ParseError> {
    let state = State { total: tokens.len(), ..State::default() };
    let mut input = Input { input: TokenSlice::new(tokens), state };
    let result = grammar(&mut input).and_then(|out| end(&mut input).map(|()| out));
    result.map_err(|EmptyError| explain(tokens, &input.state))
}

fn explain(tokens: &[Token], state: &State) -> ParseError {
    let at = |i: usize| tokens.get(i).or(tokens.last()).map_or((1, 1), |t| (t.line, t.column));
    if let Some((i, message)) = &state.refusal {
        let (line, column) = i.map_or((0, 0), at);
        return ParseError { line, column, message: message.clone() };
    }
    // An empty query has no place.
    let (line, column) = if matches!(tokens, [_]) { (0, 0) } else { at(state.furthest) };
    let unexpected = tokens.get(state.furthest).or(tokens.last()).map_or_else(|| "$end".to_owned(), Token::name);
    let mut message = format!("syntax error: unexpected {unexpected}");
    // yacc names what it expected only when that is a short list, and properties of spans are many.
    if (1..=4).contains(&state.expected.len()) && !state.expected.contains(&"intrinsic") {
        message = format!("{message}, expecting {}", state.expected.join(" or "));
    }
    ParseError { line, column, message }
}

/// Index of the next token.
fn position(input: &Input<'_>) -> usize {
    input.state.total - input.input.eof_offset()
}

/// One token for which `accept` gives something; `what` names it in errors.
pub fn token<'t, O>(what: &'static str, accept: impl Fn(&'t Token) -> Option<O>) -> impl Fn(&mut Input<'t>) -> Parsed<O> {
    move |input| {
        let start = input.checkpoint();
        if let Some(out) = input.next_token().and_then(&accept) {
            return Ok(out);
        }
        input.reset(&start);
        let here = position(input);
        let state = &mut input.state;
        if here > state.furthest {
            state.furthest = here;
            state.expected.clear();
        }
        if here == state.furthest && !state.expected.contains(&what) {
            state.expected.push(what);
        }
        Err(EmptyError)
    }
}

/// This punctuation.
pub fn symbol<'t>(symbol: &'static str) -> impl Fn(&mut Input<'t>) -> Parsed<()> {
    token(symbol, move |t| (t.kind == Kind::Symbol(symbol)).then_some(()))
}

/// This keyword.
pub fn keyword<'t>(word: &'static str) -> impl Fn(&mut Input<'t>) -> Parsed<()> {
    token(word, move |t| (t.kind == Kind::Keyword(word)).then_some(()))
}

/// Any of these keywords, with what it stands for.
pub fn one_of<'t, O: Copy>(what: &'static str, words: &'static [(&'static str, O)]) -> impl Fn(&mut Input<'t>) -> Parsed<O> {
    token(what, move |t| match &t.kind {
        Kind::Keyword(k) | Kind::Symbol(k) => words.iter().find(|(w, _)| w == k).map(|(_, out)| *out),
        _ => None,
    })
}

/// An identifier.
pub fn identifier(input: &mut Input<'_>) -> Parsed<String> {
    token("IDENTIFIER", |t| (t.kind == Kind::Word).then(|| t.text.clone()))(input)
}

/// A string literal.
pub fn text(input: &mut Input<'_>) -> Parsed<String> {
    token("STRING", |t| if let Kind::Text(s) = &t.kind { Some(s.clone()) } else { None })(input)
}

/// A number.
pub fn number(input: &mut Input<'_>) -> Parsed<f64> {
    token("NUMBER", |t| match t.kind {
        Kind::Integer(n) => Some(n as f64),
        Kind::Float(n) => Some(n),
        _ => None,
    })(input)
}

/// The end of the query.
pub fn end(input: &mut Input<'_>) -> Parsed<()> {
    token("$end", |t| (t.kind == Kind::End).then_some(()))(input)
}

/// Fails for good with a message about the next token: nothing that is tried afterwards can hide it.
pub fn refuse<O>(input: &mut Input<'_>, message: impl Into<String>) -> Parsed<O> {
    let here = position(input);
    input.state.refusal.get_or_insert((Some(here), message.into()));
    Err(EmptyError)
}

/// Fails for good with a message about the query as a whole.
pub fn refuse_whole<O>(input: &mut Input<'_>, message: impl Into<String>) -> Parsed<O> {
    input.state.refusal.get_or_insert((None, message.into()));
    Err(EmptyError)
}

/// Fails for good: the demo does not have this.
pub fn unsupported<O>(input: &mut Input<'_>, what: &str) -> Parsed<O> {
    refuse(input, format!("the demo does not support {what}"))
}

/// A parser inside parentheses or the like; refuses queries that nest too deeply.
pub fn nested<'t, O>(input: &mut Input<'t>, parser: impl FnOnce(&mut Input<'t>) -> Parsed<O>) -> Parsed<O> {
    if input.state.depth >= MAX_DEPTH {
        return refuse(input, format!("the demo supports at most {MAX_DEPTH} nested parentheses"));
    }
    input.state.depth += 1;
    let out = parser(input);
    input.state.depth -= 1;
    out
}

/// Counts an operator; refuses queries with too many of them.
pub fn operator(input: &mut Input<'_>) -> Parsed<()> {
    input.state.operators += 1;
    if input.state.operators > MAX_OPERATORS {
        return refuse(input, format!("the demo supports at most {MAX_OPERATORS} operators"));
    }
    Ok(())
}

/// The next token, without taking it.
pub fn peek<'i>(input: &'i Input<'_>) -> Option<&'i Token> {
    input.input.first()
}

/// The token after the next one.
pub fn peek_second<'i>(input: &'i Input<'_>) -> Option<&'i Token> {
    input.input.get(1)
}

/// Whether the next token is this keyword or punctuation.
pub fn next_is(input: &Input<'_>, what: &str) -> bool {
    peek(input).is_some_and(|t| matches!(t.kind, Kind::Symbol(s) | Kind::Keyword(s) if s == what))
}

#[cfg(test)]
mod tests;
