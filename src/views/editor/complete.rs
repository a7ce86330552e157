//! What can be typed next, the best first.

use std::collections::HashSet;

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{Atom, AtomKind, CaseMatching, Normalization},
};

use super::{
    context::{Context, What},
    insert,
    place::unquoted,
    traceql_words,
    words::{self, Word},
};
use crate::{
    core::typed::Language,
    model::{explored::Names, labels::MatchOp},
};

/// Candidates that are offered at once.
const MAX_OFFERED: usize = 100;

/// Words that come before others that begin alike.
const USUAL: [&str; 13] = [
    "rate",
    "increase",
    "sum",
    "avg",
    "max",
    "count",
    "topk",
    "by",
    "histogram_quantile",
    "max_over_time",
    "count_over_time",
    "json",
    "logfmt",
];

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::views) struct Candidate {
    /// What is seen.
    pub name: String,
    /// What is written.
    pub insert: String,
    /// How it is used, for words.
    pub form: &'static str,
    /// What it does, for words.
    pub help: &'static str,
    /// Whether it is a metric, which the server can tell more of.
    pub metric: bool,
}

/// What is known before it is ranked: a candidate of each is made only for those that are offered.
#[derive(Clone, Copy)]
enum Source<'a> {
    Word(&'static Word),
    Name(&'a str),
}

/// What is known of the names that can stand in a place.
#[derive(Clone, Debug, Default)]
pub(super) struct Known<'a> {
    /// Those that the server told.
    pub told: Option<&'a Names>,
    /// Those that were seen in what is on the page.
    pub seen: Vec<&'a str>,
    /// Those that come first where nothing is typed.
    pub preferred: Vec<&'a str>,
}

impl<'a> Known<'a> {
    fn names(&self) -> Vec<&'a str> {
        let told = self.told.into_iter().flat_map(|n| &n.names).map(|n| n.as_str());
        if self.seen.is_empty() {
            return told.collect();
        }
        let mut known: HashSet<&str> = HashSet::new();
        told.chain(self.seen.iter().copied()).filter(|name| known.insert(name)).collect()
    }
}

impl Source<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Word(word) => word.name,
            Self::Name(name) => name,
        }
    }
}

/// The best candidates for a context, and how many there are in all.
pub(super) fn candidates(context: &Context, text: &str, language: Language, known: &Known<'_>) -> (Vec<Candidate>, usize) {
    let (typed, kept) = typed(context);
    let mut sources = sources(context, known);
    if typed.is_empty() {
        sources.sort_by_key(|s| !known.preferred.contains(&s.name()));
    }
    let (ranked, total) = ranked(&typed, &sources);
    let next = text[context.to..].trim_start();
    let offered = ranked.into_iter().map(|i| match sources[i] {
        Source::Word(word) => {
            let insert = insert::word(context, word, language, next);
            Candidate { name: word.name.to_owned(), insert, form: word.form, help: word.help, metric: false }
        }
        Source::Name(name) => {
            let insert = insert::name(context, name, &kept, next);
            Candidate { name: name.to_owned(), insert, form: "", help: "", metric: is_of_metrics(&context.what) }
        }
    });
    (offered.collect(), total)
}

/// Whether names are those of metrics in a place.
fn is_of_metrics(what: &What) -> bool {
    matches!(what, What::Operand) || matches!(what, What::QuotedName { selector } if selector.is_empty())
}

/// What is looked for, and what of the string stays before it: of a regex the last alternative is completed.
fn typed(context: &Context) -> (String, String) {
    match (context.what.value(), &context.what) {
        (Some((op, Some(_))), _) => {
            let text = unquoted(&context.typed);
            match text.rfind('|').filter(|_| matches!(op, MatchOp::Regex | MatchOp::NotRegex)) {
                Some(bar) => (text[bar + 1..].to_owned(), text[..=bar].to_owned()),
                None => (text, String::new()),
            }
        }
        (None, What::QuotedName { .. }) => (unquoted(&context.typed), String::new()),
        _ => (context.typed.clone(), String::new()),
    }
}

