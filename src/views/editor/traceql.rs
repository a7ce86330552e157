//! TraceQL as it is typed: its tokens, and what can be written where the cursor is.

use super::{
    context::What,
    lex::{Kind, Token, string},
    place::{Place, matcher_op},
    traceql_words as words,
};
use crate::model::labels::MatchOp;

/// The longer one first.
const OPERATORS: [&str; 31] = [
    "!>>", "!<<", "&>>", "&<<", "!>", "!<", "&>", "&<", "&~", "&&", "||", ">>", "<<", ">=", "<=", "!=", "=~", "!~", "=", ">", "<", "|",
    "~", "!", "+", "-", "*", "/", "%", "^", "&",
];

/// Whether a character may be part of an attribute's name.
fn is_name(c: char) -> bool {
    !c.is_whitespace() && !"{}()=~!<>&|^,\"`".contains(c)
}

/// The token that a text begins with, and its length.
pub(super) fn token(rest: &str, c: char) -> (Kind, usize) {
    match c {
        '"' | '`' => string(rest, c),
        '(' | '{' => (Kind::Open, 1),
        ')' | '}' => (Kind::Close, 1),
        ',' => (Kind::Comma, 1),
        _ if c.is_ascii_digit() => (Kind::Number, rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(rest.len())),
        _ if c.is_alphabetic() || matches!(c, '_' | '.') => (Kind::Name, name(rest)),
        _ => OPERATORS.iter().find(|op| rest.starts_with(**op)).map_or((Kind::Other, c.len_utf8()), |op| (Kind::Operator, op.len())),
    }
}

/// `span.http.route`, `.x`, `name`, `span."two words"`. Only what has a scope may have `-` and the like in it.
fn name(rest: &str) -> usize {
    let plain = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
    if !rest[plain..].starts_with('.') {
        return plain;
    }
    let mut end = plain;
    loop {
        end += rest[end..].find(|c| !is_name(c)).unwrap_or(rest.len() - end);
        // A part in quotes.
        if !(rest[..end].ends_with('.') && rest[end..].starts_with('"')) {
            return end;
        }
        end += string(&rest[end..], '"').1;
    }
}

/// What can be written at a place; `open` are the brackets that are open there.
pub(super) fn what(place: &Place<'_>, open: &[(usize, &str)]) -> What {
    let inner = open.iter().rposition(|(_, bracket)| *bracket == "{");
    match (open.last(), inner) {
        (_, Some(at)) => in_set(place, open[at].0),
        // The arguments of a stage; a bracket around sets of spans is none.
        (Some((at, _)), None) if is_stage(place, *at) => match place.previous() {
            Some(t) if matches!(t.kind, Kind::Open | Kind::Comma) => {
                What::Attribute { of: String::new(), compared: false, used: used(place, *at) }
            }
            _ => What::Nothing,
        },
        _ => between(place),
    }
}

fn is_stage(place: &Place<'_>, open: usize) -> bool {
    open.checked_sub(1).is_some_and(|i| words::stage(place.word(i)).is_some())
}

/// Attributes that are arguments already.
fn used(place: &Place<'_>, open: usize) -> Vec<String> {
    let inside = place.all[open + 1..].iter().take_while(|t| t.kind != Kind::Close);
    inside.filter(|t| t.kind == Kind::Name && Some(**t) != place.touched).map(|t| place.of(t).to_owned()).collect()
}

/// Around sets of spans.
fn between(place: &Place<'_>) -> What {
    if place.is_text() || place.is_number() {
        return What::Nothing;
    }
    let Some(previous) = place.previous() else { return What::Words(vec![words::SETS]) };
    match (previous.kind, place.of(previous)) {
        (Kind::Operator, "|") => What::Words(vec![words::STAGES, words::SETS]),
        (Kind::Operator, op) if words::BETWEEN.iter().any(|w| w.name == op) && follows_set(place) => What::Words(vec![words::SETS]),
        (Kind::Open, _) => What::Words(vec![words::SETS]),
        (Kind::Close, _) if ends_scalar(place) => What::Words(vec![words::COMPARISONS]),
        (Kind::Close | Kind::Number, _) => What::Words(vec![words::BETWEEN]),
        _ => What::Nothing,
    }
}

