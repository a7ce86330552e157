//! How a label tells failures.

/// How a label of the requests tells failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRule {
    /// The label.
    pub label: String,
    /// What its values look like.
    pub shape: StatusShape,
}

/// How a status label's values tell failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusShape {
    /// `200`, `503`.
    Code,
    /// `2xx`, `5xx`.
    Class,
    /// `2`, `5`.
    Digit,
    /// `STATUS_CODE_ERROR`.
    SpanStatus,
    /// `Ok`, `Error`.
    Word,
    /// `OK`, `Unavailable`, `DEADLINE_EXCEEDED`.
    GrpcName,
    /// `0` to `16`.
    GrpcNumber,
    /// `SUCCESS`, `SERVER_ERROR`.
    Outcome,
    /// `true`, `false`: whether it failed.
    Bool,
    /// Anything where it failed, nothing where it did not.
    Present,
}

impl StatusShape {
    /// The condition for a failure of the server, to follow the label's name. gRPC's failures are those that the server is
    /// to blame for, not what a client asked wrongly.
    pub const fn failed(self) -> &'static str {
        match self {
            Self::Code => r#"=~"5..""#,
            Self::Class => r#"=~"5xx""#,
            Self::Digit => r#"="5""#,
            Self::SpanStatus => r#"="STATUS_CODE_ERROR""#,
            Self::Word => r#"=~"(?i)error|failure""#,
            Self::GrpcName => r#"=~"(?i)unknown|deadline_?exceeded|unimplemented|internal|unavailable|data_?loss|resource_?exhausted""#,
            Self::GrpcNumber => r#"=~"2|4|8|12|13|14|15""#,
            Self::Outcome => r#"="SERVER_ERROR""#,
            Self::Bool => r#"="true""#,
            Self::Present => r#"!="""#,
        }
    }

    /// Whether a class of requests, as [`Self::class`] shows it, is of those that [`Self::failed`] finds.
    pub fn is_failure(self, class: &str) -> bool {
        const GRPC: [&str; 7] =
            ["unknown", "deadlineexceeded", "unimplemented", "internal", "unavailable", "dataloss", "resourceexhausted"];
        match self {
            Self::Code | Self::Class | Self::Digit => class == "5xx",
            Self::SpanStatus => class == "ERROR",
            Self::Word => class.eq_ignore_ascii_case("error") || class.eq_ignore_ascii_case("failure"),
            Self::GrpcName => GRPC.contains(&class.replace('_', "").to_ascii_lowercase().as_str()),
            Self::GrpcNumber => matches!(class, "2" | "4" | "8" | "12" | "13" | "14" | "15"),
            Self::Outcome => class == "SERVER_ERROR",
            Self::Bool => class == "true",
            Self::Present => !class.is_empty(),
        }
    }

    /// How the values are grouped for the rate by class: a pattern and what of it is shown.
    pub const fn class(self) -> (&'static str, &'static str) {
        match self {
            Self::Code | Self::Class | Self::Digit => ("([1-5]).*", "${1}xx"),
            Self::SpanStatus => ("STATUS_CODE_(.*)", "$1"),
            Self::Word | Self::GrpcName | Self::GrpcNumber | Self::Outcome | Self::Bool | Self::Present => ("(.*)", "$1"),
        }
    }

    /// What shape the values of a label have; `None` when they do not look like a status.
    pub fn of<'a>(label: &str, values: impl Iterator<Item = &'a str> + Clone, grpc: bool) -> Option<Self> {
        // OpenTelemetry: the class of the error, or the status as text, and not there at all where all is well.
        if matches!(label, "error_type" | "error.type") {
            return Some(Self::Present);
        }
        Self::of_values(values, grpc)
    }

    fn of_values<'a>(values: impl Iterator<Item = &'a str> + Clone, grpc: bool) -> Option<Self> {
        let all = |test: fn(&str) -> bool| values.clone().all(test);
        if values.clone().next().is_none() {
            None
        } else if values.clone().any(is_code) {
            // Some say UNKNOWN or 0 beside, where there was no answer.
            Some(Self::Code)
        } else if values.clone().any(|v| v.len() == 3 && v.ends_with("xx") && v.as_bytes()[0].is_ascii_digit()) {
            // HAProxy says "other" beside.
            Some(Self::Class)
        } else if grpc && all(|v| v.parse::<u8>().is_ok_and(|n| n <= 16)) {
            Some(Self::GrpcNumber)
        } else if all(|v| matches!(v, "1" | "2" | "3" | "4" | "5")) {
            Some(Self::Digit)
        } else if all(|v| v.starts_with("STATUS_CODE_")) {
            Some(Self::SpanStatus)
        } else if all(|v| matches!(v, "true" | "false")) {
            Some(Self::Bool)
        } else if all(|v| matches!(v, "SUCCESS" | "REDIRECTION" | "INFORMATIONAL" | "CLIENT_ERROR" | "SERVER_ERROR" | "UNKNOWN")) {
            Some(Self::Outcome)
        } else if all(|v| matches!(v.to_ascii_lowercase().as_str(), "ok" | "error" | "unset" | "success" | "failure")) {
            // `OK` alone is gRPC's word as well.
            Some(if grpc { Self::GrpcName } else { Self::Word })
        } else if all(is_grpc_name) {
            Some(Self::GrpcName)
        } else {
            None
        }
    }
}

