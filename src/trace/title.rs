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
    let made = db.then(|| database(attributes)).flatten();
    let made = made.or_else(|| messaging.then(|| message(attributes, span.kind)).flatten());
    let made = made.or_else(|| rpc.then(|| call(attributes)).flatten());
    let made = made.or_else(|| (http && span.kind != SpanKind::Internal).then(|| request(attributes, &span.name)).flatten());
    made.unwrap_or_else(|| span.name.clone())
}

/// The first of these attributes that is a text.
fn first<'a>(attributes: &'a Attributes, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| attributes.text(name))
}

fn database(attributes: &Attributes) -> Option<CompactString> {
    if let Some(summary) = attributes.text("db.query.summary") {
        return Some(summary.into());
    }
    let statement = first(attributes, &["db.query.text", "db.statement"]).map(Statement::read).unwrap_or_default();
    let operation = first(attributes, &["db.operation.name", "db.operation"]).map(CompactString::from).or(statement.verb)?;
    let named = first(attributes, &["db.collection.name", "db.sql.table", "db.mongodb.collection", "db.cassandra.table"]);
    Some(match named.map(CompactString::from).or(statement.table) {
        Some(table) => format_compact!("{operation} {table}"),
        None => operation,
    })
}

/// What a database was told.
#[derive(Default)]
struct Statement {
    verb: Option<CompactString>,
    table: Option<CompactString>,
}

impl Statement {
    fn read(text: &str) -> Self {
        let text = match text.trim_start().strip_prefix("/*") {
            Some(rest) => rest.split_once("*/").map_or("", |(_, rest)| rest),
            None => text,
        };
        let mut words = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';')).filter(|w| !w.is_empty()).take(WORDS);
        let Some(verb) = words.next().filter(|w| w.len() <= 24 && w.bytes().all(|b| b.is_ascii_alphabetic())) else {
            return Self::default();
        };
        let verb = verb.to_ascii_uppercase();
        let table = match verb.as_str() {
            "UPDATE" => words.next(),
            "SELECT" | "DELETE" | "WITH" => after(words, "FROM"),
            "INSERT" | "REPLACE" | "MERGE" => after(words, "INTO"),
            "CREATE" | "ALTER" | "DROP" | "TRUNCATE" => after(words, "TABLE"),
            _ => None,
        };
        Self { verb: Some(verb.into()), table: table.and_then(name) }
    }
}

fn after<'a>(mut words: impl Iterator<Item = &'a str>, word: &str) -> Option<&'a str> {
    words.find(|w| w.eq_ignore_ascii_case(word))?;
    words.next()
}

/// A table's name without its quotes; nothing when it is none, as of a subquery.
fn name(word: &str) -> Option<CompactString> {
    let bare: CompactString = word.chars().filter(|c| !matches!(c, '"' | '`' | '[' | ']')).collect();
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '-');
    (!bare.is_empty() && bare.chars().all(is_name) && !bare.eq_ignore_ascii_case("select")).then_some(bare)
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