/// Whether the operator before stands after a set of spans, not after a number that a stage gave.
fn follows_set(place: &Place<'_>) -> bool {
    place.before.len() >= 2 && matches!(place.word(place.before.len() - 2), "}" | ")") && !ends_scalar_at(place, place.before.len() - 2)
}

fn ends_scalar(place: &Place<'_>) -> bool {
    ends_scalar_at(place, place.before.len() - 1)
}

/// Whether a bracket closes `count()` and the like, which are compared.
fn ends_scalar_at(place: &Place<'_>, close: usize) -> bool {
    let name = place.opening(close).checked_sub(1).map(|i| place.word(i));
    place.word(close) == ")" && name.is_some_and(|n| matches!(n, "count" | "avg" | "min" | "max" | "sum"))
}

/// Within braces that open at a place among the tokens.
fn in_set(place: &Place<'_>, open: usize) -> What {
    let of = others(place, open);
    let Some(last) = place.before.last() else { return What::Nothing };
    let word = place.of(last);
    let before = |n: usize| place.before.len().checked_sub(n).map(|i| place.word(i));
    match last.kind {
        _ if place.is_text() && !is_comparison(word) => What::Nothing,
        Kind::Open => attribute(of),
        Kind::Operator if matches!(word, "&&" | "||" | "!") => attribute(of),
        Kind::Operator if is_comparison(word) => match before(2) {
            Some("status" | "span:status") => What::Words(vec![words::STATUSES]),
            Some("kind" | "span:kind") => What::Words(vec![words::KINDS]),
            Some("duration" | "traceDuration" | "span:duration" | "trace:duration") => What::Words(vec![words::DURATIONS]),
            Some(name) => What::AttributeValue {
                attribute: name.to_owned(),
                of,
                op: matcher_op(word).unwrap_or(MatchOp::Equal),
                quote: place.quote(),
            },
            None => What::Nothing,
        },
        Kind::Name if before(2).is_some_and(is_comparison) => What::Words(vec![words::JOINS]),
        Kind::Name => What::Words(vec![words::COMPARISONS]),
        Kind::Text { .. } | Kind::Number | Kind::Close => What::Words(vec![words::JOINS]),
        _ => What::Nothing,
    }
}

fn attribute(of: String) -> What {
    What::Attribute { of, compared: true, used: Vec::new() }
}

fn is_comparison(op: &str) -> bool {
    words::COMPARISONS.iter().any(|w| w.name == op)
}

/// The whole conditions of the same braces but for the one at the cursor, where all of them have to be true.
fn others(place: &Place<'_>, open: usize) -> String {
    let rest = &place.all[open + 1..];
    let inside = &rest[..rest.iter().position(|t| place.of(t) == "}").unwrap_or(rest.len())];
    if inside.iter().any(|t| matches!(place.of(t), "||" | "(")) {
        return String::new();
    }
    let whole = inside.split(|t| place.of(t) == "&&").filter_map(|part| match part {
        [name, op, value]
            if is_comparison(place.of(op)) && is_value(value) && !(name.start <= place.cursor && place.cursor <= value.end) =>
        {
            Some(&place.text[name.start..value.end])
        }
        _ => None,
    });
    let whole: Vec<&str> = whole.collect();
    if whole.is_empty() { String::new() } else { format!("{{ {} }}", whole.join(" && ")) }
}

fn is_value(token: &Token) -> bool {
    matches!(token.kind, Kind::Text { closed: true } | Kind::Number | Kind::Name)
}

