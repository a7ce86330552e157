//! What can be written where the cursor is.

use super::{
    lex::{Kind, Token},
    logql::Pipeline,
    place::Place,
    words,
};
use crate::{core::typed::Language, model::labels::MatchOp};

/// What completion is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A metric, a function or an aggregation.
    Operand,
    /// One of some words.
    Words(Vec<&'static [words::Word]>),
    /// A label of what a selector matches: of a matcher, or for grouping.
    Label {
        /// The selector; empty means all series.
        selector: String,
        /// Whether a comparison follows it.
        matcher: bool,
        /// Written already.
        used: Vec<String>,
    },
    /// A name in quotes within braces: a metric, where there is none yet, or a label.
    QuotedName {
        /// As of `Label`.
        selector: String,
    },
    /// A label's value.
    Value {
        /// The label.
        label: String,
        /// The other matchers.
        selector: String,
        /// How it is compared.
        op: MatchOp,
        /// The quote that it begins with, if it was written.
        quote: Option<char>,
    },
    /// A field of LogQL's pipelines: a label of the stream, structured metadata, or what a parser finds.
    Field {
        /// The selector of the lines; empty means all streams.
        of: String,
        /// Words that may stand there too.
        words: Vec<&'static [words::Word]>,
        /// Written already.
        used: Vec<String>,
    },
    /// A field's value.
    FieldValue {
        /// The field.
        field: String,
        /// As of `Field`.
        of: String,
        /// How it is compared.
        op: MatchOp,
        /// The quote that it begins with, if it was written.
        quote: Option<char>,
    },
    /// An attribute or an intrinsic of spans, in TraceQL.
    Attribute {
        /// Conditions on the spans; empty means all.
        of: String,
        /// Whether a comparison follows it.
        compared: bool,
        /// Written already.
        used: Vec<String>,
    },
    /// An attribute's value.
    AttributeValue {
        /// The attribute with its scope.
        attribute: String,
        /// As of `Attribute`.
        of: String,
        /// How it is compared.
        op: MatchOp,
        /// The quote that it begins with, if it was written.
        quote: Option<char>,
    },
    /// Nothing that can be known.
    Nothing,
}

impl What {
    /// How a value is compared, and the quote it begins with, where it is one.
    pub(super) fn value(&self) -> Option<(MatchOp, Option<char>)> {
        match self {
            Self::Value { op, quote, .. } | Self::FieldValue { op, quote, .. } | Self::AttributeValue { op, quote, .. } => {
                Some((*op, *quote))
            }
            _ => None,
        }
    }
}

/// Where the cursor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// What completion is about.
    pub what: What,
    /// The bytes that a completion takes the place of.
    pub from: usize,
    /// Their end.
    pub to: usize,
    /// What of it was typed so far.
    pub typed: String,
    /// The function, aggregation or stage whose arguments the cursor is among.
    pub call: Option<&'static words::Word>,
}

/// The context at a cursor, given in bytes, of a text with all its tokens.
pub fn context(text: &str, all: &[Token], cursor: usize, language: Language) -> Context {
    let cursor = cursor.min(text.len());
    let touched = all.iter().find(|t| t.start < cursor && is_word(t, text, cursor, language)).copied();
    let from = touched.map_or(cursor, |t| t.start);
    let before = &all[..all.partition_point(|t| t.end <= from)];
    if all.iter().any(|t| t.kind == Kind::Comment && t.start < cursor && cursor <= t.end) {
        return Context { what: What::Nothing, from: cursor, to: cursor, typed: String::new(), call: None };
    }
    let open = open_brackets(before, text);
    let place = Place { text, all, before, touched, cursor, language };
    let pipeline = match open.last() {
        Some((_, "{" | "[")) => None,
        _ if language == Language::LogQl => Pipeline::around(&place, &open.iter().map(|(at, _)| *at).collect::<Vec<_>>()),
        _ => None,
    };
    let what = match open.last() {
        _ if language == Language::TraceQl => super::traceql::what(&place, &open),
        Some(&(at, "{")) => place.in_braces(at),
        Some((_, "[")) => place.duration(),
        Some(&(at, _)) if at.checked_sub(1).is_some_and(|i| words::takes_labels(before[i].of(text))) => place.grouping(at),
        _ => pipeline.as_ref().map_or_else(|| place.in_expression(), |p| p.what(!open.is_empty())),
    };
    let of_bracket = |at: usize| words::callable(before[at.checked_sub(1)?].of(text), language);
    let call = || open.iter().rev().find(|(_, bracket)| *bracket == "(").and_then(|(at, _)| of_bracket(*at));
    let call = pipeline.and_then(|p| p.stage()).or_else(call);
    let to = touched.map_or(cursor, |t| t.end);
    Context { what, from, to, typed: text[from..cursor].to_owned(), call }
}

