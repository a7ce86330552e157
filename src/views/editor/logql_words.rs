//! The words of LogQL, each with how it is written and what it does: Loki 3's functions, parsers and stages.

use super::words::{Word, words};

/// Functions of the lines in a range.
pub(super) static RANGES: &[Word] = words! {
    "rate" "rate({…} [5m])" "Lines a second; of unwrapped values their sum a second"
    "count_over_time" "count_over_time({…} [5m])" "How many lines lie in the range"
    "bytes_rate" "bytes_rate({…} [5m])" "Bytes of lines a second"
    "bytes_over_time" "bytes_over_time({…} [5m])" "Bytes of the lines in the range"
    "absent_over_time" "absent_over_time({…} [5m])" "1 where no line lies in the range"
    "sum_over_time" "sum_over_time({…} | unwrap field [5m])" "Sum of the unwrapped values"
    "avg_over_time" "avg_over_time({…} | unwrap field [5m])" "Mean of the unwrapped values"
    "max_over_time" "max_over_time({…} | unwrap field [5m])" "Largest unwrapped value"
    "min_over_time" "min_over_time({…} | unwrap field [5m])" "Smallest unwrapped value"
    "quantile_over_time" "quantile_over_time(φ, {…} | unwrap field [5m])" "The φ-quantile (0 to 1) of the unwrapped values"
    "first_over_time" "first_over_time({…} | unwrap field [5m])" "The oldest unwrapped value"
    "last_over_time" "last_over_time({…} | unwrap field [5m])" "The newest unwrapped value"
    "stddev_over_time" "stddev_over_time({…} | unwrap field [5m])" "Standard deviation of the unwrapped values"
    "stdvar_over_time" "stdvar_over_time({…} | unwrap field [5m])" "Variance of the unwrapped values"
    "rate_counter" "rate_counter({…} | unwrap field [5m])" "Growth a second of an unwrapped counter"
};

/// Operators that take many series to fewer.
pub(super) static AGGREGATIONS: &[Word] = words! {
    "sum" "sum by (label) (vector)" "Sum of all series"
    "avg" "avg by (label) (vector)" "Mean of all series"
    "min" "min by (label) (vector)" "Smallest value"
    "max" "max by (label) (vector)" "Largest value"
    "count" "count by (label) (vector)" "How many series there are"
    "topk" "topk(k, vector)" "The k series with the largest values"
    "bottomk" "bottomk(k, vector)" "The k series with the smallest values"
    "stddev" "stddev by (label) (vector)" "Standard deviation over all series"
    "stdvar" "stdvar by (label) (vector)" "Variance over all series"
    "sort" "sort(vector)" "By value, smallest first (in the table)"
    "sort_desc" "sort_desc(vector)" "By value, largest first (in the table)"
    "approx_topk" "approx_topk(k, vector)" "About the k series with the largest values, cheaper (experimental)"
};

/// Other functions.
pub(super) static FUNCTIONS: &[Word] = words! {
    "label_replace" "label_replace(vector, \"dst\", \"replacement\", \"src\", \"regex\")" "A label made from another by a regex"
    "vector" "vector(scalar)" "A number as a vector without labels"
};

/// What a query of lines begins with.
pub(super) static SELECTORS: &[Word] = words! {
    "{" "{label=\"value\"}" "Lines of the streams with these labels"
};

/// What may follow a selector or a stage.
pub(super) static PIPES: &[Word] = words! {
    "|=" "|= \"text\"" "Lines that contain the text"
    "!=" "!= \"text\"" "Lines that do not contain the text"
    "|~" "|~ \"regex\"" "Lines that match the regex anywhere"
    "!~" "!~ \"regex\"" "Lines that do not match the regex"
    "|>" "|> \"<_> text <_>\"" "Lines that match the pattern"
    "!>" "!> \"<_> text <_>\"" "Lines that do not match the pattern"
    "|" "| json" "A parser, a condition on a field, or another stage"
};

/// What may follow `|`, beside a field to compare.
pub(super) static STAGES: &[Word] = words! {
    "json" "json field=\"path.to[0]\", …" "The fields of lines in JSON: all, or those that are named"
    "logfmt" "logfmt --strict --keep-empty field=\"name\", …" "The fields of lines in logfmt: all, or those that are named"
    "pattern" "pattern \"<ip> - <_> <method> <_>\"" "Fields by where they stand in the line"
    "regexp" "regexp \"(?P<field>\\\\w+)\"" "Fields by the named groups of a regex"
    "unpack" "unpack" "The labels and the line that Promtail packed into JSON"
    "decolorize" "decolorize" "The line without the codes of its colours"
    "line_format" "line_format \"{{.field}}\"" "Another line, made by a template"
    "label_format" "label_format new=old, other=\"{{.field}}\"" "Fields renamed, or made by a template"
    "drop" "drop field, other=\"value\"" "The line without these fields"
    "keep" "keep field, other=\"value\"" "The line with these fields alone"
    "unwrap" "unwrap field" "The number that a function of the range takes from each line"
};

/// What a number is read as.
pub(super) static CONVERSIONS: &[Word] = words! {
    "duration" "duration(field)" "A duration such as 1m30s, in seconds"
    "duration_seconds" "duration_seconds(field)" "A duration such as 1m30s, in seconds"
    "bytes" "bytes(field)" "A size such as 5 MB, in bytes"
};

/// What changes how logfmt is read.
pub(super) static FLAGS: &[Word] = words! {
    "--strict" "--strict" "Stop at what is no logfmt"
    "--keep-empty" "--keep-empty" "Keep fields without a value"
};

/// How numbers, durations and sizes of a field compare.
pub(super) static ORDERS: &[Word] = words! {
    ">" "> 10ms" "More than"
    ">=" ">= 500" "As much or more"
    "<" "< 5KB" "Less than"
    "<=" "<= 0.5" "As much or less"
    "==" "== 200" "The same number"
};

/// What joins conditions on fields.
pub(super) static JOINS: &[Word] = words! {
    "and" "and field=\"value\"" "Both hold"
    "or" "or field=\"value\"" "One of them holds"
};

/// What may follow the text of a filter.
pub(super) static OTHERWISE: &[Word] = words! {
    "or" "or \"text\"" "Or this text"
};

/// What may follow an operand.
pub(super) static OPERATORS: &[Word] = words! {
    "and" "vector and vector" "Series of the left side that the right side has as well"
    "or" "vector or vector" "All of the left side, and what only the right side has"
    "unless" "vector unless vector" "Series of the left side that the right side has not"
};

/// What may follow a range.
pub(super) static SHIFTS: &[Word] = words! {
    "offset" "offset 1h" "The lines of that long before"
};

/// Ranges where one is missing.
pub(super) static WHOLE_RANGES: &[Word] = words! {
    "[1m]" "1 minute" ""
    "[5m]" "5 minutes" ""
    "[15m]" "15 minutes" ""
    "[1h]" "1 hour" ""
};

/// A function or an aggregation by its name.
pub(super) fn callable(name: &str) -> Option<&'static Word> {
    [RANGES, AGGREGATIONS, FUNCTIONS, CONVERSIONS].into_iter().flatten().find(|w| w.name == name)
}

/// A parser or another stage by its name.
pub(super) fn stage(name: &str) -> Option<&'static Word> {
    STAGES.iter().find(|w| w.name == name)
}