fn sources<'a>(context: &Context, known: &Known<'a>) -> Vec<Source<'a>> {
    let told = known.names().into_iter().map(Source::Name);
    let all = |list: &'static [Word]| list.iter().map(Source::Word);
    match &context.what {
        What::Operand => {
            let calls = all(words::FUNCTIONS).chain(all(words::AGGREGATIONS));
            // Nothing typed: the server's own names are what one does not know by heart.
            if context.typed.is_empty() { told.chain(calls).collect() } else { calls.chain(told).collect() }
        }
        What::Words(lists) => lists.iter().flat_map(|list| all(list)).collect(),
        What::Label { used, .. } => told.filter(|s| s.name() != "__name__" && !used.iter().any(|u| u == s.name())).collect(),
        What::Field { words, used, .. } => {
            let fields = told.filter(|s| !used.iter().any(|u| u == s.name()));
            words.iter().flat_map(|list| all(list)).chain(fields).collect()
        }
        What::Attribute { used, .. } => {
            let told = told.filter(|s| !used.iter().any(|u| u == s.name()));
            // What is of this shop comes before what every span has.
            told.chain(all(traceql_words::INTRINSICS).filter(|s| !used.iter().any(|u| u == s.name()))).collect()
        }
        What::QuotedName { .. } | What::Value { .. } | What::FieldValue { .. } | What::AttributeValue { .. } => told.collect(),
        What::Nothing => Vec::new(),
    }
}

/// Places of those that are offered, and how many match. The best first: the very word, what begins with it, usual words
/// first, then letters in this order.
fn ranked(typed: &str, sources: &[Source<'_>]) -> (Vec<usize>, usize) {
    if typed.is_empty() {
        return ((0..sources.len().min(MAX_OFFERED)).collect(), sources.len());
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let atom = Atom::new(typed, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy, false);
    let mut chars = Vec::new();
    let mut found: Vec<(u32, usize, usize)> = Vec::new();
    for (i, source) in sources.iter().enumerate() {
        let name = source.name();
        let Some(score) = atom.score(Utf32Str::new(name, &mut chars), &mut matcher) else { continue };
        let begins = name.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed));
        let usual = matches!(source, Source::Word(_)) && USUAL.contains(&name);
        let bonus = (u32::from(begins) + u32::from(name == typed) + u32::from(begins && usual)) * 1000;
        found.push((u32::from(score) + bonus, name.len(), i));
    }
    let total = found.len();
    let rank = |(score, length, i): &(u32, usize, usize)| (std::cmp::Reverse(*score), *length, *i);
    if total > MAX_OFFERED {
        // Of 100,000 that match only those that are seen are worth their order.
        found.select_nth_unstable_by_key(MAX_OFFERED, rank);
        found.truncate(MAX_OFFERED);
    }
    found.sort_unstable_by_key(rank);
    (found.into_iter().map(|(.., i)| i).collect(), total)
}

#[cfg(test)]
mod tests {
    use super::{super::context::at_mark, *};

    fn told(names: &[&str]) -> Names {
        Names { names: names.iter().map(|n| (*n).into()).collect(), cut: false }
    }

    /// Names of the candidates for the place of the mark.
    fn offered(marked: &str, names: &[&str]) -> Vec<String> {
        let (text, found) = at_mark(marked, Language::PromQl);
        let known = Known { told: Some(&told(names)), preferred: vec!["orders"], ..Known::default() };
        candidates(&found, &text, Language::PromQl, &known).0.into_iter().map(|c| c.name).collect()
    }

    /// The text after the first candidate was chosen.
    fn chosen(marked: &str, language: Language, known: &Known<'_>) -> String {
        let (mut text, found) = at_mark(marked, language);
        let first = candidates(&found, &text, language, known).0.swap_remove(0);
        text.replace_range(found.from..found.to, &first.insert);
        text
    }

