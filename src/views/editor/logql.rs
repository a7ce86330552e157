//! What can be written where the cursor is in a LogQL: within a pipeline, or around functions of one.

use super::{
    context::What,
    lex::Kind,
    logql_words as logql,
    place::{Place, matcher_op, unquoted},
    words::{self, Word},
};

/// The pipeline that the cursor is in, as far as it is written before the cursor.
pub(super) struct Pipeline<'p, 't> {
    place: &'p Place<'t>,
    /// Its selector.
    of: String,
    /// The operator that the last stage begins with, none before the first.
    operator: &'t str,
    /// The tokens of the last stage; of brackets in it the closing one alone.
    args: Vec<usize>,
    /// Whether the cursor is in a bracket of a condition.
    inner: bool,
    /// The last word, where a range stands after it.
    ranged: Option<&'t str>,
}

impl<'p, 't> Pipeline<'p, 't> {
    /// The pipeline around the cursor. `open` are the brackets that are open there.
    pub(super) fn around(place: &'p Place<'t>, open: &[usize]) -> Option<Self> {
        let begin = |bracket: Option<&usize>| bracket.map_or(0, |at| at + 1);
        let own = place.direct(begin(open.last()), place.before.len());
        if let Some(found) = Self::of(place, &own) {
            return Some(found);
        }
        // A bracket of a condition: `| (a="b" or …`
        let last = *open.last()?;
        let outer = Self::of(place, &place.direct(begin(open.iter().rev().nth(1)), last))?;
        Some(Self { args: own, inner: true, ..outer })
    }

    fn of(place: &'p Place<'t>, direct: &[usize]) -> Option<Self> {
        let at = direct.iter().rposition(|i| place.word(*i) == "}")?;
        let open = place.opening(direct[at]);
        let rest = &direct[at + 1..];
        let begin = (0..rest.len()).rev().find(|k| begins_stage(place, rest, *k));
        Some(Self {
            place,
            of: place.selector(open),
            operator: begin.map_or("", |k| place.word(rest[k])),
            args: rest[begin.map_or(rest.len(), |k| k + 1)..].to_vec(),
            inner: false,
            ranged: rest.iter().any(|i| place.word(*i) == "]").then(|| place.word(rest[rest.len() - 1])),
        })
    }

