//! The classes of the rate's graph: what fails apart from what does not.

use std::borrow::Cow;

use crate::{
    model::series::{Matrix, Sample, Series},
    red::StatusShape,
    theme::Role,
    ui::chart::stack,
};

/// Classes with a line of their own; a legend of more is not read.
const MOST: usize = 8;

/// A class of requests, or the rest of many.
pub(super) struct Class<'m> {
    pub name: Cow<'m, str>,
    pub kind: Kind,
    pub series: Cow<'m, Series>,
}

/// What a class is, the bottom of the stack first: what fails must not be hidden by what does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Failing,
    AskedWrongly,
    Redirected,
    Well,
}

impl Kind {
    fn of(class: &str, shape: Option<StatusShape>) -> Self {
        match class {
            _ if shape.is_some_and(|shape| shape.is_failure(class)) => Self::Failing,
            "4xx" | "CLIENT_ERROR" => Self::AskedWrongly,
            "3xx" | "REDIRECTION" => Self::Redirected,
            _ => Self::Well,
        }
    }

    pub(super) const fn role(self) -> Role {
        match self {
            Self::Failing => Role::Status5xx,
            Self::AskedWrongly => Role::Status4xx,
            Self::Redirected => Role::Status3xx,
            Self::Well => Role::Status2xx,
        }
    }
}

/// The classes from the bottom of the stack on. Of many the busiest have their own line, and the rest are one: never one of
/// both what fails and what does not.
pub(super) fn classes(matrix: &Matrix, shape: Option<StatusShape>) -> Vec<Class<'_>> {
    let class = |s| Class { name: class_of(s).into(), kind: Kind::of(class_of(s), shape), series: Cow::Borrowed(s) };
    let mut all: Vec<(Class<'_>, f64)> = matrix.series.iter().map(|s| (class(s), requests(s))).collect();
    all.sort_by(|(a, of_a), (b, of_b)| a.kind.cmp(&b.kind).then(of_b.total_cmp(of_a)).then_with(|| a.name.cmp(&b.name)));
    let mut failing: Vec<Class<'_>> = all.into_iter().map(|(class, _)| class).collect();
    let others = failing.split_off(failing.partition_point(|c| c.kind == Kind::Failing));
    let mut out = folded(failing, MOST - usize::from(!others.is_empty()), "failing");
    let room = MOST - out.len();
    out.extend(folded(others, room, "others"));
    out
}

fn class_of(series: &Series) -> &str {
    series.labels.get("class").unwrap_or("")
}

/// How many, to compare.
fn requests(series: &Series) -> f64 {
    series.samples.iter().map(|s| s.value).filter(|v| v.is_finite()).sum()
}

/// The first ones, and in the last place the sum of all that there is no room for.
fn folded<'m>(mut classes: Vec<Class<'m>>, room: usize, name: &str) -> Vec<Class<'m>> {
    if classes.len() <= room {
        return classes;
    }
    let rest = classes.split_off(room - 1);
    let samples: Vec<&[Sample]> = rest.iter().map(|c| c.series.samples.as_slice()).collect();
    let sum = stack(&samples).pop().unwrap_or_default();
    let kind = rest.last().map_or(Kind::Well, |c| c.kind);
    classes.push(Class {
        name: format!("{name}({})", rest.len()).into(),
        kind,
        series: Cow::Owned(Series { samples: sum, ..Series::default() }),
    });
    classes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        labels::Labels,
        time::{TimeRange, Timestamp},
    };

    fn told(classes_of: &[(&str, f64)], shape: StatusShape) -> Vec<(String, Kind, f64)> {
        let series = |(class, value): &(&str, f64)| Series {
            labels: [("class", *class)].into_iter().filter(|(_, class)| !class.is_empty()).collect::<Labels>(),
            samples: vec![Sample { at: Timestamp::ZERO, value: *value }],
        };
        let range = TimeRange { start: Timestamp::ZERO, end: Timestamp::ZERO };
        let series = classes_of.iter().map(series).collect();
        let matrix = Matrix { series, range, step: std::time::Duration::from_secs(60), warnings: Vec::new() };
        classes(&matrix, Some(shape)).into_iter().map(|c| (c.name.into_owned(), c.kind, c.series.samples[0].value)).collect()
    }

    #[test]
    fn what_fails_is_at_the_bottom_of_the_stack_in_any_words() {
        for (shape, well, failing) in [
            (StatusShape::Word, "success", "failure"),
            (StatusShape::GrpcName, "OK", "DeadlineExceeded"),
            (StatusShape::GrpcNumber, "0", "14"),
            (StatusShape::Present, "", "java.net.ConnectException"),
            (StatusShape::SpanStatus, "UNSET", "ERROR"),
            (StatusShape::Bool, "false", "true"),
            (StatusShape::Code, "2xx", "5xx"),
        ] {
            let kinds = told(&[(well, 9.0), (failing, 1.0)], shape);
            let expected = [(failing, Kind::Failing, 1.0), (well, Kind::Well, 9.0)];
            assert_eq!(kinds, expected.map(|(name, kind, value)| (name.to_owned(), kind, value)));
        }
        assert_eq!(told(&[("NotFound", 1.0)], StatusShape::GrpcName)[0].1, Kind::Well, "the one who asked is to blame");
    }

    #[test]
    fn what_fails_is_in_no_line_with_what_does_not() {
        let names: Vec<String> = (0..30).map(|i| format!("e{i:02}")).collect();
        let mut all: Vec<(&str, f64)> = names.iter().map(|n| (n.as_str(), 1.0)).collect();
        all.push(("", 500.0));
        let lines = told(&all, StatusShape::Present);
        assert_eq!(lines.len(), MOST);
        assert_eq!(lines[6], ("failing(24)".to_owned(), Kind::Failing, 24.0));
        assert_eq!(lines[7], (String::new(), Kind::Well, 500.0));
        // Few failures beside many others keep their lines, however rare they are.
        let well: Vec<(&str, f64)> = names.iter().map(|n| (n.as_str(), 50.0)).chain([("Internal", 0.1), ("DataLoss", 0.2)]).collect();
        let lines = told(&well, StatusShape::GrpcName);
        assert_eq!(lines.iter().map(|l| l.0.as_str()).take(2).collect::<Vec<_>>(), ["DataLoss", "Internal"]);
        assert_eq!((lines.len(), lines[7].0.as_str(), lines[7].1), (MOST, "others(25)", Kind::Well));
    }
}
