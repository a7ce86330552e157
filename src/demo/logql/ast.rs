//! What a LogQL query says.

use crate::model::labels::Matcher;

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// Lines.
    Log(LogExpr),
    /// Numbers over time.
    Metric(MetricExpr),
}

/// A selector and its pipeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogExpr {
    /// The stream selector.
    pub matchers: Vec<Matcher>,
    /// The pipeline, in order.
    pub stages: Vec<Stage>,
}

/// One stage of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// `|= "a" or "b"`
    Line {
        /// How it compares.
        op: LineOp,
        /// Any of these; for the negative operators none of these.
        texts: Vec<String>,
    },
    /// `| level="error" and status>=500`
    Label(LabelFilter),
    /// `| json`, or only some fields: label and path.
    Json(Vec<(String, String)>),
    /// `| logfmt`, or only some fields: label and key.
    Logfmt {
        /// Stop at the first mistake and say so.
        strict: bool,
        /// Keep keys without a value.
        keep_empty: bool,
        /// Label and key; empty for all.
        fields: Vec<(String, String)>,
    },
    /// `| regexp "…(?P<name>…)"`
    Regexp(String),
    /// `| pattern "<ip> - <_>"`
    Pattern(String),
    /// `| drop a, b="c"`
    Drop(Vec<NameMatcher>),
    /// `| keep a, b="c"`
    Keep(Vec<NameMatcher>),
    /// `| decolorize`
    Decolorize,
    /// `|= ip("10.0.0.0/8")`
    LineIp {
        /// `!=`
        negate: bool,
        /// The addresses.
        pattern: String,
    },
    /// `| unpack`
    Unpack,
    /// `| line_format "{{.msg}}"`
    LineFormat(String),
    /// `| label_format a=b, c="{{.d}}"`
    LabelFormat(Vec<(String, Formatted)>),
}

/// What a label is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Formatted {
    /// Another label, which goes.
    Renamed(String),
    /// A template.
    Template(String),
}

/// How a line filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineOp {
    /// `|=`
    Contains,
    /// `!=`
    NotContains,
    /// `|~`
    Match,
    /// `!~`
    NotMatch,
    /// `|>`
    Pattern,
    /// `!>`
    NotPattern,
}

/// A condition on labels.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelFilter {
    /// `a="b"`; a missing label is the empty string.
    Match(Matcher),
    /// `a>5`; lines without the label do not pass.
    Compare {
        /// Label.
        name: String,
        /// Comparison.
        op: CompareOp,
        /// With what.
        value: Quantity,
    },
    /// `a=ip("10.0.0.0/8")`
    Ip {
        /// Label.
        name: String,
        /// `!=`
        negate: bool,
        /// The addresses.
        pattern: String,
    },
    /// Both.
    And(Box<LabelFilter>, Box<LabelFilter>),
    /// Either.
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

/// A numeric comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `=`, `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
}

impl CompareOp {
    /// Compares.
    pub fn holds<T: PartialOrd>(self, a: &T, b: &T) -> bool {
        match self {
            Self::Equal => a == b,
            Self::NotEqual => a != b,
            Self::Greater => a > b,
            Self::GreaterEqual => a >= b,
            Self::Less => a < b,
            Self::LessEqual => a <= b,
        }
    }
}

/// What a label is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantity {
    /// A plain number.
    Number(f64),
    /// Nanoseconds.
    Duration(i64),
    /// Bytes.
    Bytes(u64),
}

/// A label to drop or keep, perhaps only with a value.
#[derive(Clone, Debug, PartialEq)]
pub enum NameMatcher {
    /// Any value.
    Name(String),
    /// A value that matches.
    Matcher(Matcher),
}

/// Numbers over time.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricExpr {
    /// A number.
    Number(f64),
    /// `vector(1)`
    Vector(f64),
    /// `rate({…}[5m])`
    Range(RangeExpr),
    /// `sum by (a) (…)`
    Aggregate {
        /// How.
        op: AggregateOp,
        /// Of `topk` and `bottomk`.
        parameter: Option<f64>,
        /// Into what groups.
        grouping: Grouping,
        /// Of what.
        inner: Box<MetricExpr>,
    },
    /// `a / b`
    Binary {
        /// How.
        op: BinaryOp,
        /// `bool`: comparisons give 0 and 1.
        return_bool: bool,
        /// How series of both sides find each other: `on` is `without: false`.
        matching: Grouping,
        /// Left side.
        left: Box<MetricExpr>,
        /// Right side.
        right: Box<MetricExpr>,
    },
}

/// Lines, or a value in them, over a window.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeExpr {
    /// How.
    pub op: RangeOp,
    /// Of `quantile_over_time`.
    pub parameter: Option<f64>,
    /// Which lines.
    pub log: LogExpr,
    /// The value in them.
    pub unwrap: Option<Unwrap>,
    /// The window in nanoseconds.
    pub range: i64,
    /// How much earlier, in nanoseconds.
    pub offset: i64,
    /// Into what groups.
    pub grouping: Option<Grouping>,
}

/// `| unwrap duration(x) | __error__=""`
#[derive(Clone, Debug, PartialEq)]
pub struct Unwrap {
    /// The label.
    pub label: String,
    /// How it is read.
    pub conversion: Conversion,
    /// Conditions after it.
    pub filters: Vec<LabelFilter>,
}

/// How an unwrapped label becomes a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// As a number.
    Number,
    /// As a duration, in seconds.
    Duration,
    /// As a size, in bytes.
    Bytes,
}

/// Functions over a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeOp {
    /// `count_over_time`
    Count,
    /// `rate`
    Rate,
    /// `bytes_over_time`
    Bytes,
    /// `bytes_rate`
    BytesRate,
    /// `sum_over_time`
    Sum,
    /// `avg_over_time`
    Avg,
    /// `min_over_time`
    Min,
    /// `max_over_time`
    Max,
    /// `quantile_over_time`
    Quantile,
}

/// Functions over series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateOp {
    /// `sum`
    Sum,
    /// `avg`
    Avg,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `count`
    Count,
    /// `topk`
    TopK,
    /// `bottomk`
    BottomK,
}

/// `by (…)` or `without (…)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouping {
    /// All labels but these.
    pub without: bool,
    /// Label names.
    pub labels: Vec<String>,
}

/// Operators between series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `==` and so on.
    Compare(CompareOp),
    /// `and`
    And,
    /// `or`
    Or,
    /// `unless`
    Unless,
}

impl RangeOp {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count_over_time",
            Self::Rate => "rate",
            Self::Bytes => "bytes_over_time",
            Self::BytesRate => "bytes_rate",
            Self::Sum => "sum_over_time",
            Self::Avg => "avg_over_time",
            Self::Min => "min_over_time",
            Self::Max => "max_over_time",
            Self::Quantile => "quantile_over_time",
        }
    }
}

impl AggregateOp {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
            Self::TopK => "topk",
            Self::BottomK => "bottomk",
        }
    }
}
