//! What a span does in a few words, by OpenTelemetry's semantic conventions, in their present names and those before.

use compact_str::{CompactString, ToCompactString, format_compact};

use crate::model::trace::{Attributes, Span, SpanKind};

/// So many words of a statement are looked at.
const WORDS: usize = 500;

/// `SELECT orders`, `publish orders-queue`, `OrderService/Place`, `POST /pay`; the span's own name when it is nothing of that
/// kind, or does not tell enough. What differs from call to call (ids in paths, values of statements) is left out, so that
/// spans of one title are alike.
pub fn title(span: &Span) -> CompactString {
    let (mut db, mut messaging, mut rpc, mut http) = (false, false, false, false);
    for (name, _) in span.attributes.iter() {
        match name.split('.').next() {
            Some("db") => db = true,
            Some("messaging") => messaging = true,
            Some("rpc") => rpc = true,
            Some("http") => http = true,
            _ => {}
        }
    }
    let attributes = &span.attributes;
    let made = db.then(|| database(attributes, &span.name)).flatten();
    let made = made.or_else(|| messaging.then(|| message(attributes, span.kind)).flatten());
    let made = made.or_else(|| rpc.then(|| call(attributes)).flatten());
    let made = made.or_else(|| (http && span.kind != SpanKind::Internal).then(|| request(attributes, &span.name)).flatten());
    made.unwrap_or_else(|| span.name.clone())
}

/// The first of these attributes that is a text.
fn first<'a>(attributes: &'a Attributes, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| attributes.text(name))
}

fn database(attributes: &Attributes, name: &str) -> Option<CompactString> {
    let summary = attributes.text("db.query.summary").filter(|summary| !summary.is_empty());
    if let Some(summary) = summary.filter(|summary| summary.contains(' ')) {
        return Some(summary.into());
    }
    let statement = first(attributes, &["db.query.text", "db.statement"]).map(Statement::read).unwrap_or_default();
    let named = first(attributes, &["db.collection.name", "db.sql.table", "db.mongodb.collection", "db.cassandra.table"]);
    let table = named.filter(|named| !named.is_empty()).map(CompactString::from).or(statement.table);
    let told = summary.or(first(attributes, &["db.operation.name", "db.operation"])).map(CompactString::from).or(statement.verb);
    // A span may be named by what is done, and tell in its attributes only to what.
    let operation = told.or_else(|| table.is_some().then(|| verb(name)).flatten())?;
    match table {
        Some(table) => Some(format_compact!("{operation} {table}")),
        None if names_target(name, &operation) => Some(name.into()),
        None => Some(operation),
    }
}

/// Whether a span's name is an operation and what it is done to, and no key or id that differs from call to call.
fn names_target(name: &str, operation: &str) -> bool {
    let Some((first, target)) = name.split_once(' ') else { return false };
    first.eq_ignore_ascii_case(operation) && bare(target).is_some() && !target.bytes().any(|b| b.is_ascii_digit())
}

/// A word that may be the verb of a statement, as it is written there.
fn verb(word: &str) -> Option<CompactString> {
    (!word.is_empty() && word.len() <= 24 && word.bytes().all(|b| b.is_ascii_alphabetic())).then(|| word.into())
}

/// What a database was told.
#[derive(Default)]
struct Statement {
    verb: Option<CompactString>,
    table: Option<CompactString>,
}

impl Statement {
    fn read(text: &str) -> Self {
        let mut words = Words { rest: without_comments(text), depth: 0 }.take(WORDS);
        let Some((first, depth)) = words.find(|(word, _)| *word != "(") else { return Self::default() };
        let Some(verb) = verb(first).map(|verb| verb.to_ascii_uppercase()) else { return Self::default() };
        let before = match verb.as_str() {
            "UPDATE" => Some(""),
            "SELECT" | "DELETE" | "WITH" => Some("FROM"),
            "INSERT" | "REPLACE" | "MERGE" => Some("INTO"),
            "CREATE" | "ALTER" | "DROP" | "TRUNCATE" => Some("TABLE"),
            _ => None,
        };
        // What a `WITH` names for itself is no table: that of its first query is.
        let outer = (verb != "WITH").then_some(depth);
        let table = before.and_then(|before| table(words, before, outer));
        Self { verb: Some(verb), table }
    }
}

/// Words of a statement with the depth of parentheses that they are in; a parenthesis that opens is one as well.
struct Words<'a> {
    rest: &'a str,
    depth: u32,
}

