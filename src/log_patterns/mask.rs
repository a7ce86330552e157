//! What varies in a text, masked: of the lines that one statement writes the most are alike then.

use super::object;

/// What stands for anything, as in the paper of Drain.
pub const WILDCARD: &str = "<*>";
/// Words of a text that count; what follows is not told apart.
const MAX_WORDS: usize = 64;
/// Bytes of what is left of a text at the most, but for its last word.
const MAX_BYTES: usize = 400;
/// Fields whose values are not masked whole: they say what happened.
const CAUSES: [&str; 12] = [
    "error",
    "err",
    "exception",
    "exc",
    "reason",
    "cause",
    "error.message",
    "error.type",
    "exception.type",
    "exception.message",
    "panic",
    "detail",
];

/// Whether the value of a field says what happened.
pub fn is_cause(name: &str) -> bool {
    CAUSES.iter().any(|n| n.eq_ignore_ascii_case(name))
}

/// Adds the words of a text with one space before each, and a wildcard for each number, id, address, time, value of a
/// pair and quoted text. Returns the number of words.
pub fn mask(text: &str, out: &mut String) -> usize {
    let begin = out.len();
    let mut words = 0;
    let mut rest = text.trim_start();
    while !rest.is_empty() && words < MAX_WORDS && out.len() - begin < MAX_BYTES {
        if !out.is_empty() {
            out.push(' ');
        }
        rest = Word { begin: out.len(), out }.take(rest).trim_start();
        words += 1;
    }
    words
}

/// A word that is being masked.
struct Word<'o> {
    out: &'o mut String,
    /// Where it begins.
    begin: usize,
}

impl Word<'_> {
    /// Masks the first word; pieces between delimiters each on their own: `[12]` is `[<*>]`. Returns what follows it.
    fn take<'t>(&mut self, text: &'t str) -> &'t str {
        let mut rest = text;
        loop {
            let end = rest.bytes().position(is_end_of_piece).unwrap_or(rest.len());
            let (piece, after) = rest.split_at(end);
            let Some(delimiter) = after.bytes().next().filter(|b| !b.is_ascii_whitespace()) else {
                self.piece(piece);
                return after;
            };
            rest = match delimiter {
                b'=' if is_name(piece) => self.pair(piece, &after[1..]),
                b'"' | b'`' | b'\'' if piece.is_empty() => self.quoted(after, char::from(delimiter)),
                b':' if piece.bytes().all(|b| b.is_ascii_hexdigit()) => self.address(piece, rest, after),
                b'{' if after.starts_with("{\"") => {
                    self.piece(piece);
                    self.out.push_str("{<*>}");
                    object::after_value(after)
                }
                delimiter => {
                    self.piece(piece);
                    self.out.push(char::from(delimiter));
                    &after[1..]
                }
            };
        }
    }

    fn piece(&mut self, piece: &str) {
        if !is_variable(piece) {
            self.out.push_str(piece);
            return;
        }
        // A time, an address with its port and a list of numbers are one wildcard, however long.
        let before = self.out[self.begin..].strip_suffix([':', ',', '/']);
        if before.is_some_and(|before| before.ends_with(WILDCARD)) {
            self.out.pop();
        } else {
            self.out.push_str(WILDCARD);
        }
    }

    /// `name=` was read: its value is masked, whatever it is.
    fn pair<'t>(&mut self, name: &str, value: &'t str) -> &'t str {
        self.out.push_str(name);
        self.out.push('=');
        let (inner, after) = value_of(value);
        if inner.is_empty() {
            return after;
        }
        if is_cause(name) && !inner.starts_with(['{', '[']) {
            let mut words = inner.split_ascii_whitespace().take(MAX_WORDS / 2);
            if let Some(first) = words.next() {
                self.out.push_str(first_masked(first).as_str());
            }
            for word in words {
                self.out.push(' ');
                self.out.push_str(first_masked(word).as_str());
            }
        } else {
            self.out.push_str(WILDCARD);
        }
        after
    }

    /// A quoted text; the request of an access log is a text like others, and so is what is not closed.
    fn quoted<'t>(&mut self, text: &'t str, quote: char) -> &'t str {
        self.out.push(quote);
        let open = &text[1..];
        let Some(end) = closing(open, quote) else { return open };
        let (inner, after) = (&open[..end], &open[end + 1..]);
        let is_apostrophe = quote == '\'' && after.starts_with(|c: char| c.is_alphanumeric());
        if is_apostrophe || is_request(inner) {
            return open;
        }
        self.out.push_str(WILDCARD);
        self.out.push(quote);
        after
    }

    /// `fe80::1` and `00:1b:44:11:3a:b7` are one wildcard.
    fn address<'t>(&mut self, piece: &str, rest: &'t str, after: &'t str) -> &'t str {
        let end = rest.bytes().position(|b| !b.is_ascii_hexdigit() && b != b':').unwrap_or(rest.len());
        let run = &rest[..end];
        let colons = run.bytes().filter(|b| *b == b':').count();
        let ends_here = rest[end..].chars().next().is_none_or(|c| !c.is_alphanumeric());
        if ends_here && run.bytes().any(|b| b.is_ascii_digit()) && (colons >= 5 || (colons >= 2 && run.contains("::"))) {
            self.out.push_str(WILDCARD);
            return &rest[end..];
        }
        self.piece(piece);
        self.out.push(':');
        &after[1..]
    }
}

