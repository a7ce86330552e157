//! The words of PromQL, each with how it is written and what it does: Prometheus 3's functions, aggregations and keywords.

use super::{logql_words, traceql_words};
use crate::core::typed::Language;

/// A word that completion offers.
#[derive(Debug, PartialEq, Eq)]
pub struct Word {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub form: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
}

macro_rules! words {
    ($($name:literal $form:literal $help:literal)*) => {
        &[$($crate::views::editor::words::Word { name: $name, form: $form, help: $help }),*]
    };
}
pub(super) use words;

/// Operators that take many series to fewer.
pub(super) static AGGREGATIONS: &[Word] = words! {
    "sum" "sum by (label) (vector)" "Sum of all series"
    "avg" "avg by (label) (vector)" "Mean of all series"
    "min" "min by (label) (vector)" "Smallest value"
    "max" "max by (label) (vector)" "Largest value"
    "count" "count by (label) (vector)" "How many series there are"
    "count_values" "count_values(\"label\", vector)" "How many series have each value"
    "topk" "topk(k, vector)" "The k series with the largest values"
    "bottomk" "bottomk(k, vector)" "The k series with the smallest values"
    "quantile" "quantile(φ, vector)" "The φ-quantile (0 to 1) over all series"
    "stddev" "stddev by (label) (vector)" "Standard deviation over all series"
    "stdvar" "stdvar by (label) (vector)" "Variance over all series"
    "group" "group by (label) (vector)" "1 for each group of series"
    "limitk" "limitk(k, vector)" "Any k series (experimental)"
    "limit_ratio" "limit_ratio(ratio, vector)" "A share of the series (experimental)"
};

/// Functions.
pub(super) static FUNCTIONS: &[Word] = words! {
    "abs" "abs(vector)" "Absolute value"
    "absent" "absent(vector)" "1 where the vector has no series, nothing where it has some"
    "absent_over_time" "absent_over_time(range)" "1 where no sample lies in the range"
    "acos" "acos(vector)" "Arc cosine"
    "acosh" "acosh(vector)" "Inverse hyperbolic cosine"
    "asin" "asin(vector)" "Arc sine"
    "asinh" "asinh(vector)" "Inverse hyperbolic sine"
    "atan" "atan(vector)" "Arc tangent"
    "atanh" "atanh(vector)" "Inverse hyperbolic tangent"
    "avg_over_time" "avg_over_time(range)" "Mean of the range's samples"
    "ceil" "ceil(vector)" "Rounded up"
    "changes" "changes(range)" "How often the value changed within the range"
    "clamp" "clamp(vector, min, max)" "Kept between two bounds"
    "clamp_max" "clamp_max(vector, max)" "Kept below a bound"
    "clamp_min" "clamp_min(vector, min)" "Kept above a bound"
    "cos" "cos(vector)" "Cosine"
    "cosh" "cosh(vector)" "Hyperbolic cosine"
    "count_over_time" "count_over_time(range)" "How many samples lie in the range"
    "day_of_month" "day_of_month(vector)" "Day of the month in UTC, 1 to 31"
    "day_of_week" "day_of_week(vector)" "Day of the week in UTC, 0 is Sunday"
    "day_of_year" "day_of_year(vector)" "Day of the year in UTC, 1 to 366"
    "days_in_month" "days_in_month(vector)" "Days that the month has"
    "deg" "deg(vector)" "Radians as degrees"
    "delta" "delta(range)" "Difference of a gauge over the range"
    "deriv" "deriv(range)" "Slope of a gauge a second, by linear regression"
    "double_exponential_smoothing" "double_exponential_smoothing(range, sf, tf)" "Smoothed value with a trend (experimental)"
    "exp" "exp(vector)" "e to the power of the value"
    "floor" "floor(vector)" "Rounded down"
    "histogram_avg" "histogram_avg(vector)" "Mean of native histograms"
    "histogram_count" "histogram_count(vector)" "Observations of native histograms"
    "histogram_fraction" "histogram_fraction(lower, upper, vector)" "Share of observations between two bounds"
    "histogram_quantile" "histogram_quantile(φ, sum by (le) (rate(x_bucket[5m])))" "The φ-quantile (0 to 1) of a histogram"
    "histogram_stddev" "histogram_stddev(vector)" "Standard deviation of native histograms"
    "histogram_stdvar" "histogram_stdvar(vector)" "Variance of native histograms"
    "histogram_sum" "histogram_sum(vector)" "Sum of the observations of native histograms"
    "holt_winters" "holt_winters(range, sf, tf)" "Smoothed value with a trend (before Prometheus 3)"
    "hour" "hour(vector)" "Hour of the day in UTC"
    "idelta" "idelta(range)" "Difference of the last two samples"
    "increase" "increase(range)" "How much a counter grew over the range"
    "info" "info(vector, {selector})" "Adds labels of info metrics (experimental)"
    "irate" "irate(range)" "Growth a second of a counter, from its last two samples"
    "label_join" "label_join(vector, \"dst\", \"separator\", \"src\", …)" "A label joined from others"
    "label_replace" "label_replace(vector, \"dst\", \"replacement\", \"src\", \"regex\")" "A label made from another by a regex"
    "last_over_time" "last_over_time(range)" "The newest sample of the range"
    "ln" "ln(vector)" "Natural logarithm"
    "log10" "log10(vector)" "Decimal logarithm"
    "log2" "log2(vector)" "Binary logarithm"
    "mad_over_time" "mad_over_time(range)" "Median absolute deviation of the range (experimental)"
    "max_over_time" "max_over_time(range)" "Largest sample of the range"
    "min_over_time" "min_over_time(range)" "Smallest sample of the range"
    "minute" "minute(vector)" "Minute of the hour in UTC"
    "month" "month(vector)" "Month of the year in UTC, 1 to 12"
    "pi" "pi()" "π"
    "predict_linear" "predict_linear(range, seconds)" "The value so many seconds ahead, by linear regression"
    "present_over_time" "present_over_time(range)" "1 for each series with a sample in the range"
    "quantile_over_time" "quantile_over_time(φ, range)" "The φ-quantile (0 to 1) of the range's samples"
    "rad" "rad(vector)" "Degrees as radians"
    "rate" "rate(range)" "Growth a second of a counter, averaged over the range"
    "resets" "resets(range)" "How often a counter began anew within the range"
    "round" "round(vector, to)" "Rounded, to a multiple of `to`"
    "scalar" "scalar(vector)" "The value of the only series; NaN where there are none or several"
    "sgn" "sgn(vector)" "Sign: -1, 0 or 1"
    "sin" "sin(vector)" "Sine"
    "sinh" "sinh(vector)" "Hyperbolic sine"
    "sort" "sort(vector)" "By value, smallest first (in the table)"
    "sort_by_label" "sort_by_label(vector, \"label\", …)" "By labels (experimental)"
    "sort_by_label_desc" "sort_by_label_desc(vector, \"label\", …)" "By labels, backwards (experimental)"
    "sort_desc" "sort_desc(vector)" "By value, largest first (in the table)"
    "sqrt" "sqrt(vector)" "Square root"
    "stddev_over_time" "stddev_over_time(range)" "Standard deviation of the range's samples"
    "stdvar_over_time" "stdvar_over_time(range)" "Variance of the range's samples"
    "sum_over_time" "sum_over_time(range)" "Sum of the range's samples"
    "tan" "tan(vector)" "Tangent"
    "tanh" "tanh(vector)" "Hyperbolic tangent"
    "time" "time()" "The instant of evaluation, in seconds since 1970"
    "timestamp" "timestamp(vector)" "When each sample was taken, in seconds since 1970"
    "vector" "vector(scalar)" "A number as a vector without labels"
    "year" "year(vector)" "Year in UTC"
};