    /// The stage that is written.
    pub(super) fn stage(&self) -> Option<&'static Word> {
        if self.operator == "|" && !self.inner { logql::stage(self.first()?) } else { None }
    }

    fn first(&self) -> Option<&'t str> {
        self.args.first().map(|i| self.place.word(*i))
    }

    pub(super) fn what(&self, in_call: bool) -> What {
        match self.ranged {
            Some("offset") => return What::Words(vec![words::DURATIONS]),
            Some(_) => return What::Words(vec![logql::SHIFTS]),
            None => {}
        }
        match self.operator {
            "" => self.ready(in_call, &[]),
            "|" => match self.stage() {
                Some(stage) => self.in_stage(stage.name, in_call),
                None if self.args.is_empty() && !self.inner => self.field(&[logql::STAGES]),
                None => self.condition(in_call),
            },
            _ if self.place.is_text() => What::Nothing,
            _ => match self.args.last().map(|i| self.place.all[*i].kind) {
                Some(Kind::Text { .. } | Kind::Close) => self.ready(in_call, &[logql::OTHERWISE]),
                _ => What::Nothing,
            },
        }
    }

    /// What may follow a whole stage.
    fn ready(&self, in_call: bool, joins: &[&'static [Word]]) -> What {
        if self.place.is_text() {
            return What::Nothing;
        }
        let own = if self.inner { vec![] } else { vec![logql::PIPES] };
        let ranges = if in_call && !self.inner { vec![logql::WHOLE_RANGES] } else { vec![] };
        What::Words([own, joins.to_vec(), ranges].concat())
    }

    fn field(&self, words: &[&'static [Word]]) -> What {
        if self.place.is_text() || self.place.is_number() {
            return What::Nothing;
        }
        let names = self.args.iter().map(|i| &self.place.all[*i]).filter(|t| t.kind == Kind::Name);
        let used =
            if self.operator == "|" && !words.is_empty() { Vec::new() } else { names.map(|t| self.place.of(t).to_owned()).collect() };
        What::Field { of: self.of.clone(), words: words.to_vec(), used }
    }

    fn in_stage(&self, name: &str, in_call: bool) -> What {
        let last = self.args[self.args.len() - 1];
        let (word, kind, alone) = (self.place.word(last), self.place.all[last].kind, self.args.len() == 1);
        let goes_on = alone || kind == Kind::Comma;
        match name {
            "logfmt" if self.place.typed().starts_with('-') => What::Words(vec![logql::FLAGS]),
            "json" | "logfmt" if kind == Kind::Comma || word == "=" => What::Nothing,
            "regexp" | "pattern" | "line_format" if alone => What::Nothing,
            "label_format" | "drop" | "keep" if goes_on => self.field(&[]),
            "label_format" if word == "=" => self.field(&[]),
            "drop" | "keep" if matcher_op(word).is_some() => self.value(last),
            "unwrap" if alone => self.field(&[logql::CONVERSIONS]),
            _ => self.ready(in_call, &[]),
        }
    }

    /// Within `| level="error" and …`.
    fn condition(&self, in_call: bool) -> What {
        let Some(last) = self.args.last().copied() else { return self.field(&[]) };
        let word = self.place.word(last);
        match self.place.all[last].kind {
            Kind::Name if word == "and" || word == "or" => self.field(&[]),
            Kind::Comma => self.field(&[]),
            Kind::Name if self.place.is_text() => What::Nothing,
            Kind::Name => What::Words(vec![words::COMPARISONS, logql::ORDERS]),
            Kind::Operator if matcher_op(word).is_some() => self.value(last),
            Kind::Text { .. } | Kind::Number | Kind::Close => self.ready(in_call, &[logql::JOINS]),
            _ => What::Nothing,
        }
    }

    /// The value that a field is compared with by the operator at a place among the tokens.
    fn value(&self, operator: usize) -> What {
        let name = operator.checked_sub(1).map(|i| self.place.word(i));
        match (matcher_op(self.place.word(operator)), name) {
            (Some(op), Some(name)) => What::FieldValue { field: unquoted(name), of: self.of.clone(), op, quote: self.place.quote() },
            _ => What::Nothing,
        }
    }
}

/// Whether a stage begins at a token: `!=` and `!~` tell lines apart, unless they compare a field.
fn begins_stage(place: &Place<'_>, rest: &[usize], k: usize) -> bool {
    match place.word(rest[k]) {
        "|" | "|=" | "|~" | "|>" | "!>" => true,
        "!=" | "!~" => {
            let before = |n: usize| k.checked_sub(n).map(|k| place.word(rest[k]));
            let is_stage = before(1).is_some_and(|name| logql::stage(name).is_some()) && before(2) == Some("|");
            let is_name = k.checked_sub(1).is_some_and(|k| place.all[rest[k]].kind == Kind::Name);
            !is_name || is_stage
        }
        _ => false,
    }
}

/// What a text asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Lines.
    Lines,
    /// Numbers over time.
    Numbers,
    /// Neither: it begins with something else, at this byte.
    Neither(usize),
}

