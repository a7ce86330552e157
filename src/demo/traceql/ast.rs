//! What a TraceQL query says.

use std::fmt;

pub use super::value::{KINDS, STATUSES, Static};

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Its stages that choose spans.
    pub pipeline: Vec<Stage>,
    /// What is computed of the chosen spans over time, last of all.
    pub metrics: Option<Metrics>,
    /// `with (most_recent=true)`: names and values; those that nobody knows mean nothing.
    pub hints: Vec<(String, Static)>,
}

/// One stage of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// `{ … } && { … }`
    Spans(Spanset),
    /// `count() > 2`
    Filter {
        /// What is compared.
        aggregate: Aggregate,
        /// How.
        op: Operator,
        /// With what.
        value: Static,
    },
    /// `by(resource.service.name)`
    By(Field),
    /// `coalesce()`
    Coalesce,
    /// `select(span.http.route)`
    Select(Vec<Field>),
}

/// A set of spans of one trace.
#[derive(Clone, Debug, PartialEq)]
pub enum Spanset {
    /// `{ … }`
    Filter(Field),
    /// `( { … } | count() > 2 )`
    Pipeline(Vec<Stage>),
    /// Two sets combined.
    Operation {
        /// How.
        op: SpansetOp,
        /// Left side.
        left: Box<Spanset>,
        /// Right side.
        right: Box<Spanset>,
    },
}

/// How sets of spans combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpansetOp {
    /// `&&`: both have spans.
    And,
    /// `||`
    Or,
    /// By where spans are in the trace.
    Structural(Relation, Kept),
}

/// What a span on the right is to one on the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `>`
    Child,
    /// `>>`
    Descendant,
    /// `<`
    Parent,
    /// `<<`
    Ancestor,
    /// `~`
    Sibling,
}

/// Which spans of a relation are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// `>>`: those on the right.
    Right,
    /// `!>>`: those on the right that are in no such relation.
    Without,
    /// `&>>`: those on both sides.
    Both,
}

/// A function over a set of spans.
#[derive(Clone, Debug, PartialEq)]
pub enum Aggregate {
    /// `count()`
    Count,
    /// `avg(duration)` and so on.
    Of(AggregateOp, Field),
}

/// How values of spans become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateOp {
    /// `min`
    Min,
    /// `max`
    Max,
    /// `avg`
    Avg,
    /// `sum`
    Sum,
}

/// An expression over one span.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// A value.
    Static(Static),
    /// A property every span has.
    Intrinsic(Intrinsic),
    /// An attribute.
    Attribute(Attribute),
    /// `a = b`
    Binary(Operator, Box<Field>, Box<Field>),
    /// `!a`
    Not(Box<Field>),
    /// `-a`
    Negate(Box<Field>),
}

/// An attribute of the span, of its resource, or of the first that has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attribute {
    /// Where it is looked for.
    pub scope: Scope,
    /// Its name.
    pub name: String,
}

/// Where an attribute is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The span, then its resource.
    Any,
    /// The span.
    Span,
    /// The resource.
    Resource,
    /// Any event of the span.
    Event,
    /// Any link of the span.
    Link,
    /// The scope that the span was made in.
    Instrumentation,
}

impl Scope {
    /// As it is written before the dot.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Span => "span",
            Self::Resource => "resource",
            Self::Event => "event",
            Self::Link => "link",
            Self::Instrumentation => "instrumentation",
        }
    }
}

/// Properties that every span has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Intrinsic {
    /// `name`
    Name,
    /// `status`
    Status,
    /// `statusMessage`
    StatusMessage,
    /// `duration`
    Duration,
    /// `kind`
    Kind,
    /// `rootName`
    RootName,
    /// `rootServiceName`
    RootService,
    /// `traceDuration`
    TraceDuration,
    /// `trace:id`
    TraceId,
    /// `span:id`
    SpanId,
    /// `span:parentID`
    ParentId,
    /// `event:name`
    EventName,
    /// `event:timeSinceStart`
    EventTime,
    /// `link:traceID`
    LinkTrace,
    /// `link:spanID`
    LinkSpan,
    /// `instrumentation:name`
    InstrumentationName,
    /// `instrumentation:version`
    InstrumentationVersion,
    /// `nestedSetParent`
    NestedSetParent,
    /// `nestedSetLeft`
    NestedSetLeft,
    /// `nestedSetRight`
    NestedSetRight,
    /// `childCount`
    ChildCount,
    /// `parent`, which Tempo's grammar has and Tempo does not.
    Parent,
}