/// What a query takes series by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::views) struct Selector {
    /// As it is written.
    pub whole: String,
    /// Its metric alone; empty where it names none.
    pub metric: String,
}

/// The selectors of a text with all its tokens, each once.
pub(in crate::views) fn selectors(text: &str, all: &[Token]) -> Vec<Selector> {
    let place = Place { text, all, before: all, touched: None, cursor: usize::MAX, language: Language::PromQl };
    let metrics = place.metrics();
    let opens = |i: usize| all.get(i).is_some_and(|t| t.of(text) == "{");
    let mut out: Vec<Selector> = Vec::new();
    for i in 0..all.len() {
        let found = if metrics.binary_search(&i).is_ok() {
            let metric = all[i].of(text).to_owned();
            Selector { whole: if opens(i + 1) { place.selector(i + 1) } else { metric.clone() }, metric }
        } else if opens(i) && i.checked_sub(1).is_none_or(|before| metrics.binary_search(&before).is_err()) {
            // In quotes within the braces.
            let quoted = all.get(i + 1).filter(|t| matches!(t.kind, Kind::Text { .. }));
            let metric = quoted.map_or_else(String::new, |t| format!("{{{}}}", t.of(text)));
            Selector { whole: place.selector(i), metric }
        } else {
            continue;
        };
        if !out.contains(&found) {
            out.push(found);
        }
    }
    out
}

/// Whether the cursor is in a token or directly after it, and the token is one that more can be typed to.
fn is_word(token: &Token, text: &str, cursor: usize, language: Language) -> bool {
    match token.kind {
        Kind::Name | Kind::Number => cursor <= token.end,
        Kind::Text { closed } => cursor < token.end || (!closed && cursor <= token.end),
        Kind::Operator if language == Language::TraceQl => cursor <= token.end && token.of(text) == "!",
        Kind::Operator => cursor <= token.end && (token.of(text) == "!" || (language == Language::LogQl && token.of(text) == "|")),
        _ => false,
    }
}

/// The brackets that are open, by their place among the tokens.
fn open_brackets<'t>(before: &[Token], text: &'t str) -> Vec<(usize, &'t str)> {
    let mut open = Vec::new();
    for (i, token) in before.iter().enumerate() {
        match token.kind {
            Kind::Open => open.push((i, token.of(text))),
            Kind::Close => {
                open.pop();
            }
            _ => {}
        }
    }
    open
}

