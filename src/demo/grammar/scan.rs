//! From text to tokens, as Go's `text/scanner` and the lexers of Loki and Tempo cut it.

use winnow::{
    Parser, Result as Parsed,
    ascii::{digit1, multispace0},
    combinator::{alt, opt},
    error::EmptyError,
    token::{any, one_of, take_till, take_while},
};

use super::{Kind, ParseError, Token, literal};

/// What differs between the two languages.
pub struct Dialect {
    /// Punctuation, longer ones first.
    pub symbols: &'static [&'static str],
    /// Words with a meaning of their own.
    pub keywords: &'static [&'static str],
    /// Words with a meaning only before `(`, `by` or `without`.
    pub functions: &'static [&'static str],
    /// Scopes of attributes, each with its separator: `resource.`, `span.`, `.`.
    pub scopes: &'static [&'static str],
    /// Names with a colon that are one word: `trace:id`.
    pub scoped_words: &'static [&'static str],
    /// Whether `1KB`, `[5m]`, `--flags` and `# comments` exist.
    pub loki: bool,
}

/// Cuts a query into tokens; the last one is [`Kind::End`].
///
/// # Errors
/// A literal that does not end or holds a bad escape.
pub fn scan(query: &str, dialect: &Dialect) -> Result<Vec<Token>, ParseError> {
    let (mut tokens, mut rest) = (Vec::new(), query);
    let (mut line, mut column) = (1u32, 1u32);
    loop {
        let blank = skip_blank(&mut rest, dialect);
        advance(blank, &mut line, &mut column);
        let start = rest;
        let ranged = dialect.loki && start.starts_with('[');
        // Loki's lexer forgets the line while it reads a range.
        let at = |message: String| ParseError { line: if ranged { 0 } else { line }, column, message };
        let kind = one(&mut rest, dialect).map_err(at)?;
        let taken = &start[..start.len() - rest.len()];
        let last = kind == Kind::End;
        tokens.push(Token { kind, text: taken.to_owned(), line, column });
        if last {
            return Ok(tokens);
        }
        advance(taken, &mut line, &mut column);
    }
}

fn advance(text: &str, line: &mut u32, column: &mut u32) {
    for c in text.chars() {
        if c == '\n' {
            *line += 1;
            *column = 1;
        } else {
            *column += 1;
        }
    }
}

fn skip_blank<'q>(rest: &mut &'q str, dialect: &Dialect) -> &'q str {
    let start = *rest;
    loop {
        let before = rest.len();
        *rest = rest.trim_start();
        if dialect.loki && rest.starts_with('#') {
            *rest = rest.find('\n').map_or("", |i| &rest[i..]);
        }
        if rest.len() == before {
            return &start[..start.len() - rest.len()];
        }
    }
}

fn one(rest: &mut &str, dialect: &Dialect) -> Result<Kind, String> {
    let Some(first) = rest.chars().next() else { return Ok(Kind::End) };
    if first == '"' || first == '`' {
        let literal = quoted.parse_next(rest).map_err(|_| "literal not terminated".to_owned())?;
        return literal::unquote(literal).map(Kind::Text).ok_or_else(|| "invalid char escape".to_owned());
    }
    if dialect.loki && first == '[' {
        return range(rest);
    }
    if let Ok(attribute) = attribute(rest, dialect) {
        return Ok(attribute);
    }
    if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
        return number(rest, dialect).map_err(str::to_owned);
    }
    if dialect.loki && rest.starts_with("--") {
        let flag: Parsed<&str, EmptyError> = alt(("--strict", "--keep-empty")).parse_next(rest);
        if flag.is_ok() {
            return Ok(Kind::Flag);
        }
    }
    if first == '_' || first.is_alphabetic() {
        return Ok(word(rest, dialect));
    }
    if let Some(symbol) = dialect.symbols.iter().find(|s| rest.starts_with(**s)) {
        *rest = &rest[symbol.len()..];
        return Ok(Kind::Symbol(symbol));
    }
    let _: Parsed<char, EmptyError> = any.parse_next(rest);
    Ok(Kind::Unknown(first))
}

/// A literal with its quotes.
fn quoted<'q>(rest: &mut &'q str) -> Parsed<&'q str, EmptyError> {
    let mut raw = ('`', take_till(0.., '`'), '`').take();
    raw.parse_next(rest).or_else(|EmptyError| {
        let start = *rest;
        '"'.parse_next(rest)?;
        loop {
            match any.parse_next(rest)? {
                '"' => return Ok(&start[..start.len() - rest.len()]),
                '\n' => return Err(EmptyError),
                '\\' => any.void().parse_next(rest)?,
                _ => {}
            }
        }
    })
}

