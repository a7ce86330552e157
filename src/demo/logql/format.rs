//! Queries written the way Loki's `format_query` writes them (`pkg/logql/syntax/prettier.go`): on one line while that is
//! short, else a stage or an operand a line.

use super::ast::{
    AggregateOp, BinaryOp, CompareOp, Conversion, Expr, Formatted, Grouping, LabelFilter, LineOp, LogExpr, MetricExpr, NameMatcher,
    Quantity, RangeExpr, Stage, Unwrap,
};
use crate::{
    demo::grammar::literal::{humanized_bytes, written_go_duration, written_prometheus_duration},
    model::labels::{MatchOp, Matcher},
};

/// Longer expressions are split.
const WIDTH: usize = 100;

/// A query in Loki's own form.
pub fn pretty(expr: &Expr) -> String {
    match expr {
        Expr::Log(log) => pretty_log(log, 0),
        Expr::Metric(metric) => pretty_metric(&folded(metric), 0),
    }
}

/// Arithmetic on numbers done: Loki's parser does it.
fn folded(metric: &MetricExpr) -> MetricExpr {
    match metric {
        MetricExpr::Aggregate { op, parameter, grouping, inner } => {
            let inner = Box::new(folded(inner));
            MetricExpr::Aggregate { op: *op, parameter: *parameter, grouping: grouping.clone(), inner }
        }
        MetricExpr::Binary { op, return_bool, matching, left, right } => {
            let (left, right) = (folded(left), folded(right));
            if let (MetricExpr::Number(a), MetricExpr::Number(b)) = (&left, &right)
                && let Some(number) = arithmetic(*op, *a, *b)
            {
                return MetricExpr::Number(number);
            }
            let (left, right) = (Box::new(left), Box::new(right));
            MetricExpr::Binary { op: *op, return_bool: *return_bool, matching: matching.clone(), left, right }
        }
        other => other.clone(),
    }
}

fn arithmetic(op: BinaryOp, a: f64, b: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        _ => return None,
    })
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

/// A Go string literal.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn matcher(m: &Matcher) -> String {
    let op = match m.op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    };
    format!("{}{op}{}", m.name, quoted(&m.value))
}

fn selector(matchers: &[Matcher]) -> String {
    format!("{{{}}}", matchers.iter().map(matcher).collect::<Vec<_>>().join(", "))
}

const fn compare(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Equal => "==",
        CompareOp::NotEqual => "!=",
        CompareOp::Greater => ">",
        CompareOp::GreaterEqual => ">=",
        CompareOp::Less => "<",
        CompareOp::LessEqual => "<=",
    }
}

/// Whether a regular expression is made of texts and of `.*` and `.+` between them: Loki looks for the texts then.
fn is_simple(regex: &str) -> bool {
    !regex.replace(".*", "").replace(".+", "").contains(|c| r"\[](){}^$?*+".contains(c))
}

fn label_filter(filter: &LabelFilter) -> String {
    match filter {
        // A regular expression that Loki cannot do without is kept as it is, unless it is negated.
        LabelFilter::Match(m) if m.op == MatchOp::Regex && !is_simple(&m.value) && !m.value.contains('`') => {
            format!("{}=~`{}`", m.name, m.value)
        }
        LabelFilter::Match(m) => matcher(m),
        LabelFilter::Compare { name, op, value } => {
            let value = match value {
                Quantity::Number(n) => n.to_string(),
                Quantity::Duration(ns) => written_go_duration(*ns),
                Quantity::Bytes(bytes) => humanized_bytes(*bytes).replace(' ', ""),
            };
            format!("{name}{}{value}", compare(*op))
        }
        LabelFilter::Ip { name, negate, pattern } => format!("{name}{}ip({})", if *negate { "!=" } else { "=" }, quoted(pattern)),
        LabelFilter::And(a, b) => format!("( {} , {} )", label_filter(a), label_filter(b)),
        LabelFilter::Or(a, b) => format!("( {} or {} )", label_filter(a), label_filter(b)),
    }
}

fn assignments(fields: &[(String, String)]) -> String {
    fields.iter().map(|(label, path)| format!("{label}={}", quoted(path))).collect::<Vec<_>>().join(",")
}

fn names(names: &[NameMatcher]) -> String {
    let one = |n: &NameMatcher| match n {
        NameMatcher::Name(name) => name.clone(),
        NameMatcher::Matcher(m) => matcher(m),
    };
    names.iter().map(one).collect::<Vec<_>>().join(",")
}