    #[test]
    fn choosing_writes_what_the_place_needs() {
        for (marked, names, expected) in [
            ("sum(ra‸", &["rare"][..], "sum(rate("),
            ("ht‸", &["http_requests_total"], "http_requests_total"),
            ("ra‸(x)", &[], "rate(x)"),
            ("sum(x) b‸", &[], "sum(x) by ("),
            ("a an‸", &[], "a and "),
            ("x[5‸", &[], "x[5m"),
            ("tim‸", &[], "time()"),
            ("http.re‸", &["http.requests"], "{\"http.requests\"}"),
            ("x{s‸}", &["service"], "x{service=\"}"),
            ("x{s‸=\"a\"}", &["service"], "x{service=\"a\"}"),
            ("x{c‸", &["c.d"], "x{\"c.d\"=\""),
            ("sum by (c‸", &["c.d"], "sum by (\"c.d\""),
            ("{\"a‸", &["a.b"], "{\"a.b\""),
            ("{\"a.b\", \"c‸", &["c.d"], "{\"a.b\", \"c.d\"=\""),
            ("x{a=\"‸", &["b"], "x{a=\"b\""),
            ("x{a=‸", &["b"], "x{a=\"b\""),
            ("x{a=\"b‸c\"}", &["bd"], "x{a=\"bd\"}"),
            ("x{a=\"‸", &[r#"say "hi" \ there"#], r#"x{a="say \"hi\" \\ there""#),
            ("x{a='‸", &["it's \"so\""], r#"x{a='it\'s "so"'"#),
            ("x{a=`‸", &[r"C:\x"], r"x{a=`C:\x`"),
            ("x{a=~\"‸", &["1.2.3"], r#"x{a=~"1\\.2\\.3""#),
            ("x{a=~\"b|c‸", &["cd"], r#"x{a=~"b|cd""#),
        ] {
            let known = Known { told: Some(&told(names)), ..Known::default() };
            assert_eq!(chosen(marked, Language::PromQl, &known), expected, "{marked}");
        }
    }

    #[test]
    fn what_begins_with_the_text_comes_before_what_only_contains_its_letters() {
        let names = ["http_requests_total", "rate_limit", "process_start_time_seconds"];
        assert_eq!(offered("rate‸", &names)[..2], ["rate", "rate_limit"]);
        assert_eq!(offered("hrt‸", &names)[0], "http_requests_total");
        assert_eq!(offered("x{service=\"‸", &["payments", "orders"])[0], "orders", "the scope's comes first");
        let known = Known { told: Some(&told(&["payments", "orders"])), preferred: vec!["orders"], ..Known::default() };
        assert_eq!(chosen("x{service=\"pay‸", Language::PromQl, &known), "x{service=\"payments\"");
    }

    #[test]
    fn labels_that_are_written_already_are_not_offered() {
        assert_eq!(offered("x{a=\"1\", ‸", &["__name__", "a", "b"]), ["b"]);
    }

    #[test]
    fn of_100_000_names_few_are_offered_and_all_are_counted() {
        let names = Names { names: (0..100_000).rev().map(|i| format!("metric_{i}").into()).collect(), cut: true };
        let (text, found) = at_mark("metric_99‸", Language::PromQl);
        let known = Known { told: Some(&names), ..Known::default() };
        let (offered, total) = candidates(&found, &text, Language::PromQl, &known);
        assert_eq!((offered.len(), offered[0].name.as_str()), (MAX_OFFERED, "metric_99"));
        assert!(total > 1000, "{total}");
    }

    #[test]
    fn choosing_in_a_logql_writes_what_the_place_needs() {
        for (marked, seen, expected) in [
            ("count_o‸", &[][..], "count_over_time("),
            ("‸", &[], "{"),
            ("{se‸", &["service"], "{service=\""),
            ("{s=\"‸\"}", &["a\"b\\\u{1b}"], r#"{s="a\"b\\\u001b"}"#),
            ("{s=`‸`}", &["tick`"], "{s=\"tick`\"}"),
            ("{} ‸", &[], "{} |= \""),
            ("{} |‸ `x`", &[], "{} |  `x`"),
            ("{} | js‸", &["json_id"], "{} | json "),
            ("{} | json | lev‸", &["level"], "{} | json | level"),
            ("{} | line‸", &[], "{} | line_format \""),
            ("{} | unwrap dur‸", &["took"], "{} | unwrap duration("),
            ("{} | level=~\"a|e‸\"", &["err.or"], "{} | level=~\"a|err\\\\.or\""),
            ("sum by (‸) (rate({}[1m]))", &["level"], "sum by (level) (rate({}[1m]))"),
        ] {
            let known = Known { seen: seen.to_vec(), ..Known::default() };
            assert_eq!(chosen(marked, Language::LogQl, &known), expected, "{marked}");
        }
    }

    #[test]
    fn what_was_seen_and_told_is_offered_once() {
        let known = Known { told: Some(&told(&["a", "b"])), seen: vec!["b", "c"], ..Known::default() };
        let (text, found) = at_mark("{} | drop ‸", Language::LogQl);
        let offered = candidates(&found, &text, Language::LogQl, &known).0;
        assert_eq!(offered.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