/// What may follow an aggregation's name or its arguments.
pub(super) static GROUPINGS: &[Word] = words! {
    "by" "by (label, …)" "Keep these labels"
    "without" "without (label, …)" "Keep all labels but these"
};

/// What may follow an operand.
pub(super) static OPERATORS: &[Word] = words! {
    "and" "vector and vector" "Series of the left side that the right side has as well"
    "or" "vector or vector" "All of the left side, and what only the right side has"
    "unless" "vector unless vector" "Series of the left side that the right side has not"
    "offset" "offset 1h" "The selector's values that long before"
    "atan2" "vector atan2 vector" "Arc tangent of two values"
};

/// What may follow an operator.
pub(super) static MATCHINGS: &[Word] = words! {
    "on" "on (label, …)" "Match the two sides by these labels"
    "ignoring" "ignoring (label, …)" "Match the two sides by all labels but these"
    "group_left" "group_left (label, …)" "Many series of the left side to one of the right"
    "group_right" "group_right (label, …)" "One series of the left side to many of the right"
    "bool" "vector > bool vector" "0 or 1 in place of filtering"
};

/// What `@` takes beside a Unix time.
pub(super) static INSTANTS: &[Word] = words! {
    "start" "start()" "The beginning of the window"
    "end" "end()" "The end of the window"
};

/// Ranges that are asked for most.
pub(super) static DURATIONS: &[Word] = words! {
    "1m" "1 minute" ""
    "5m" "5 minutes" ""
    "10m" "10 minutes" ""
    "15m" "15 minutes" ""
    "30m" "30 minutes" ""
    "1h" "1 hour" ""
    "6h" "6 hours" ""
    "1d" "1 day" ""
    "7d" "7 days" ""
};

/// How matchers compare.
pub(super) static COMPARISONS: &[Word] = words! {
    "=" "label=\"value\"" "Equal"
    "!=" "label!=\"value\"" "Not equal"
    "=~" "label=~\"regex\"" "Matches the whole value"
    "!~" "label!~\"regex\"" "Does not match the whole value"
};

/// A function or an aggregation by its name.
pub(super) fn callable(name: &str, language: Language) -> Option<&'static Word> {
    match language {
        Language::PromQl => FUNCTIONS.iter().chain(AGGREGATIONS).find(|w| w.name.eq_ignore_ascii_case(name)),
        Language::LogQl => logql_words::callable(name),
        Language::TraceQl => traceql_words::stage(name),
    }
}

pub(super) fn is_aggregation(name: &str, language: Language) -> bool {
    let words = match language {
        Language::PromQl => AGGREGATIONS,
        Language::LogQl => logql_words::AGGREGATIONS,
        Language::TraceQl => return false,
    };
    words.iter().any(|w| w.name.eq_ignore_ascii_case(name))
}

/// A keyword that is followed by labels in parentheses.
pub(super) fn takes_labels(name: &str) -> bool {
    ["by", "without", "on", "ignoring", "group_left", "group_right"].iter().any(|k| k.eq_ignore_ascii_case(name))
}

/// Any word that is no name of a metric or a field.
pub(super) fn is_keyword(name: &str, language: Language) -> bool {
    if language == Language::TraceQl {
        return traceql_words::stage(name).is_some();
    }
    // LogQL has these but for `atan2`.
    let known = || GROUPINGS.iter().chain(OPERATORS).chain(MATCHINGS).any(|w| w.name.eq_ignore_ascii_case(name));
    known() && (language == Language::PromQl || name != "atan2")
}