fn stage(stage: &Stage) -> String {
    match stage {
        Stage::Line { op, texts } => {
            let op = match op {
                LineOp::Contains => "|=",
                LineOp::NotContains => "!=",
                LineOp::Match => "|~",
                LineOp::NotMatch => "!~",
                LineOp::Pattern => "|>",
                LineOp::NotPattern => "!>",
            };
            format!("{op} {}", texts.iter().map(|t| quoted(t)).collect::<Vec<_>>().join(" or "))
        }
        Stage::Label(filter) => format!("| {}", label_filter(filter)),
        Stage::Json(fields) if fields.is_empty() => "| json".to_owned(),
        Stage::Json(fields) => format!("| json {}", assignments(fields)),
        Stage::Logfmt { strict, keep_empty, fields } => {
            let flags = [("--strict", *strict), ("--keep-empty", *keep_empty)].into_iter().filter(|(_, on)| *on).map(|(flag, _)| flag);
            let fields = (!fields.is_empty()).then(|| assignments(fields));
            let words: Vec<&str> = ["| logfmt"].into_iter().chain(flags).chain(fields.as_deref()).collect();
            words.join(" ")
        }
        Stage::Regexp(p) => format!("| regexp {}", quoted(p)),
        Stage::Pattern(p) => format!("| pattern {}", quoted(p)),
        Stage::Drop(n) => format!("| drop {}", names(n)),
        Stage::Keep(n) => format!("| keep {}", names(n)),
        Stage::Decolorize => "| decolorize".to_owned(),
        Stage::LineIp { negate, pattern } => format!("{} ip({})", if *negate { "!=" } else { "|=" }, quoted(pattern)),
        Stage::Unpack => "| unpack".to_owned(),
        Stage::LineFormat(template) => format!("| line_format {}", quoted(template)),
        Stage::LabelFormat(all) => {
            let one = |(name, value): &(String, Formatted)| match value {
                Formatted::Renamed(from) => format!("{name}={from}"),
                Formatted::Template(template) => format!("{name}={}", quoted(template)),
            };
            format!("| label_format {}", all.iter().map(one).collect::<Vec<_>>().join(","))
        }
    }
}

fn plain_log(log: &LogExpr) -> String {
    std::iter::once(selector(&log.matchers)).chain(log.stages.iter().map(stage)).collect::<Vec<_>>().join(" ")
}

/// Stages as lines: filters in a row are one stage, whose lines are indented alike.
fn pretty_log(log: &LogExpr, level: usize) -> String {
    let plain = plain_log(log);
    if log.stages.is_empty() || plain.len() <= WIDTH {
        return indent(level) + &plain;
    }
    let mut out = indent(level) + &selector(&log.matchers);
    for part in log.stages.chunk_by(|a, b| matches!((a, b), (Stage::Line { .. }, Stage::Line { .. }))) {
        let all: Vec<String> = part.iter().map(stage).collect();
        // Loki forgets the indentation of `decolorize`.
        let space = if part == [Stage::Decolorize] { String::new() } else { indent(level + 1) };
        let together = all.join(" ");
        let lines = if together.len() > WIDTH { all } else { vec![together] };
        lines.iter().for_each(|line| out.push_str(&format!("\n{space}{line}")));
    }
    out
}

fn unwrap(u: &Unwrap) -> (String, Vec<String>) {
    let label = match u.conversion {
        Conversion::Number => u.label.clone(),
        Conversion::Duration => format!("duration({})", u.label),
        Conversion::Bytes => format!("bytes({})", u.label),
    };
    (format!("| unwrap {label}"), u.filters.iter().map(|f| format!("| {}", label_filter(f))).collect())
}

fn groups(grouping: &Grouping) -> String {
    format!(" {} ({})", if grouping.without { "without" } else { "by" }, grouping.labels.join(","))
}

fn pretty_groups(grouping: &Grouping) -> String {
    match (grouping.without, grouping.labels.is_empty()) {
        (false, true) => String::new(),
        (true, true) => " without".to_owned(),
        (without, false) => format!(" {} ({})", if without { "without" } else { "by" }, grouping.labels.join(", ")),
    }
}