fn range(rest: &mut &str) -> Result<Kind, String> {
    let inner: Parsed<(char, &str, char), EmptyError> = ('[', take_till(0.., ']'), ']').parse_next(rest);
    let (_, inner, _) = inner.map_err(|_| "missing closing ']' in duration".to_owned())?;
    literal::prometheus_duration(inner).map(Kind::Range).ok_or_else(|| {
        let unit = inner.trim_start_matches(|c: char| c.is_ascii_digit());
        match (inner, unit) {
            ("", _) => "empty duration string".to_owned(),
            (_, unit) if unit.len() < inner.len() && !unit.is_empty() && unit.chars().all(char::is_alphabetic) => {
                format!("unknown unit {unit:?} in duration {inner:?}")
            }
            _ => format!("not a valid duration string: {inner:?}"),
        }
    })
}

fn number(rest: &mut &str, dialect: &Dialect) -> Result<Kind, &'static str> {
    let start = *rest;
    let fraction = (opt(('.', take_while(0.., '0'..='9'))).void(), opt((one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1)).void());
    let digits: Parsed<&str, EmptyError> = (take_while(0.., '0'..='9'), fraction).take().parse_next(rest);
    let digits = digits.map_err(|_| "invalid number")?;
    for (units, of) in [("nuµmshdwy.", 'd'), ("BikKMGTP.", 'b')] {
        let mut longer = &start[digits.len()..];
        let tail: Parsed<&str, EmptyError> = take_while(0.., |c: char| c.is_ascii_digit() || units.contains(c)).parse_next(&mut longer);
        let text = &start[..start.len() - longer.len()];
        let kind = match (tail, of) {
            (Ok(""), _) => None,
            (_, 'd') => literal::duration(text).map(Kind::Duration),
            (_, _) if dialect.loki => literal::bytes(text).map(Kind::Bytes),
            _ => None,
        };
        if let Some(kind) = kind {
            *rest = longer;
            return Ok(kind);
        }
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return digits.parse().map(Kind::Integer).or_else(|_| digits.parse().map(Kind::Float)).map_err(|_| "invalid number");
    }
    digits.parse().map(Kind::Float).map_err(|_| "invalid number")
}

/// `resource.service.name`, `.foo`, `span."with space"`, `parent.span.x`.
fn attribute(rest: &mut &str, dialect: &Dialect) -> Parsed<Kind, EmptyError> {
    let mut text = *rest;
    let mut parent = false;
    let mut scope: Option<&'static str> = None;
    if let Some(after) = text.strip_prefix("parent.").filter(|_| !dialect.scopes.is_empty()) {
        (parent, scope, text) = (true, Some(""), after);
    }
    if let Some(found) = dialect.scopes.iter().find(|s| text.starts_with(**s)).filter(|s| !parent || **s != ".") {
        (scope, text) = (Some(found.trim_end_matches('.')), &text[found.len()..]);
    }
    let scope = scope.ok_or(EmptyError)?;
    let mut name = String::new();
    while let Some(c) = text.chars().next().filter(|c| is_attribute_char(*c)) {
        if c == '"' {
            let literal = quoted.parse_next(&mut text)?;
            name.push_str(&literal::unquote(literal).ok_or(EmptyError)?);
        } else {
            name.push(c);
            text = &text[c.len_utf8()..];
        }
    }
    if name.is_empty() || (scope.is_empty() && !parent && name.starts_with(|c: char| c.is_ascii_digit())) {
        return Err(EmptyError);
    }
    *rest = text;
    Ok(Kind::Attribute { parent, scope, name })
}

fn is_attribute_char(c: char) -> bool {
    !c.is_whitespace() && !"{}()=~!<>&|^,".contains(c)
}

fn word(rest: &mut &str, dialect: &Dialect) -> Kind {
    if let Some(found) = dialect.scoped_words.iter().find(|w| rest.starts_with(**w)) {
        *rest = &rest[found.len()..];
        return Kind::Keyword(found);
    }
    let taken: Parsed<&str, EmptyError> = take_while(1.., |c: char| c == '_' || c.is_alphanumeric()).parse_next(rest);
    let name = taken.unwrap_or_default();
    // Loki's keywords may be written in any case, Tempo's may not.
    let same = |k: &&&'static str| if dialect.loki { k.eq_ignore_ascii_case(name) } else { **k == name };
    if let Some(keyword) = dialect.keywords.iter().find(same) {
        return Kind::Keyword(keyword);
    }
    match dialect.functions.iter().find(same) {
        Some(function) if starts_call(rest) => Kind::Keyword(function),
        _ => Kind::Word,
    }
}

/// Whether `(`, `by (` or `without (` follows.
fn starts_call(rest: &str) -> bool {
    let mut ahead = rest;
    let grouping = opt((alt(("by", "without")), multispace0::<&str, EmptyError>));
    (multispace0, grouping, '(').void().parse_next(&mut ahead).is_ok()
}
