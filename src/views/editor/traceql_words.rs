//! The words of TraceQL, each with how it is written and what it does: Tempo 2's intrinsics, operators and stages.

use super::words::{Word, words};

/// What every span has without attributes.
pub(super) static INTRINSICS: &[Word] = words! {
    "name" "name = \"GET /\"" "The span's name"
    "status" "status = error" "error, ok or unset"
    "duration" "duration > 1s" "How long the span took"
    "kind" "kind = server" "server, client, internal, producer or consumer"
    "statusMessage" "statusMessage = \"timeout\"" "What was said of the status"
    "traceDuration" "traceDuration > 1s" "How long its trace took"
    "rootName" "rootName = \"GET /\"" "The name of its trace's root span"
    "rootServiceName" "rootServiceName = \"web\"" "The service of its trace's root span"
    "nestedSetParent" "nestedSetParent < 0" "Less than 0 for root spans"
    "trace:id" "trace:id = \"0af7651916cd43dd8448eb211c80319c\"" "The trace"
    "span:id" "span:id = \"b7ad6b7169203331\"" "The span"
    "event:name" "event:name = \"exception\"" "The name of an event of the span"
    "childCount" "childCount > 100" "How many spans it called"
};

/// What a query begins with.
pub(super) static SETS: &[Word] = words! {
    "{" "{ span.attribute = value }" "Spans for which all of it is true"
};

/// What may follow spans that are found.
pub(super) static BETWEEN: &[Word] = words! {
    "|" "| select(span.attribute)" "A stage: select, count, avg, by …"
    "&&" "{ … } && { … }" "Traces that have both"
    "||" "{ … } || { … }" "Traces that have one of both"
    ">>" "{ … } >> { … }" "Spans of the right side somewhere below one of the left"
    ">" "{ … } > { … }" "Spans of the right side that one of the left called"
    "<<" "{ … } << { … }" "Spans of the right side somewhere above one of the left"
    "<" "{ … } < { … }" "Spans of the right side that called one of the left"
    "~" "{ … } ~ { … }" "Spans of the right side beside one of the left"
    "!>>" "{ … } !>> { … }" "Spans of the right side below none of the left"
};

/// What may follow `|`.
pub(super) static STAGES: &[Word] = words! {
    "select" "select(span.attribute, …)" "Tell these attributes of the spans that match"
    "count" "count() > 2" "How many spans of a trace match"
    "avg" "avg(duration) > 1s" "Their mean"
    "max" "max(duration) > 1s" "Their largest"
    "min" "min(duration) > 1s" "Their smallest"
    "sum" "sum(span.attribute) > 10" "Their sum"
    "by" "by(resource.service.name)" "The spans of a trace in groups"
    "coalesce" "coalesce()" "The groups as one again"
};

/// How values compare.
pub(super) static COMPARISONS: &[Word] = words! {
    "=" "= value" "Equal"
    "!=" "!= value" "Not equal"
    "=~" "=~ \"regex\"" "Matches the whole value"
    "!~" "!~ \"regex\"" "Does not match the whole value"
    ">" "> 500" "More than"
    ">=" ">= 500" "As much or more"
    "<" "< 500" "Less than"
    "<=" "<= 500" "As much or less"
};

/// What joins conditions.
pub(super) static JOINS: &[Word] = words! {
    "&&" "&& attribute = value" "Both are true of the span"
    "||" "|| attribute = value" "One of them is true of it"
};

pub(super) static STATUSES: &[Word] = words! {
    "error" "error" "It failed"
    "ok" "ok" "It was said to have gone well"
    "unset" "unset" "Nothing was said"
};

pub(super) static KINDS: &[Word] = words! {
    "server" "server" "It answers a call"
    "client" "client" "It calls another service"
    "internal" "internal" "Within a service"
    "producer" "producer" "It sends a message"
    "consumer" "consumer" "It works on a message"
    "unspecified" "unspecified" "Nobody said"
};

pub(super) static DURATIONS: &[Word] = words! {
    "10ms" "10 milliseconds" ""
    "100ms" "100 milliseconds" ""
    "500ms" "500 milliseconds" ""
    "1s" "1 second" ""
    "5s" "5 seconds" ""
    "10s" "10 seconds" ""
    "1m" "1 minute" ""
};

/// A stage by its name.
pub(super) fn stage(name: &str) -> Option<&'static Word> {
    STAGES.iter().find(|w| w.name == name)
}

/// Whether it is a condition's left side that every span has.
pub(super) fn is_intrinsic(word: &Word) -> bool {
    INTRINSICS.iter().any(|w| std::ptr::eq(w, word))
}