/// An HTTP status.
fn is_code(value: &str) -> bool {
    value.len() == 3 && (b'1'..=b'5').contains(&value.as_bytes()[0]) && value.bytes().all(|b| b.is_ascii_digit())
}

fn is_grpc_name(value: &str) -> bool {
    const NAMES: [&str; 17] = [
        "ok",
        "canceled",
        "cancelled",
        "unknown",
        "invalidargument",
        "deadlineexceeded",
        "notfound",
        "alreadyexists",
        "permissiondenied",
        "resourceexhausted",
        "failedprecondition",
        "aborted",
        "outofrange",
        "unimplemented",
        "internal",
        "unavailable",
        "dataloss",
    ];
    let plain = value.replace('_', "").to_ascii_lowercase();
    plain == "unauthenticated" || NAMES.contains(&plain.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PromQL makes of the condition for failures.
    fn matches(condition: &str, value: &str) -> bool {
        let text = |quoted: &str| quoted.trim_matches('"').to_owned();
        match (condition.strip_prefix("=~"), condition.strip_prefix("!="), condition.strip_prefix('=')) {
            (Some(pattern), ..) => regex::Regex::new(&format!("^(?:{})$", text(pattern))).unwrap().is_match(value),
            (_, Some(other), _) => value != text(other),
            (.., Some(same)) => value == text(same),
            _ => panic!("{condition}"),
        }
    }

    #[test]
    fn a_class_is_drawn_as_failing_where_its_values_are_asked_for_as_failures() {
        use StatusShape::{Bool, Class, Code, Digit, GrpcName, GrpcNumber, Outcome, Present, SpanStatus, Word};
        let numbers: Vec<String> = (0..=16).map(|n| n.to_string()).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let grpc = ["OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "DEADLINE_EXCEEDED", "NotFound", "AlreadyExists"];
        let more = ["PermissionDenied", "ResourceExhausted", "RESOURCE_EXHAUSTED", "FailedPrecondition", "Aborted", "OutOfRange"];
        let rest = ["Unimplemented", "Internal", "unavailable", "DataLoss", "DATA_LOSS", "Unauthenticated"];
        for (shape, values) in [
            (Code, &["200", "304", "404", "500", "503"][..]),
            (Class, &["2xx", "4xx", "5xx"]),
            (Digit, &["1", "2", "4", "5"]),
            (SpanStatus, &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"]),
            (Word, &["Ok", "Error", "error", "success", "failure", "unset"]),
            (GrpcName, &[&grpc[..], &more, &rest].concat()),
            (GrpcNumber, &numbers),
            (Outcome, &["SUCCESS", "CLIENT_ERROR", "SERVER_ERROR", "UNKNOWN"]),
            (Bool, &["true", "false"]),
            (Present, &["", "timeout", "500"]),
        ] {
            let (pattern, shown) = shape.class();
            let pattern = regex::Regex::new(&format!("^(?:{pattern})$")).unwrap();
            for value in values {
                let class = pattern.replace(value, shown);
                assert_eq!(shape.is_failure(&class), matches(shape.failed(), value), "{shape:?} {value} {class}");
            }
        }
    }

    #[test]
    fn shapes_are_told_by_values() {
        let shape = |values: &[&str], grpc| StatusShape::of("code", values.iter().copied(), grpc);
        assert_eq!(shape(&["200", "404"], false), Some(StatusShape::Code));
        assert_eq!(shape(&["200", "UNKNOWN"], false), Some(StatusShape::Code));
        assert_eq!(shape(&["2xx", "5xx"], false), Some(StatusShape::Class));
        assert_eq!(shape(&["2", "5"], false), Some(StatusShape::Digit));
        assert_eq!(shape(&["0", "14"], true), Some(StatusShape::GrpcNumber));
        assert_eq!(shape(&["OK", "DeadlineExceeded"], true), Some(StatusShape::GrpcName));
        assert_eq!(shape(&["OK"], true), Some(StatusShape::GrpcName));
        assert_eq!(shape(&["STATUS_CODE_UNSET"], false), Some(StatusShape::SpanStatus));
        assert_eq!(shape(&["SUCCESS", "SERVER_ERROR"], false), Some(StatusShape::Outcome));
        assert_eq!(shape(&["false"], false), Some(StatusShape::Bool));
        assert_eq!(shape(&["Ok", "Error"], false), Some(StatusShape::Word));
        assert_eq!(shape(&["1xx", "5xx", "other"], false), Some(StatusShape::Class), "HAProxy");
        assert_eq!(StatusShape::of("error_type", ["timeout", "500"].into_iter(), false), Some(StatusShape::Present));
        assert_eq!(shape(&["active", "idle"], false), None);
        assert_eq!(shape(&[], false), None);
    }
}