fn first_masked(word: &str) -> String {
    let mut out = String::new();
    Word { begin: 0, out: &mut out }.take(word);
    out
}

/// The value of a pair without its quotes, and what follows it.
pub fn value_of(text: &str) -> (&str, &str) {
    if let Some(quoted) = text.strip_prefix('"')
        && let Some(end) = closing(quoted, '"')
    {
        return (&quoted[..end], &quoted[end + 1..]);
    }
    if text.starts_with("{\"") {
        let after = object::after_value(text);
        return (&text[..text.len() - after.len()], after);
    }
    let end = text.bytes().position(|b| b.is_ascii_whitespace() || matches!(b, b',' | b';' | b')' | b']' | b'}')).unwrap_or(text.len());
    text.split_at(end)
}

/// Where the quote is closed that is open.
fn closing(open: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    open.bytes().position(|b| {
        let is_end = !escaped && b == quote as u8;
        escaped = !escaped && b == b'\\';
        is_end
    })
}

fn is_request(text: &str) -> bool {
    const METHODS: [&str; 7] = ["GET ", "POST ", "PUT ", "DELETE ", "PATCH ", "HEAD ", "OPTIONS "];
    METHODS.iter().any(|m| text.starts_with(m))
}

const fn is_end_of_piece(b: u8) -> bool {
    b.is_ascii_whitespace()
        || matches!(
            b,
            b'=' | b':'
                | b','
                | b';'
                | b'('
                | b')'
                | b'['
                | b']'
                | b'{'
                | b'}'
                | b'<'
                | b'>'
                | b'"'
                | b'\''
                | b'`'
                | b'/'
                | b'|'
                | b'@'
                | b'?'
                | b'&'
                | b'#'
        )
}

/// Whether it can stand before the `=` of a pair.
pub fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '@')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-@/".contains(&b))
}

/// Whether a piece is something that another line of the same statement has otherwise.
fn is_variable(piece: &str) -> bool {
    let bytes = piece.as_bytes();
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        return bytes.len() >= 16 && bytes.iter().all(u8::is_ascii_hexdigit);
    }
    !is_word_with_number(bytes, digits)
}

/// `http2`, `sha256`, `p99`, `utf8`; `k8s` is one too.
fn is_word_with_number(bytes: &[u8], digits: usize) -> bool {
    const WORDS: [&[u8]; 6] = [b"k8s", b"i18n", b"l10n", b"e2e", b"p2p", b"h2c"];
    let letters = bytes.len() - digits;
    (bytes.len() <= 7 && digits <= 3 && letters > 0 && bytes[..letters].iter().all(u8::is_ascii_alphabetic)) || WORDS.contains(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut out = String::new();
        mask(text, &mut out);
        out
    }

    #[test]
    fn what_varies_is_masked_and_words_stay() {
        for (text, expected) in [
            ("created order  order=74172404 items=5 took_ms=8160", "created order order=<*> items=<*> took_ms=<*>"),
            ("GET /orders/49513946/items 200 in 12.5ms", "GET /orders/<*>/items <*> in <*>"),
            ("dial tcp 10.0.3.17:5432: i/o timeout", "dial tcp <*>: i/o timeout"),
            ("at 2026-11-22T02:40:00.123Z failed", "at <*> failed"),
            ("request 7f9c2ba4-e88f-827d-616d-0a1b2c3d4e5f done", "request <*> done"),
            ("span deadbeefcafebabe of http2, sha256 and k8s", "span <*> of http2, sha256 and k8s"),
            ("ids [1,2,3,4]", "ids [<*>]"),
            ("user \"ana b\" from pool", "user \"<*>\" from pool"),
            ("cannot open 'a file' that isn't there", "cannot open '<*>' that isn't there"),
            (r#"10.0.0.1 - - "GET /a/17?x=1 HTTP/1.1" 200 "curl/8""#, r#"<*> - - "GET /a/<*>?x=<*> HTTP/<*>" <*> "<*>""#),
            ("from fe80::1 and 00:1b:44:11:3a:b7 at 12:00:01", "from <*> and <*> at <*>"),
            (r#"sent {"code":5,"in":{"a":"}"}} to pod k2vq"#, "sent {<*>} to pod <*>"),
            (r#"failed pool=orders err="no route to 10.0.0.1" user="ana b""#, "failed pool=<*> err=no route to <*> user=<*>"),
            ("java.sql.SQLTransientConnectionException: orders-pool", "java.sql.SQLTransientConnectionException: orders-pool"),
            ("größe über 5 €", "größe über <*> €"),
            ("a = b, \"open", "a = b, \"open"),
            ("", ""),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn a_line_of_a_megabyte_is_cut() {
        assert!(masked(&"word ".repeat(200_000)).len() < MAX_BYTES + 10);
        let one = masked(&"w".repeat(1 << 20));
        assert_eq!(one.len(), 1 << 20, "the form bounds what it hands over");
    }
}
