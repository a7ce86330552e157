//! What a TraceQL query says.

use std::fmt;

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Its stages.
    pub pipeline: Vec<Stage>,
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
    /// `>`: children of the left.
    Child,
    /// `>>`: descendants of the left.
    Descendant,
    /// `<`: parents of the left.
    Parent,
    /// `<<`: ancestors of the left.
    Ancestor,
    /// `~`: siblings of the left.
    Sibling,
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
        }
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Static {
    /// Nothing: the attribute is missing.
    Nil,
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// Nanoseconds.
    Duration(i64),
    /// 0 unset, 1 ok, 2 error.
    Status(i32),
    /// OpenTelemetry's number of the kind.
    Kind(i32),
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

/// Names of statuses by their number.
pub const STATUSES: [&str; 3] = ["unset", "ok", "error"];
/// Names of kinds by their number.
pub const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];

/// A name by number; empty for numbers that have none.
fn name(of: &[&'static str], number: i32) -> &'static str {
    usize::try_from(number).ok().and_then(|i| of.get(i)).copied().unwrap_or_default()
}

impl fmt::Display for Static {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Text(s) => f.write_str(s),
            Self::Int(n) => write!(f, "{n}"),
            Self::Float(n) => write!(f, "{n}"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Duration(d) => f.write_str(&go_duration(*d)),
            Self::Status(s) => f.write_str(name(&STATUSES, *s)),
            Self::Kind(k) => f.write_str(name(&KINDS, *k)),
        }
    }
}

/// A duration as Go prints it: `1.5s`, `100ms`, `1m0s`.
fn go_duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let ns = nanoseconds.unsigned_abs();
    let unit = |n: u64, name: &str| format!("{sign}{}{name}", ns as f64 / n as f64);
    match ns {
        0 => "0s".to_owned(),
        1..1_000 => unit(1, "ns"),
        1_000..1_000_000 => unit(1_000, "µs"),
        1_000_000..1_000_000_000 => unit(1_000_000, "ms"),
        _ => {
            let (minutes, rest) = (ns / 60_000_000_000, ns % 60_000_000_000);
            let seconds = format!("{}s", rest as f64 / 1e9);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}"),
                (0, m) => format!("{sign}{m}m{seconds}"),
                (h, m) => format!("{sign}{h}h{m}m{seconds}"),
            }
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self.scope {
            Scope::Any => "",
            Scope::Span => "span",
            Scope::Resource => "resource",
        };
        write!(f, "{scope}.{}", self.name)
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
