//! Label sets and matchers, written the way PromQL and LogQL write them.

use std::{collections::BTreeMap, fmt, fmt::Write as _, sync::Arc};

use compact_str::CompactString;

type Pair = (CompactString, CompactString);

/// A label set: sorted by name, each name once. Cheap to compare, hash, look up and clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(
    /// `None`: the empty set, which takes no memory.
    Option<Arc<[Pair]>>,
);

impl Labels {
    /// The empty set.
    pub const fn new() -> Self {
        Self(None)
    }

    fn pairs(&self) -> &[Pair] {
        self.0.as_deref().unwrap_or_default()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.pairs().binary_search_by(|(n, _)| n.as_str().cmp(name))
    }

    /// The value of a label.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.place(name).ok().map(|i| self.pairs()[i].1.as_str())
    }

    /// Sets a label, replacing its value.
    pub fn set(&mut self, name: impl Into<CompactString>, value: impl Into<CompactString>) {
        let (name, value) = (name.into(), value.into());
        let mut pairs = self.pairs().to_vec();
        match self.place(&name) {
            Ok(i) => pairs[i].1 = value,
            Err(i) => pairs.insert(i, (name, value)),
        }
        *self = Self::of(pairs);
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) {
        if self.place(name).is_ok() {
            *self = Self::of(self.pairs().iter().filter(|(n, _)| n != name).cloned().collect());
        }
    }

    /// All pairs, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.pairs().iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// How many labels.
    pub fn len(&self) -> usize {
        self.pairs().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// Names that the user gave, in place of what redline finds by itself, the best first. Empty: found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelNames {
    /// Labels of metrics and alerts that name the service.
    pub metrics_service: Vec<String>,
    /// Labels of metrics that name the route.
    pub metrics_route: Vec<String>,
    /// Labels of metrics that tell success from failure.
    pub metrics_status: Vec<String>,
    /// Labels of log streams that name the service.
    pub logs_service: Vec<String>,
    /// What selects the log streams of a service, by its name in the metrics.
    pub logs_services: BTreeMap<String, Vec<Matcher>>,
    /// Labels and metadata of log lines that name the pod, host or process.
    pub logs_instance: Vec<String>,
    /// Resource attributes of spans that name the service.
    pub traces_service: Vec<String>,
}

impl<N: Into<CompactString>, V: Into<CompactString>> FromIterator<(N, V)> for Labels {
    /// Later values of a name replace earlier ones.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self::of(pairs.into_iter().map(|(n, v)| (n.into(), v.into())).collect())
    }
}

impl Labels {
    /// Apart from the above, which is compiled once for each kind of iterator: a sort is large.
    fn of(mut pairs: Vec<Pair>) -> Self {
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self((!pairs.is_empty()).then(|| pairs.into()))
    }
}

impl fmt::Display for Labels {
    /// `{a="b", c="d"}`, as selectors are written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        for (i, (n, v)) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}={}", label_name(n), quote(v))?;
        }
        f.write_char('}')
    }
}

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored
    Regex,
    /// `!~`, anchored
    NotRegex,
}

impl MatchOp {
    /// The operator as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// One condition on a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Matcher {
    /// Label name.
    pub name: CompactString,
    /// Comparison.
    pub op: MatchOp,
    /// Value, unescaped; a regular expression for the regex operators.
    pub value: CompactString,
}

impl Matcher {
    /// `name = value`.
    pub fn equal(name: impl Into<CompactString>, value: impl Into<CompactString>) -> Self {
        Self { name: name.into(), op: MatchOp::Equal, value: value.into() }
    }

    /// A condition with any operator.
    pub fn new(name: impl Into<CompactString>, op: MatchOp, value: impl Into<CompactString>) -> Self {
        Self { name: name.into(), op, value: value.into() }
    }

    /// Whether its value is a regular expression.
    pub const fn is_regex(&self) -> bool {
        matches!(self.op, MatchOp::Regex | MatchOp::NotRegex)
    }

    /// Whether it asks for the value, not for any other.
    pub const fn is_equal(&self) -> bool {
        matches!(self.op, MatchOp::Equal | MatchOp::Regex)
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", label_name(&self.name), self.op.as_str(), quote(&self.value))
    }
}

/// A selector `{a="b", c=~"d"}` from matchers.
pub fn selector(matchers: &[Matcher]) -> String {
    let inner: Vec<String> = matchers.iter().map(Matcher::to_string).collect();
    format!("{{{}}}", inner.join(", "))
}

/// A label name as it is written, quoted where it is not of the classic form (UTF-8 names, Prometheus 3).
pub fn label_name(name: &str) -> String {
    let mut chars = name.chars();
    let classic = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_') && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if classic { name.to_owned() } else { quote(name) }
}

/// A string literal as PromQL, LogQL and TraceQL read it.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
