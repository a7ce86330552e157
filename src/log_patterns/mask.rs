//! What varies in a message, masked: of the lines that one statement writes the most are alike then.

/// What stands for anything, as in the paper of Drain.
pub const WILDCARD: &str = "<*>";
/// Words of a message that count; what follows is not told apart.
pub const MAX_TOKENS: usize = 128;
/// Longer pieces without a vowel's rhythm of words are keys and ids.
const LONG: usize = 20;

/// Writes the message's words with one space between them, and a wildcard for each number, id, address and time.
pub fn mask(message: &str, out: &mut String) {
    out.clear();
    for (i, word) in message.split_whitespace().take(MAX_TOKENS).enumerate() {
        if i > 0 {
            out.push(' ');
        }
        mask_word(word, out);
    }
}

/// Pieces between delimiters are masked each on its own: `order=12,` is `order=<*>,`.
fn mask_word(word: &str, out: &mut String) {
    let begin = out.len();
    let mut rest = word;
    while let Some(at) = rest.find(is_delimiter) {
        mask_piece(&rest[..at], begin, out);
        let after = at + rest[at..].chars().next().map_or(1, char::len_utf8);
        out.push_str(&rest[at..after]);
        rest = &rest[after..];
    }
    mask_piece(rest, begin, out);
}

fn mask_piece(piece: &str, begin: usize, out: &mut String) {
    if !is_variable(piece) {
        out.push_str(piece);
        return;
    }
    // A time, an address with its port and a list of numbers are one wildcard, however long.
    let joins = |c: char| matches!(c, ':' | ',' | '/');
    let is_joined = out[begin..].strip_suffix(joins).is_some_and(|before| before.ends_with(WILDCARD));
    if is_joined {
        out.pop();
    } else {
        out.push_str(WILDCARD);
    }
}

const fn is_delimiter(c: char) -> bool {
    matches!(c, '=' | ':' | ',' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '"' | '\'' | '`' | '/' | '|' | '@' | '?' | '&' | '#')
}

/// Whether a piece is something that another line of the same statement has otherwise.
fn is_variable(piece: &str) -> bool {
    let bytes = piece.as_bytes();
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        let is_hex = bytes.len() >= 16 && bytes.iter().all(u8::is_ascii_hexdigit);
        let mixes_cases = || bytes.iter().any(u8::is_ascii_lowercase) && bytes.iter().filter(|b| b.is_ascii_uppercase()).count() > 3;
        let is_key = || bytes.len() > LONG && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'_' | b'-')) && mixes_cases();
        return is_hex || is_key();
    }
    !is_name_with_number(bytes, digits)
}

/// `http2`, `sha256`, `p99`, `utf8`, `k8s`: a word.
fn is_name_with_number(bytes: &[u8], digits: usize) -> bool {
    bytes.len() <= 7 && digits <= 3 && bytes[0].is_ascii_alphabetic() && bytes.iter().all(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(message: &str) -> String {
        let mut out = String::new();
        mask(message, &mut out);
        out
    }

    #[test]
    fn what_varies_is_masked_and_words_stay() {
        for (message, expected) in [
            ("created order  order=74172404 items=5 took_ms=8160", "created order order=<*> items=<*> took_ms=<*>"),
            ("GET /orders/49513946/items 200 in 12.5ms", "GET /orders/<*>/items <*> in <*>"),
            ("dial tcp 10.0.3.17:5432: i/o timeout", "dial tcp <*>: i/o timeout"),
            ("at 2026-11-22T02:40:00.123Z failed", "at <*> failed"),
            ("request 7f9c2ba4-e88f-827d-616d-0a1b2c3d4e5f done", "request <*> done"),
            ("span deadbeefcafebabe of http2, sha256 and k8s", "span <*> of http2, sha256 and k8s"),
            ("ids [1,2,3,4]", "ids [<*>]"),
            ("user \"ana\" from pool", "user \"ana\" from pool"),
            ("größe über 5 €", "größe über <*> €"),
            ("", ""),
        ] {
            assert_eq!(masked(message), expected);
        }
    }
}