fn plain_range(range: &RangeExpr) -> String {
    let parameter = range.parameter.map(|p| format!("{p},")).unwrap_or_default();
    let mut log = plain_log(&range.log);
    if let Some(u) = &range.unwrap {
        let (unwrap, filters) = unwrap(u);
        std::iter::once(unwrap).chain(filters).for_each(|part| log.push_str(&format!(" {part}")));
    }
    let offset = if range.offset == 0 { String::new() } else { format!(" offset {}", written_go_duration(range.offset)) };
    let grouping = range.grouping.as_ref().map(groups).unwrap_or_default();
    format!("{}({parameter}{log}[{}]{offset}){grouping}", range.op.name(), written_prometheus_duration(range.range))
}

fn pretty_range(range: &RangeExpr, level: usize) -> String {
    let plain = plain_range(range);
    if plain.len() <= WIDTH {
        return indent(level) + &plain;
    }
    let parameter = range.parameter.map(|p| format!("{}{p},\n", indent(level + 1))).unwrap_or_default();
    let mut log = pretty_log(&range.log, level + 1);
    if let Some(u) = &range.unwrap {
        let (unwrap, filters) = unwrap(u);
        std::iter::once(unwrap).chain(filters).for_each(|part| log.push_str(&format!("\n{}{part}", indent(level + 2))));
    }
    let offset = if range.offset == 0 { String::new() } else { format!(" offset {}", written_prometheus_duration(range.offset)) };
    let grouping = range.grouping.as_ref().map(pretty_groups).unwrap_or_default();
    let window = written_prometheus_duration(range.range);
    format!("{0}{1}(\n{parameter}{log} [{window}]{offset}\n{0}){grouping}", indent(level), range.op.name())
}

/// The number of `topk`; none where none is given.
fn count(op: AggregateOp, parameter: Option<f64>) -> Option<String> {
    let takes_one = matches!(op, AggregateOp::TopK | AggregateOp::BottomK);
    parameter.or(takes_one.then_some(0.0)).map(|p| p.to_string())
}

fn operator(op: BinaryOp, return_bool: bool, matching: &Grouping) -> String {
    let mut out = match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "^",
        BinaryOp::Compare(op) => compare(op),
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
        BinaryOp::Unless => "unless",
    }
    .to_owned();
    if return_bool {
        out.push_str(" bool");
    }
    out + &matched(matching)
}

fn matched(matching: &Grouping) -> String {
    if matching.without && matching.labels.is_empty() {
        return String::new();
    }
    format!(" {} ({}) ", if matching.without { "ignoring" } else { "on" }, matching.labels.join(","))
}

fn plain_metric(metric: &MetricExpr) -> String {
    match metric {
        MetricExpr::Number(n) => n.to_string(),
        MetricExpr::Vector(n) => format!("vector({n:.6})"),
        MetricExpr::Range(range) => plain_range(range),
        MetricExpr::Aggregate { op, parameter, grouping, inner } => {
            let by = if !grouping.without && grouping.labels.is_empty() { String::new() } else { groups(grouping) };
            let parameter = count(*op, *parameter).map(|p| p + ",").unwrap_or_default();
            format!("{}{by}({parameter}{})", op.name(), plain_metric(inner))
        }
        MetricExpr::Binary { op, return_bool, matching, left, right } => {
            format!("({} {} {})", plain_metric(left), operator(*op, *return_bool, matching), plain_metric(right))
        }
    }
}

fn pretty_metric(metric: &MetricExpr, level: usize) -> String {
    let plain = plain_metric(metric);
    if plain.len() <= WIDTH {
        return indent(level) + &plain;
    }
    match metric {
        MetricExpr::Number(_) | MetricExpr::Vector(_) => indent(level) + &plain,
        MetricExpr::Range(range) => pretty_range(range, level),
        MetricExpr::Aggregate { op, parameter, grouping, inner } => {
            let parameter = count(*op, *parameter).map(|p| format!("{}{p},\n", indent(level + 1))).unwrap_or_default();
            let inner = pretty_metric(inner, level + 1);
            format!("{0}{1}{2}(\n{parameter}{inner}\n{0})", indent(level), op.name(), pretty_groups(grouping))
        }
        MetricExpr::Binary { op, return_bool, matching, left, right } => {
            let op = operator(*op, *return_bool, matching);
            format!("{}\n{}{op}\n{}", pretty_metric(left, level + 1), indent(level), pretty_metric(right, level + 1))
        }
    }
}