/// What a whole LogQL asks for, by what it begins with.
pub fn asks(text: &str) -> Asks {
    let tokens = super::lex::tokens(text, crate::core::typed::Language::LogQl);
    let mut rest = tokens.iter().filter(|t| t.kind != Kind::Comment).skip_while(|t| t.of(text) == "(").peekable();
    let Some(first) = rest.next() else { return Asks::Neither(text.len()) };
    match (first.kind, first.of(text)) {
        (_, "{") => Asks::Lines,
        (Kind::Number, _) | (Kind::Operator, "+" | "-") => Asks::Numbers,
        // Also what a newer Loki knows.
        (Kind::Name, _) if rest.peek().is_some_and(|t| matches!(t.of(text), "(" | "by" | "without")) => Asks::Numbers,
        _ => Asks::Neither(first.start),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::context::at_mark, *};
    use crate::core::typed::Language;

    fn shown(marked: &str) -> String {
        let found = at_mark(marked, Language::LogQl).1;
        let words = |lists: &[&'static [Word]]| lists.iter().map(|w| w[0].name).collect::<Vec<_>>().join("+");
        let quoted = |quote: Option<char>| quote.map_or("bare".to_owned(), String::from);
        let what = match &found.what {
            What::Words(lists) => words(lists),
            What::Label { selector, used, .. } => format!("label of {selector} without {used:?}"),
            What::Value { label, selector, op, quote } => format!("value of {label} {} {selector} {}", op.as_str(), quoted(*quote)),
            What::Field { of, words: lists, used } => format!("field of {of} or {} without {used:?}", words(lists)),
            What::FieldValue { field, of, op, quote } => format!("value of field {field} {} {of} {}", op.as_str(), quoted(*quote)),
            What::Nothing => "nothing".to_owned(),
            other => format!("{other:?}"),
        };
        format!("{what} <{}>", found.typed)
    }

    #[test]
    fn the_place_decides_what_can_be_written() {
        for (marked, expected) in [
            ("‸", "{+rate+sum+label_replace <>"),
            ("su‸", "{+rate+sum+label_replace <su>"),
            ("{‸", "label of  without [] <>"),
            ("{ap‸", "label of  without [] <ap>"),
            (r#"{a="b", c‸}"#, r#"label of {a="b"} without ["a"] <c>"#),
            ("{app‸ ", "label of  without [] <app>"),
            ("{app ‸", "= <>"),
            ("{app!‸", "= <!>"),
            (r#"{app="‸"#, r#"value of app =  " <">"#),
            (r#"{a="b", app=~"x|‸"}"#, r#"value of app =~ {a="b"} " <"x|>"#),
            ("{app=`‸", "value of app =  ` <`>"),
            ("{\"a‸", "nothing <\"a>"),
            // After a selector or a stage.
            ("{} ‸", "|= <>"),
            ("{} |‸", "|= <|>"),
            ("{} !‸", "|= <!>"),
            (r#"{} |= "x" ‸"#, "|=+or <>"),
            (r#"{} |= "x‸"#, "nothing <\"x>"),
            ("{} |= ‸", "nothing <>"),
            (r#"{} != "x" |~ ‸"#, "nothing <>"),
            ("rate({} ‸", "|=+[1m] <>"),
            ("rate({}[5m] ‸", "offset <>"),
            ("rate({}[5m] offset ‸", "1m <>"),
            ("rate({}[‸", "1m <>"),
            // Stages.
            (r#"{a="b"} | ‸"#, r#"field of {a="b"} or json without [] <>"#),
            (r#"{a="b"} | js‸"#, r#"field of {a="b"} or json without [] <js>"#),
            ("{} | json ‸", "|= <>"),
            ("{} | json | lev‸", "field of  or json without [] <lev>"),
            ("{} | logfmt --s‸", "--strict <--s>"),
            ("{} | line_format ‸", "nothing <>"),
            (r#"{} | line_format "{{.a}}" ‸"#, "|= <>"),
            ("{} | drop a, ‸", "field of  or  without [\"drop\", \"a\"] <>"),
            ("{} | label_format a=‸", "field of  or  without [\"label_format\", \"a\"] <>"),
            ("{} | unwrap ‸", "field of  or duration without [] <>"),
            ("sum(rate({} | unwrap d‸", "field of  or duration without [] <d>"),
            // Conditions.
            ("{} | json | level ‸", "=+> <>"),
            ("{} | level!‸", "=+> <!>"),
            (r#"{a="b"} | level="‸"#, r#"value of field level = {a="b"} " <">"#),
            (r#"{} | level!="x" ‸"#, "|=+and <>"),
            (r#"{} | level!="x" and ‸"#, "field of  or  without [\"level\", \"and\"] <>"),
            (r#"{} | (level="x" or st‸"#, "field of  or  without [\"level\", \"or\"] <st>"),
            ("{} | duration > 10s ‸", "|=+and <>"),
            ("{} | duration > ‸", "nothing <>"),
            (r#"{} | json != "x" ‸"#, "|=+or <>"),
            // Around them.
            ("sum ‸", "by <>"),
            ("rate(‸", "{+rate+sum+label_replace <>"),
            (r#"sum by (‸) (rate({a="b"}[5m]))"#, r#"field of {a="b"} or  without [] <>"#),
            (r#"sum by (a, ‸"#, "field of  or  without [\"a\"] <>"),
            (r#"sum(rate({a="b"}[5m])) ‸"#, "by+and <>"),
            (r#"rate({a="b"}[5m]) / ‸"#, "{+rate+sum+label_replace <>"),
            ("{} # a com‸", "nothing <>"),
            ("{} |= `a‸", "nothing <`a>"),
        ] {
            assert_eq!(shown(marked), expected, "{marked}");
        }
    }

    #[test]
    fn the_stage_or_the_call_around_the_cursor_is_known() {
        let call = |marked: &str| at_mark(marked, Language::LogQl).1.call.map(|w| w.name);
        assert_eq!(call("{} | line_format ‸"), Some("line_format"));
        assert_eq!(call("sum(rate({} | unwrap a ‸"), Some("unwrap"));
        assert_eq!(call("sum(rate({} ‸"), Some("rate"));
        assert_eq!(call("{} | level‸"), None);
    }

    #[test]
    fn a_query_asks_for_lines_or_numbers_or_is_told_where_it_does_neither() {
        for (text, asked) in [
            (r#"{a="b"} |= "x""#, Asks::Lines),
            (r#" ( {a="b"} )"#, Asks::Lines),
            ("# all\n{}", Asks::Lines),
            ("sum by (a) (rate({}[5m]))", Asks::Numbers),
            ("(newer_over_time({}[5m]))", Asks::Numbers),
            ("1 + 1", Asks::Numbers),
            ("foo", Asks::Neither(0)),
            (" |= \"x\"", Asks::Neither(1)),
            ("", Asks::Neither(0)),
            ("((", Asks::Neither(2)),
        ] {
            assert_eq!(asks(text), asked, "{text}");
        }
    }
}
