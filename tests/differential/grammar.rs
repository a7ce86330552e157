//! Random expressions of the supported grammar. Metric names are written `$name`, for a prefix.

use crate::random::Random;

/// Writes expressions.
pub struct Grammar<'a>(pub &'a mut Random);

impl Grammar<'_> {
    /// An instant vector, or now and then a scalar.
    pub fn expression(&mut self) -> String {
        if self.0.chance(0.05) { self.scalar(2) } else { self.vector(3) }
    }

    fn vector(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.selector();
        }
        match self.0.below(16) {
            0 => self.selector(),
            1..=3 => self.over_window(depth),
            4..=6 => self.aggregation(depth),
            7 | 8 => self.with_scalar(depth),
            9 | 10 => self.two_vectors(depth),
            11 => self.set_operation(depth),
            12 => self.quantile_of_histogram(),
            13 => self.relabel(depth),
            14 => self.function(depth),
            _ => format!("-{}", self.grouped(depth)),
        }
    }

    fn grouped(&mut self, depth: usize) -> String {
        format!("({})", self.vector(depth - 1))
    }

    fn scalar(&mut self, depth: usize) -> String {
        match self.0.below(if depth == 0 { 3 } else { 6 }) {
            0 | 1 => self.number(),
            2 => "time()".into(),
            3 => format!("scalar({})", self.vector(depth - 1)),
            4 => format!("({} {} {})", self.scalar(depth - 1), self.arithmetic(), self.scalar(depth - 1)),
            _ => format!("({} {} bool {})", self.scalar(depth - 1), self.comparison(), self.scalar(depth - 1)),
        }
    }

    fn number(&mut self) -> String {
        self.0.pick(&["0", "1", "2", "0.37", "-3.7", "100.5", "1e3", "7", "NaN", "Inf", "-Inf"]).into()
    }

    fn arithmetic(&mut self) -> &'static str {
        self.0.pick(&["+", "-", "*", "/", "%", "^", "atan2"])
    }

    fn comparison(&mut self) -> &'static str {
        self.0.pick(&["==", "!=", ">", "<", ">=", "<="])
    }

    fn selector(&mut self) -> String {
        let (base, time) = (self.series(), self.time());
        format!("{base}{time}")
    }

    /// A metric with matchers, without a time.
    fn series(&mut self) -> String {
        let name = self.0.pick(&[
            "req_total",
            "err_total",
            "gauge",
            "weird",
            "aligned",
            "level",
            "info",
            "lat_bucket",
            "lat_count",
            "lat_sum",
            "odd_bucket",
        ]);
        let matchers = self.0.pick(&[
            "",
            "",
            "",
            "{job=\"api\"}",
            "{job!=\"api\"}",
            "{job=~\"a.*|web\"}",
            "{job!~\"d.\", instance=\"1\"}",
            "{instance=\"\"}",
            "{code=~\"[45].+\"}",
            "{job=\"none\"}",
        ]);
        format!("${name}{matchers}")
    }

    fn time(&mut self) -> String {
        self.0
            .pick(&["", "", "", "", "", "", " offset 1m", " offset 7m30s", " offset -2m", " @ start()", " @ end()", " @ end() offset 3m"])
            .into()
    }

    fn range(&mut self, depth: usize) -> String {
        let length = self.0.pick(&["30s", "1m", "90s", "5m", "10m"]);
        if depth > 1 && self.0.chance(0.25) {
            let step = self.0.pick(&["", "1m", "45s"]);
            return format!("({})[{length}:{step}]{}", self.vector(depth - 2), self.time());
        }
        format!("{}[{length}]{}", self.series(), self.time())
    }

    fn over_window(&mut self, depth: usize) -> String {
        let function = self.0.pick(&[
            "rate",
            "rate",
            "increase",
            "delta",
            "irate",
            "idelta",
            "avg_over_time",
            "min_over_time",
            "max_over_time",
            "sum_over_time",
            "count_over_time",
            "last_over_time",
            "present_over_time",
            "absent_over_time",
            "stddev_over_time",
            "stdvar_over_time",
            "changes",
            "resets",
            "deriv",
        ]);
        match self.0.below(10) {
            0 => format!("quantile_over_time({}, {})", self.scalar(1), self.range(depth)),
            1 => format!("predict_linear({}, {})", self.range(depth), self.scalar(1)),
            _ => format!("{function}({})", self.range(depth)),
        }
    }

    fn grouping(&mut self) -> &'static str {
        self.0.pick(&[
            "",
            "",
            " by (job)",
            " by (job, instance)",
            " by ()",
            " by (none)",
            " without (instance)",
            " without (code, le)",
            " without ()",
        ])
    }

    fn aggregation(&mut self, depth: usize) -> String {
        let grouping = self.grouping();
        match self.0.below(14) {
            0 => format!("quantile{grouping} ({}, {})", self.scalar(1), self.vector(depth - 1)),
            1 => format!("count_values{grouping} (\"v\", floor({}))", self.vector(depth - 1)),
            // Only over values that differ: which of two equal ones is taken is not defined.
            2 => format!("topk{grouping} ({}, $gauge{})", self.0.pick(&["1", "2", "3", "0", "100"]), self.time()),
            3 => format!("bottomk{grouping} (2, $gauge{})", self.time()),
            _ => {
                let op = self.0.pick(&["sum", "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]);
                format!("{op}{grouping} ({})", self.vector(depth - 1))
            }
        }
    }

    fn with_scalar(&mut self, depth: usize) -> String {
        let (vector, scalar) = (self.grouped(depth), self.scalar(1));
        let op = match self.0.below(3) {
            0 => self.arithmetic().to_owned(),
            1 => self.comparison().to_owned(),
            _ => format!("{} bool", self.comparison()),
        };
        if self.0.chance(0.3) { format!("{scalar} {op} {vector}") } else { format!("{vector} {op} {scalar}") }
    }

    fn two_vectors(&mut self, depth: usize) -> String {
        let op = if self.0.chance(0.7) { self.arithmetic().to_owned() } else { self.comparison().to_owned() };
        let (left, right) = (self.grouped(depth), self.grouped(depth));
        match self.0.below(6) {
            // No difference of equal sums: what is left of it is rounding, and in Prometheus that differs from run to run.
            0 => format!("{left} * {left}"),
            1 => format!("{left} {op} on (job) sum by (job) {right}"),
            2 => format!("{left} {op} on (job) group_left () max by (job) {right}"),
            3 => format!("avg by (job) {left} {op} on (job) group_right () {right}"),
            4 => format!("{left} {op} ignoring (code, instance) group_left () sum without (code, instance) {right}"),
            _ => format!("{left} * on (job) group_left (version) $info"),
        }
    }

    fn set_operation(&mut self, depth: usize) -> String {
        let op = self.0.pick(&["and", "or", "unless"]);
        let matching = self.0.pick(&["", "", "on (job)", "ignoring (instance)", "on ()"]);
        format!("{} {op} {matching} {}", self.grouped(depth), self.grouped(depth))
    }

    fn quantile_of_histogram(&mut self) -> String {
        let q = self.0.pick(&["0.5", "0.9", "0.99", "0", "1", "-1", "2", "NaN"]);
        let buckets = self.0.pick(&[
            "rate($lat_bucket[5m])",
            "sum by (le) (rate($lat_bucket[1m]))",
            "sum by (job, le) (increase($lat_bucket[10m]))",
            "$lat_bucket",
            "$odd_bucket",
            "rate($odd_bucket[2m])",
            "$gauge",
            "$lat_bucket{le!=\"+Inf\"}",
        ]);
        if self.0.chance(0.2) { format!("histogram_fraction(0.2, {q}, {buckets})") } else { format!("histogram_quantile({q}, {buckets})") }
    }

    fn relabel(&mut self, depth: usize) -> String {
        let vector = self.vector(depth - 1);
        let arguments = self.0.pick(&[
            "\"new\", \"x-$1\", \"job\", \"(.).*\"",
            "\"job\", \"\", \"instance\", \".*\"",
            "\"new\", \"${1}$$\", \"code\", \"(5)..\"",
            "\"instance\", \"same\", \"\", \"\"",
        ]);
        if self.0.chance(0.3) {
            format!("label_join({vector}, \"new\", \"-\", \"job\", \"instance\", \"none\")")
        } else {
            format!("label_replace({vector}, {arguments})")
        }
    }

    fn function(&mut self, depth: usize) -> String {
        let vector = self.vector(depth - 1);
        let simple = self.0.pick(&[
            "abs",
            "ceil",
            "floor",
            "sqrt",
            "exp",
            "ln",
            "log2",
            "log10",
            "sgn",
            "absent",
            "sort",
            "sort_desc",
            "timestamp",
            "sin",
            "atan",
            "rad",
            "deg",
        ]);
        match self.0.below(9) {
            0 => format!("clamp({vector}, -5, {})", self.scalar(1)),
            1 => format!("clamp_min({vector}, {})", self.scalar(1)),
            2 => format!("clamp_max({vector}, {})", self.scalar(1)),
            3 => format!("round({vector}, 0.1)"),
            4 => format!("vector({})", self.scalar(2)),
            // Not of values that are no numbers: their dates are not defined.
            5 => format!(
                "{}($gauge * 86400)",
                self.0.pick(&["hour", "minute", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"])
            ),
            _ => format!("{simple}({vector})"),
        }
    }
}
