//! What a line with a stack trace says was thrown, and where in one's own code: exceptions are told apart by these two.

use super::recognise;

/// What was thrown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thrown {
    /// The type of the exception at the root; empty where a trace does not say.
    pub kind: String,
    /// The topmost function, or its place, that is no library's: it threw the exception or called the library that did.
    /// `None` where all is a library's.
    pub at: Option<String>,
    /// What the exception said.
    pub message: String,
}

impl Thrown {
    /// What a line says was thrown; `None` where it has no stack trace.
    pub fn of(text: &str) -> Option<Self> {
        if !may_have_trace(text) {
            return None;
        }
        let trace = recognise(text).stack_trace()?;
        let (kind, message) = trace.root().map_or_else(Default::default, |e| (e.kind.clone(), e.message.clone()));
        Some(Self { kind, at: trace.own_frame().map(|f| f.called().to_owned()), message })
    }

    /// Whether a line tells of the same exception.
    pub fn is_in(&self, text: &str) -> bool {
        // Most lines are told by the type alone, where it stands in them as it is: JSON has escapes, and colours may be in it.
        let is_plain = !text.contains(['\\', '\x1b']);
        may_have_trace(text) && (!is_plain || text.contains(&self.kind)) && Self::of(text).is_some_and(|other| self.is_same(&other))
    }

    /// Whether it is the same exception, whatever it says.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.kind, &self.at) == (&other.kind, &other.at)
    }

    /// `java.sql.SQLException at com.shop.Pool.take`
    pub fn name(&self) -> String {
        named(&self.kind, self.at.as_deref())
    }

    /// `SQLException at Pool.take`
    pub fn short_name(&self) -> String {
        let kind = self.kind.rsplit(['.', '$']).next().unwrap_or(&self.kind);
        named(kind, self.at.as_deref().map(short))
    }
}

fn named(kind: &str, at: Option<&str>) -> String {
    let kind = if kind.is_empty() { "exception" } else { kind };
    at.map_or_else(|| kind.to_owned(), |at| format!("{kind} at {at}"))
}

/// A function without the packages that it is in: `com.shop.Pool.take` is `Pool.take`.
fn short(function: &str) -> &str {
    let name = function.rsplit('/').next().unwrap_or(function);
    if name.contains(['(', ':', ' ']) {
        return name;
    }
    let mut dots = name.rmatch_indices('.').map(|(i, _)| i + 1);
    dots.nth(1).map_or(name, |start| &name[start..])
}

/// A trace has lines, be they written as `\n`.
fn may_have_trace(text: &str) -> bool {
    text.contains('\n') || text.contains("\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_known_by_its_type_and_its_own_frame_however_it_is_written() {
        let java = |order: u32, line: u32| {
            format!(
                "2026-11-22 05:01:02.123 ERROR 1 --- [exec-1] c.s.Api : order {order} failed\njava.lang.IllegalStateException: outer {order}\n\tat com.shop.Api.pay(Api.java:{line})\nCaused by: java.sql.SQLTransientConnectionException: pool is empty, order {order}\n\tat com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:181)\n\tat com.shop.Pool.take(Pool.java:{line})\n\t... 24 more"
            )
        };
        let json = java(4, 9).replace('\n', "\\n").replace('\t', "\\t");
        let docker = format!(r#"{{"log":"{json}\n","stream":"stderr","time":"2026-11-22T05:01:02Z"}}"#);
        let python =
            "Traceback (most recent call last):\n  File \"/app/cart.py\", line 7, in add\n    raise KeyError(sku)\nKeyError: 'a-1'";
        let first = Thrown::of(&java(1, 12)).unwrap();
        assert_eq!(first.name(), "java.sql.SQLTransientConnectionException at com.shop.Pool.take");
        assert_eq!(first.short_name(), "SQLTransientConnectionException at Pool.take");
        assert_eq!(first.message, "pool is empty, order 1");
        assert!(first.is_in(&java(3, 40)) && first.is_in(&docker) && !first.is_in(python));
        assert_eq!(Thrown::of(python).unwrap().short_name(), "KeyError at add");
        let coloured = java(3, 40).replace("SQLTransient", "SQL\x1b[31mTransient");
        assert!(first.is_in(&coloured), "a colour in its name is none of it");
        assert_eq!((Thrown::of("plain words\nand more of them"), Thrown::of("one line")), (None, None));
    }

    #[test]
    fn packages_are_left_out_of_a_short_name() {
        for (function, expected) in [
            ("com.shop.Pool.take", "Pool.take"),
            ("Pool.take", "Pool.take"),
            ("add", "add"),
            ("shop/pool.(*Pool).Take", "pool.(*Pool).Take"),
            ("github.com/shop/pool.Take", "pool.Take"),
            ("shop::pool::take", "shop::pool::take"),
            ("/app/src/pool.js:12:7", "pool.js:12:7"),
        ] {
            assert_eq!(short(function), expected);
        }
    }
}