impl<'a> Iterator for Words<'a> {
    type Item = (&'a str, u32);

    fn next(&mut self) -> Option<Self::Item> {
        let is_end = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';');
        loop {
            let first = self.rest.chars().next()?;
            let end = if is_end(first) { first.len_utf8() } else { self.rest.find(is_end).unwrap_or(self.rest.len()) };
            let (word, rest) = self.rest.split_at(end);
            self.rest = rest;
            match first {
                '(' => self.depth += 1,
                ')' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            if first == '(' || !is_end(first) {
                return Some((word, self.depth));
            }
        }
    }
}

/// The table behind a word of the statement itself, at the depth `outer`, else of the first query within it: `FROM` is a word of
/// functions as well.
fn table<'a>(words: impl Iterator<Item = (&'a str, u32)>, before: &str, outer: Option<u32>) -> Option<CompactString> {
    const BETWEEN: [&str; 9] = ["IF", "NOT", "EXISTS", "ONLY", "LATERAL", "TABLE", "IGNORE", "LOW_PRIORITY", "OR"];
    let is = |word: &str, other: &str| word.eq_ignore_ascii_case(other);
    let (mut query, mut behind, mut within) = (outer.unwrap_or_default(), before.is_empty(), None);
    for (word, depth) in words {
        if behind && BETWEEN.iter().any(|between| is(word, between)) {
            continue;
        }
        if behind && word != "(" {
            if outer.is_none_or(|outer| outer == depth) {
                return bare(word);
            }
            within = within.or_else(|| bare(word));
        }
        if is(word, "SELECT") {
            query = depth;
        }
        behind = (depth == query || Some(depth) == outer) && is(word, before);
    }
    within
}

fn without_comments(text: &str) -> &str {
    let mut text = text.trim_start();
    loop {
        let (end, rest) = match text {
            _ if text.starts_with("/*") => ("*/", &text[2..]),
            _ if text.starts_with("--") => ("\n", &text[2..]),
            _ => return text,
        };
        text = rest.split_once(end).map_or("", |(_, rest)| rest.trim_start());
    }
}

/// A table's name without its quotes; nothing when it is none.
fn bare(word: &str) -> Option<CompactString> {
    let bare: CompactString = word.chars().filter(|c| !matches!(c, '"' | '`' | '[' | ']')).collect();
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '-');
    (!bare.is_empty() && bare.chars().all(is_name)).then_some(bare)
}

fn message(attributes: &Attributes, kind: SpanKind) -> Option<CompactString> {
    let told = ["messaging.operation.name", "messaging.operation.type", "messaging.operation"];
    let operation = first(attributes, &told).or(match kind {
        SpanKind::Producer => Some("send"),
        SpanKind::Consumer => Some("process"),
        _ => None,
    })?;
    let anonymous = ["messaging.destination.anonymous", "messaging.destination.temporary"];
    let nameless = anonymous.iter().any(|name| attributes.get(name).is_some_and(|v| v.to_compact_string() == "true"));
    let names = ["messaging.destination.template", "messaging.destination.name", "messaging.destination", "messaging.source.name"];
    let destination = if nameless { attributes.text(names[0]).or(Some("(anonymous)")) } else { first(attributes, &names) }?;
    Some(format_compact!("{operation} {destination}"))
}

fn call(attributes: &Attributes) -> Option<CompactString> {
    let method = attributes.text("rpc.method").filter(|m| *m != "_OTHER")?;
    let (service, method) = match method.rsplit_once('/') {
        Some((service, method)) => (Some(service), method),
        None => (attributes.text("rpc.service"), method),
    };
    Some(match service {
        Some(service) => format_compact!("{}/{method}", without_package(service)),
        None => method.into(),
    })
}

/// `v1.OrderService` of `shop.orders.v1.OrderService`: a version tells two services apart, their package hardly ever.
fn without_package(service: &str) -> &str {
    let service = service.trim_start_matches('/');
    let Some(dot) = service.rfind('.') else { return service };
    let before = service[..dot].rfind('.').map_or(0, |d| d + 1);
    let part = &service[before..dot];
    let is_version = part.strip_prefix('v').is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()));
    if is_version { &service[before..] } else { &service[dot + 1..] }
}

fn request(attributes: &Attributes, name: &str) -> Option<CompactString> {
    let method = match first(attributes, &["http.request.method", "http.method"])? {
        "_OTHER" => attributes.text("http.request.method_original").unwrap_or("HTTP"),
        method => method,
    };
    if let Some(route) = first(attributes, &["http.route", "url.template"]) {
        return Some(format_compact!("{method} {route}"));
    }
    // A name with a path is the route already.
    if name.strip_prefix(method).is_some_and(|rest| rest.trim_start().starts_with('/')) {
        return Some(name.into());
    }
    let path =
        first(attributes, &["url.path", "http.target"]).or_else(|| first(attributes, &["url.full", "http.url"]).and_then(path_of))?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut title = format_compact!("{method} ");
    for (i, segment) in path.split('/').enumerate() {
        if i > 0 {
            title.push('/');
        }
        title.push_str(if is_id(segment) { "{id}" } else { segment });
    }
    Some(title)
}

/// The path of `https://host:port/path`.
fn path_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    Some(rest.find('/').map_or("/", |at| &rest[at..]))
}

/// Whether a part of a path is a number, a UUID, a hash or a token.
fn is_id(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let hex = segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let token = segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    digits > 0 && (digits == segment.len() || (hex && segment.len() >= 8) || (token && segment.len() >= 16 && digits >= 3))
}