/// The attributes that a query asks to be told by `select()`, in their order.
pub(in crate::views) fn selected(text: &str) -> Vec<String> {
    let all = super::lex::tokens(text, crate::core::typed::Language::TraceQl);
    let begins = |i: usize| all[i].of(text) == "select" && all.get(i + 1).is_some_and(|t| t.of(text) == "(");
    let args = |i: usize| all[i + 2..].iter().take_while(|t| t.kind != Kind::Close);
    let mut out: Vec<String> = Vec::new();
    for name in (0..all.len()).filter(|i| begins(*i)).flat_map(args).filter(|t| t.kind == Kind::Name) {
        let name = name.of(text).to_owned();
        if !out.contains(&name) {
            out.push(name);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{
        super::{context::at_mark, lex::tokens},
        *,
    };
    use crate::core::typed::Language;

    fn shown(marked: &str) -> String {
        let found = at_mark(marked, Language::TraceQl).1;
        let what = match &found.what {
            What::Words(lists) => lists.iter().map(|w| w[0].name).collect::<Vec<_>>().join("+"),
            What::Attribute { of, compared, used } => {
                format!("{} of {of:?} without {used:?}", if *compared { "condition" } else { "argument" })
            }
            What::AttributeValue { attribute, of, op, quote } => {
                format!("value of {attribute} {} {of:?} {}", op.as_str(), quote.map_or("bare".to_owned(), String::from))
            }
            What::Nothing => "nothing".to_owned(),
            other => format!("{other:?}"),
        };
        format!("{what} <{}>", found.typed)
    }

    #[test]
    fn the_place_decides_what_can_be_written() {
        for (marked, expected) in [
            ("‸", "{ <>"),
            ("{‸", "condition of \"\" without [] <>"),
            ("{ span.ht‸", "condition of \"\" without [] <span.ht>"),
            ("{ na‸ }", "condition of \"\" without [] <na>"),
            ("{ name ‸", "= <>"),
            ("{ name!‸", "= <!>"),
            ("{ status = ‸", "error <>"),
            ("{ status=er‸", "error <er>"),
            ("{ kind = ‸", "server <>"),
            ("{ duration > ‸", "10ms <>"),
            ("{ duration > 1‸", "10ms <1>"),
            ("{ status=error ‸", "&& <>"),
            ("{ span.a.b=‸", "value of span.a.b = \"\" bare <>"),
            ("{ span.a.b=\"x‸\" }", "value of span.a.b = \"\" \" <\"x>"),
            ("{ span.code >= 5‸", "value of span.code = \"\" bare <5>"),
            ("{ resource.service.name=\"a\" && span.b=~\"‸", "value of span.b =~ \"{ resource.service.name=\\\"a\\\" }\" \" <\">"),
            ("{ status=error && ‸ }", "condition of \"{ status=error }\" without [] <>"),
            ("{ a=\"1\" || ‸ }", "condition of \"\" without [] <>"),
            ("{ (.a=1 && ‸", "condition of \"\" without [] <>"),
            ("{ .a=\"x\" ‸", "&& <>"),
            ("{ } ‸", "| <>"),
            ("{ } >> ‸", "{ <>"),
            ("({ } && ‸", "{ <>"),
            ("{ } | ‸", "select+{ <>"),
            ("{ } | sel‸", "select+{ <sel>"),
            ("{ } | select(‸", "argument of \"\" without [] <>"),
            ("{ } | select(span.a, re‸)", "argument of \"\" without [\"span.a\"] <re>"),
            ("{ } | count() ‸", "= <>"),
            ("{ } | count() > ‸", "nothing <>"),
            ("{ } | count() > 2 ‸", "| <>"),
            ("{ span.\"two w‸", "condition of \"\" without [] <span.\"two w>"),
            ("{ name=\"a‸", "value of name = \"\" \" <\"a>"),
        ] {
            assert_eq!(shown(marked), expected, "{marked}");
        }
    }

    #[test]
    fn names_of_attributes_are_one_token_and_others_end_at_operators() {
        let cut = |text: &str| tokens(text, Language::TraceQl).iter().map(|t| t.of(text).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            cut("{span.a-b/c=\"x\"&&.d>1.5ms}|by(span.\"two words\".x)"),
            ["{", "span.a-b/c", "=", "\"x\"", "&&", ".d", ">", "1.5ms", "}", "|", "by", "(", "span.\"two words\".x", ")"]
        );
        assert_eq!(
            cut("{}!>>{span:name=`a`}&>>{a-b}"),
            ["{", "}", "!>>", "{", "span:name", "=", "`a`", "}", "&>>", "{", "a", "-", "b", "}"]
        );
    }

    #[test]
    fn what_a_query_selects_is_known() {
        assert_eq!(selected("{ } | select(span.a, .b) | select(span.a, name)"), ["span.a", ".b", "name"]);
        assert_eq!(selected("{ .select = 1 } | count() > 1"), Vec::<String>::new());
        assert_eq!(selected("{ } | select("), Vec::<String>::new());
    }
}