impl Intrinsic {
    /// As Tempo writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Status => "status",
            Self::StatusMessage => "statusMessage",
            Self::Duration => "duration",
            Self::Kind => "kind",
            Self::RootName => "rootName",
            Self::RootService => "rootServiceName",
            Self::TraceDuration => "traceDuration",
            Self::TraceId => "trace:id",
            Self::SpanId => "span:id",
            Self::ParentId => "span:parentID",
            Self::EventName => "event:name",
            Self::EventTime => "event:timeSinceStart",
            Self::LinkTrace => "link:traceID",
            Self::LinkSpan => "link:spanID",
            Self::InstrumentationName => "instrumentation:name",
            Self::InstrumentationVersion => "instrumentation:version",
            Self::NestedSetParent => "nestedSetParent",
            Self::NestedSetLeft => "nestedSetLeft",
            Self::NestedSetRight => "nestedSetRight",
            Self::ChildCount => "childCount",
            Self::Parent => "parent",
        }
    }
}

/// What is computed of the chosen spans over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// The first stage.
    pub function: Function,
    /// `by (…)`
    pub by: Vec<Field>,
    /// `topk(3)`, `bottomk(3)`
    pub only: Option<Only>,
}

/// The first stage of a metrics query.
#[derive(Clone, Debug, PartialEq)]
pub enum Function {
    /// `rate()`
    Rate,
    /// `count_over_time()`
    Count,
    /// `min_over_time(duration)` and so on.
    Over(AggregateOp, Field),
    /// `quantile_over_time(duration, 0.5, 0.95)`
    Quantile(Field, Vec<f64>),
    /// `histogram_over_time(duration)`
    Histogram(Field),
    /// `compare({ status = error }, 10, start, end)`
    Compare {
        /// Which spans are the selection.
        selection: Field,
        /// Values of an attribute that are told, at most.
        top: i64,
        /// Start and end of the selection in nanoseconds, zero where it has none.
        window: (i64, i64),
    },
}

/// The second stage: which series are told at each instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// `topk(n)`
    Top(i64),
    /// `bottomk(n)`
    Bottom(i64),
}

/// Operators in expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
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
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `&&`
    And,
    /// `||`
    Or,
}

impl Operator {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::And => "&&",
            Self::Or => "||",
        }
    }

    /// Whether it gives a number.
    pub const fn is_arithmetic(self) -> bool {
        matches!(self, Self::Add | Self::Sub | Self::Mul | Self::Div | Self::Mod | Self::Pow)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.scope.as_str(), self.name)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrapped = |field: &Field| match field {
            Field::Binary(..) | Field::Not(_) | Field::Negate(_) => format!("({field})"),
            plain => plain.to_string(),
        };
        match self {
            Self::Static(Static::Text(s)) => write!(f, "`{s}`"),
            Self::Static(s) => write!(f, "{s}"),
            Self::Intrinsic(i) => f.write_str(i.as_str()),
            Self::Attribute(a) => write!(f, "{a}"),
            Self::Binary(op, a, b) => write!(f, "{} {} {}", wrapped(a), op.as_str(), wrapped(b)),
            Self::Not(a) => write!(f, "!{}", wrapped(a)),
            Self::Negate(a) => write!(f, "-{}", wrapped(a)),
        }
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("count()"),
            Self::Of(op, field) => {
                let name = match op {
                    AggregateOp::Min => "min",
                    AggregateOp::Max => "max",
                    AggregateOp::Avg => "avg",
                    AggregateOp::Sum => "sum",
                };
                write!(f, "{name}({field})")
            }
        }
    }
}

impl Field {
    /// Calls `visit` with every attribute and intrinsic in it.
    pub fn references<'f>(&'f self, visit: &mut dyn FnMut(&'f Field)) {
        match self {
            Self::Static(_) => {}
            Self::Intrinsic(_) | Self::Attribute(_) => visit(self),
            Self::Binary(_, a, b) => {
                a.references(visit);
                b.references(visit);
            }
            Self::Not(a) | Self::Negate(a) => a.references(visit),
        }
    }
}