/// A text without the mark in it, and what can be written where it was.
#[cfg(test)]
pub(super) fn at_mark(marked: &str, language: Language) -> (String, Context) {
    let cursor = marked.find('‸').unwrap();
    let text = marked.replace('‸', "");
    let found = context(&text, &super::lex::tokens(&text, language), cursor, language);
    (text, found)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{lex::tokens, place::unquoted},
        *,
    };

    fn at(marked: &str) -> Context {
        at_mark(marked, Language::PromQl).1
    }

    fn shown(marked: &str) -> String {
        let found = at(marked);
        let what = match &found.what {
            What::Operand => "operand".to_owned(),
            What::Words(words) => words.iter().map(|w| w[0].name).collect::<Vec<_>>().join("+"),
            What::Label { selector, matcher, used } => {
                format!("{} of {selector:?} without {used:?}", if *matcher { "matcher" } else { "label" })
            }
            What::QuotedName { selector } => format!("quoted of {selector:?}"),
            What::Value { label, selector, op, quote } => {
                format!("value of {label} {} {selector:?} {}", op.as_str(), quote.map_or("bare".to_owned(), String::from))
            }
            other => {
                if *other == What::Nothing {
                    "nothing".to_owned()
                } else {
                    format!("{other:?}")
                }
            }
        };
        format!("{what} <{}>", found.typed)
    }

    #[test]
    fn the_place_decides_what_can_be_written() {
        for (marked, expected) in [
            ("‸", "operand <>"),
            ("ra‸", "operand <ra>"),
            ("sum(ra‸te(x))", "operand <ra>"),
            ("a + b‸", "operand <b>"),
            ("a + igno‸", "on <igno>"),
            ("a / on (job) group_l‸", "on <group_l>"),
            ("topk(5, h‸", "operand <h>"),
            ("topk(5‸", "nothing <5>"),
            ("up ‸", "and <>"),
            ("up un‸", "and <un>"),
            ("sum ‸", "by <>"),
            ("sum(x) ‸", "by+and <>"),
            ("rate(x[5m]) ‸", "and <>"),
            ("x offset ‸", "1m <>"),
            ("x @ ‸", "start <>"),
            ("rate(x[‸", "1m <>"),
            ("rate(x[1‸", "1m <1>"),
            ("x{‸", "matcher of \"x\" without [] <>"),
            ("x{jo‸", "matcher of \"x\" without [] <jo>"),
            ("x{a=\"b\", c‸}", "matcher of \"x{a=\\\"b\\\"}\" without [\"a\"] <c>"),
            ("{__name__=~\"x.*\", c‸}", "matcher of \"{__name__=~\\\"x.*\\\"}\" without [\"__name__\"] <c>"),
            ("x{job ‸", "= <>"),
            ("x{job!‸", "= <!>"),
            ("x{job=‸", "value of job = \"x\" bare <>"),
            ("x{job=\"‸", "value of job = \"x\" \" <\">"),
            ("x{job=~'a.‸', c=\"d\"}", "value of job =~ \"x{c=\\\"d\\\"}\" ' <'a.>"),
            ("{\"a.b\", \"c.d\"=\"‸\"}", "value of c.d = \"{\\\"a.b\\\"}\" \" <\">"),
            ("{\"a.‸", "quoted of \"\" <\"a.>"),
            ("sum by (‸", "label of \"\" without [] <>"),
            ("sum by (a, s‸) (rate(x{job=\"y\"}[5m]))", "label of \"x{job=\\\"y\\\"}\" without [\"a\"] <s>"),
            ("sum(rate(x[5m])) by (‸", "label of \"x\" without [] <>"),
            ("a / on (‸) group_left b", "label of \"b\" without [] <>"),
            ("label_replace(x, \"ds‸", "nothing <\"ds>"),
            ("x # a com‸", "nothing <>"),
        ] {
            assert_eq!(shown(marked), expected, "{marked}");
        }
    }

    #[test]
    fn the_selectors_of_a_query_are_found_without_its_functions_and_labels() {
        let text = r#"sum by (job) (rate(x{a="b"}[5m])) / on (job) y or {"a.b", c!="d"} or {__name__=~"z.*"} offset 5m and x{a="b"}"#;
        let found: Vec<_> = selectors(text, &tokens(text, Language::PromQl)).into_iter().map(|s| (s.whole, s.metric)).collect();
        let expected = [(r#"x{a="b"}"#, "x"), ("y", "y"), (r#"{"a.b",c!="d"}"#, r#"{"a.b"}"#), (r#"{__name__=~"z.*"}"#, "")];
        assert_eq!(found, expected.map(|(whole, metric)| (whole.to_owned(), metric.to_owned())));
    }

    #[test]
    fn the_call_is_the_innermost_one() {
        let call = |marked| at(marked).call.map(|w| w.name);
        assert_eq!(call("sum(rate(x[‸"), Some("rate"));
        assert_eq!(call("sum(rate(x[5m]) ‸"), Some("sum"));
        assert_eq!(call("(x‸"), None);
    }

    #[test]
    fn a_completion_replaces_the_whole_word() {
        let found = at("sum(ra‸te(x))");
        assert_eq!((found.from, found.to), (4, 8));
        let value = at("x{a=\"b‸c\"}");
        assert_eq!((value.from, value.to), (4, 8));
    }

    #[test]
    fn strings_are_read_back() {
        assert_eq!(unquoted(r#""a\"b\\c""#), r#"a"b\c"#);
        assert_eq!(unquoted(r"`a\b`"), r"a\b");
        assert_eq!(unquoted("\"open"), "open");
    }

    proptest::proptest! {
        #[test]
        fn any_text_at_any_cursor_has_a_context(text in "[a-zé .:\"'`\\\\(){}\\[\\]=~!#,@1|>-]{0,30}", cursor in 0usize..40) {
            let mut cursor = cursor.min(text.len());
            while !text.is_char_boundary(cursor) {
                cursor -= 1;
            }
            for language in [Language::PromQl, Language::LogQl, Language::TraceQl] {
                let found = context(&text, &tokens(&text, language), cursor, language);
                proptest::prop_assert!(found.from <= cursor && cursor <= found.to && found.to <= text.len());
            }
        }
    }
}
