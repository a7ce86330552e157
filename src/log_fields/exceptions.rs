//! Exceptions of many lines by what happened and where: the type at the root and the topmost frame that is no library's.

use foldhash::{HashMap, HashMapExt};

use super::recognise;

/// Lines with the same exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<T> {
    /// The type of the exception at the root; empty where a trace does not say.
    pub kind: String,
    /// The function, or the place, that threw it or called the library that did. `None` where all is a library's.
    pub at: Option<String>,
    /// What the exception that was seen first said.
    pub message: String,
    /// How many lines.
    pub count: usize,
    /// The first line.
    pub first: T,
    /// The last line.
    pub last: T,
}

/// Groups the lines that have a stack trace: the most frequent ones first, then those that were seen first. `T` tells when
/// a line was, or which one it is.
pub fn group<'a, T: Copy + Ord>(lines: impl IntoIterator<Item = (T, &'a str)>) -> Vec<Group<T>> {
    let mut groups: HashMap<(String, Option<String>), Group<T>> = HashMap::new();
    for (line, text) in lines.into_iter().filter(|(_, text)| may_have_trace(text)) {
        let Some(trace) = recognise(text).stack_trace() else { continue };
        let kind = trace.root().map_or_else(String::new, |e| e.kind.clone());
        let at = trace.own_frame().map(|f| f.called().to_owned());
        let message = trace.root().map_or("", |e| &e.message);
        let group = groups.entry((kind, at)).or_insert_with_key(|(kind, at)| Group {
            kind: kind.clone(),
            at: at.clone(),
            message: message.to_owned(),
            count: 0,
            first: line,
            last: line,
        });
        group.count += 1;
        group.last = group.last.max(line);
        if line < group.first {
            (group.first, group.message) = (line, message.to_owned());
        }
    }
    let mut groups: Vec<Group<T>> = groups.into_values().collect();
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (a.first, &a.kind, &a.at).cmp(&(b.first, &b.kind, &b.at))));
    groups
}

/// A trace has lines, be they written as `\n`.
fn may_have_trace(text: &str) -> bool {
    text.contains('\n') || text.contains("\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_grouped_by_type_and_own_frame_however_they_are_written() {
        let java = |order: u32, line: u32| {
            format!(
                "2026-11-22 05:01:02.123 ERROR 1 --- [exec-1] c.s.Api : order {order} failed\njava.lang.IllegalStateException: outer {order}\n\tat com.shop.Api.pay(Api.java:{line})\nCaused by: java.sql.SQLTransientConnectionException: pool is empty, order {order}\n\tat com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:181)\n\tat com.shop.Pool.take(Pool.java:{line})\n\t... 24 more"
            )
        };
        let json = java(4, 9).replace('\n', "\\n").replace('\t', "\\t");
        let python =
            "Traceback (most recent call last):\n  File \"/app/cart.py\", line 7, in add\n    raise KeyError(sku)\nKeyError: 'a-1'";
        let lines = [
            (30, java(3, 12)),
            (10, java(1, 12)),
            (20, python.to_owned()),
            (40, format!(r#"{{"log":"{json}\n","stream":"stderr","time":"2026-11-22T05:01:02Z"}}"#)),
            (50, "plain words\nand more of them".to_owned()),
            (60, "one line".to_owned()),
        ];
        let groups = group(lines.iter().map(|(at, text)| (*at, text.as_str())));
        let shown: Vec<_> =
            groups.iter().map(|g| format!("{} {:?} {} {}..{} {}", g.kind, g.at, g.count, g.first, g.last, g.message)).collect();
        assert_eq!(
            shown,
            [
                "java.sql.SQLTransientConnectionException Some(\"com.shop.Pool.take\") 3 10..40 pool is empty, order 1",
                "KeyError Some(\"add\") 1 20..20 'a-1'",
            ]
        );
    }
}
