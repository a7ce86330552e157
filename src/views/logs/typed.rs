//! A condition as it is typed: `status>=500`, `pool!=orders`, `message contains "x"`, `~ regex`, or a text.

use crate::{
    model::{labels::quote, log::Level, re2},
    store::{Amount, Condition, Order, Pattern, Place, Test},
};

/// What can be typed, for the one who begins to.
pub(super) const FORMS: &str = "status>=500   pool=orders   path=~/api/.*   user contains \"x\"   text   ~ regex   ! before any: not";

/// What was typed.
#[derive(Debug, PartialEq)]
pub(super) enum Typed<'t> {
    /// Of the text.
    Text(Condition),
    /// Of a field: its name and what its value must be.
    Field(&'t str, Wish),
    /// At least this bad.
    Level(Level),
}

/// What a field's value must be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wish {
    Is(String, bool),
    Matches(String, bool),
    Compares(Order, String),
}

impl Wish {
    /// The same of a field that is there.
    ///
    /// # Errors
    /// What is wrong with the value.
    pub(super) fn of(self, field: Condition) -> Result<Condition, String> {
        Ok(match self {
            Self::Is(value, keep) => Condition { value, keep, test: Test::Is, ..field },
            Self::Matches(value, keep) => field.matching(&value, keep)?,
            Self::Compares(order, value) => {
                let amount =
                    Amount::parse(&value).ok_or_else(|| format!("\"{value}\" is no number and no length of time such as 250ms"))?;
                Condition { value, keep: true, test: Test::Compares(order, amount), ..field }
            }
        })
    }
}

/// Names of what a line says, whatever the line calls it.
const MESSAGE: [&str; 5] = ["message", "msg", "line", "text", "_msg"];

/// Where the name of a field ends that a text begins with; 0 where it begins with none.
pub(super) fn name_end(text: &str) -> usize {
    let is_name = |c: char| c.is_alphanumeric() || "_-./@:".contains(c);
    text.find(|c: char| !is_name(c)).unwrap_or(text.len())
}

/// Takes apart what was typed; `None` for nothing.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(typed: &str) -> Result<Option<Typed<'_>>, String> {
    let typed = typed.trim();
    for (sign, keep) in [("|~", true), ("!~", false), ("~", true)] {
        if let Some(expression) = typed.strip_prefix(sign) {
            let expression = unquoted(expression.trim())?;
            return if expression.is_empty() { Ok(None) } else { Condition::expression(&expression, keep).map(Typed::Text).map(Some) };
        }
    }
    for (sign, keep) in [("|>", true), ("!>", false)] {
        if let Some(pattern) = typed.strip_prefix(sign) {
            let pattern = unquoted(pattern.trim())?;
            return if pattern.is_empty() { Ok(None) } else { Condition::pattern(&pattern, keep).map(Typed::Text).map(Some) };
        }
    }
    for (sign, keep) in [("|=", true), ("!=", false)] {
        if let Some(text) = typed.strip_prefix(sign) {
            let text = unquoted(text.trim())?;
            return Ok((!text.is_empty()).then(|| Typed::Text(Condition::text(&text, keep))));
        }
    }
    match field(typed)? {
        Some(of_field) => Ok(of_field),
        None => text(typed),
    }
}

/// A text as `/` takes it, or one in quotes as it is.
fn text(typed: &str) -> Result<Option<Typed<'_>>, String> {
    let (keep, bare) = typed.strip_prefix('!').map_or((true, typed), |rest| (false, rest.trim_start()));
    if bare.starts_with(['"', '`']) {
        let text = unquoted(bare)?;
        return Ok((!text.is_empty()).then(|| Typed::Text(Condition::text(&text, keep))));
    }
    Ok(Pattern::parse(typed)?.map(|p| p.condition()).transpose()?.map(Typed::Text))
}

/// A condition on a field, which may be begun and no more; `None` where it is no such.
fn field(typed: &str) -> Result<Option<Option<Typed<'_>>>, String> {
    let (name, rest) = typed.split_at(name_end(typed));
    let rest = rest.trim_start();
    if name.is_empty() {
        return Ok(None);
    }
    for (words, keep) in [("contains ", true), ("!contains ", false), ("not contains ", false)] {
        let Some(value) = rest.strip_prefix(words) else { continue };
        let value = unquoted(value.trim())?;
        return Ok(Some(match value.is_empty() {
            true => None,
            false if MESSAGE.contains(&name) => Some(Typed::Text(Condition::text(&value, keep))),
            false => Some(Typed::Field(name, Wish::Matches(format!(".*{}.*", re2::quote_meta(&value)), keep))),
        }));
    }
    let orders = [(">=", Order::AtLeast), ("<=", Order::AtMost), (">", Order::Above), ("<", Order::Below)];
    if let Some((value, order)) = orders.iter().find_map(|(sign, order)| Some((rest.strip_prefix(sign)?.trim(), *order))) {
        if name == "level" && order == Order::AtLeast && !value.is_empty() {
            return Level::parse(value)
                .map(|level| Some(Some(Typed::Level(level))))
                .ok_or_else(|| format!("\"{value}\" is no level: warn, error"));
        }
        return Ok(Some((!value.is_empty()).then(|| Typed::Field(name, Wish::Compares(order, value.to_owned())))));
    }
    let signs = [("=~", true, true), ("!~", true, false), ("==", false, true), ("!=", false, false), ("=", false, true)];
    let Some((value, regex, keep)) = signs.iter().find_map(|(sign, regex, keep)| Some((rest.strip_prefix(sign)?.trim(), *regex, *keep)))
    else {
        return Ok(None);
    };
    let is_typed = !value.is_empty();
    let value = unquoted(value)?;
    let wish = if regex { Wish::Matches(value, keep) } else { Wish::Is(value, keep) };
    Ok(Some(is_typed.then_some(Typed::Field(name, wish))))
}

/// A text without the quotes that may be around it.
fn unquoted(text: &str) -> Result<String, String> {
    if let Some(raw) = text.strip_prefix('`') {
        return raw.strip_suffix('`').map(str::to_owned).ok_or_else(|| "the quote ` is not closed".to_owned());
    }
    if !text.starts_with('"') {
        return Ok(text.to_owned());
    }
    // JSON's strings are those of LogQL but for a few escapes that nobody types.
    serde_json::from_str(text).map_err(|_| "the quote \" is not closed".to_owned())
}

/// A condition as it can be typed again.
pub(super) fn again(condition: &Condition) -> String {
    let not = if condition.keep { "" } else { "!" };
    let plain = !condition.value.is_empty() && !condition.value.starts_with(['"', '`']) && condition.value.trim() == condition.value;
    let value = if plain { condition.value.clone() } else { quote(&condition.value) };
    match (condition.place, &condition.test) {
        (Place::Text, Test::Matches(_)) => format!("{not}~ {value}"),
        (_, Test::Fits(_) | Test::FitsHere(_)) => format!("{}> {value}", if condition.keep { "|" } else { "!" }),
        (Place::Text, _) => format!("{not}{}", quote(&condition.value)),
        (_, Test::Is) => format!("{}{}{value}", condition.name, if condition.keep { "=" } else { "!=" }),
        (_, Test::Matches(_)) => format!("{}{}{value}", condition.name, if condition.keep { "=~" } else { "!~" }),
        (_, Test::Compares(order, _)) => format!("{}{}{value}", condition.name, order.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(typed: &str) -> String {
        match parse(typed) {
            Ok(None) => "nothing".to_owned(),
            Ok(Some(Typed::Text(c))) => format!("text {} {} {}", c.keep, matches!(c.test, Test::Matches(_)), c.value),
            Ok(Some(Typed::Field(name, Wish::Is(value, keep)))) => format!("{name} is {keep} {value}"),
            Ok(Some(Typed::Field(name, Wish::Matches(value, keep)))) => format!("{name} matches {keep} {value}"),
            Ok(Some(Typed::Field(name, Wish::Compares(order, value)))) => format!("{name} {} {value}", order.as_str()),
            Ok(Some(Typed::Level(level))) => format!("level {}", level.as_str()),
            Err(why) => why,
        }
    }

    #[test]
    fn conditions_are_typed_as_one_would_say_them() {
        for (typed, wanted) in [
            ("", "nothing"),
            ("status>=500", "status >= 500"),
            ("status >= 500", "status >= 500"),
            ("took > 250ms", "took > 250ms"),
            ("status>", "nothing"),
            ("pool=orders", "pool is true orders"),
            ("pool==orders", "pool is true orders"),
            ("pool != \"a b\"", "pool is false a b"),
            ("pool=\"\"", "pool is true "),
            ("http.route=~/a/.*", "http.route matches true /a/.*"),
            ("http.route!~x", "http.route matches false x"),
            ("path contains a.b", r"path matches true .*a\.b.*"),
            ("message contains \"timed out\"", "text true false timed out"),
            ("msg not contains x", "text false false x"),
            ("level>=warn", "level warn"),
            ("level>=loud", "\"loud\" is no level: warn, error"),
            ("level=error", "level is true error"),
            ("~ a|b", "text true true a|b"),
            ("|> \"took <_>ms\"", "text true false took <_>ms"),
            ("!> a <_><_>", "found consecutive capture '<_><_>': invalid expression"),
            ("!~ a|b", "text false true a|b"),
            ("|= x y", "text true false x y"),
            ("!= x", "text false false x"),
            ("\"Timed \\\"out\\\"\"", "text true false Timed \"out\""),
            ("!\"x\"", "text false false x"),
            ("\"x", "the quote \" is not closed"),
            ("timed out", "text true true (?i)timed out"),
            ("Timed out", "text true false Timed out"),
            ("!timed", "text false true (?i)timed"),
            ("8000", "text true false 8000"),
            ("/a.c/", "text true true (?i)a.c"),
        ] {
            assert_eq!(shown(typed), wanted, "{typed}");
        }
        assert!(shown("~ (").contains("error parsing regexp"), "{}", shown("~ ("));
    }

    #[test]
    fn what_is_edited_again_means_the_same() {
        let field = |name: &str| Condition::is(Place::Json, name, name.to_owned(), "", true);
        for typed in [
            "a=b",
            "a!=b",
            "a=\"\"",
            "a=~b.*",
            "a!~\"x y \"",
            "a>=5",
            "a<1s",
            "~ a|b",
            "!~ \" a\"",
            "|> a <_>",
            "!> \"<_> b \"",
            "\"x\"",
            "!\"x\"",
            "Big text",
        ] {
            let parsed = |typed: &str| match parse(typed).unwrap().unwrap() {
                Typed::Text(condition) => condition,
                Typed::Field(name, wish) => wish.of(field(name)).unwrap(),
                Typed::Level(_) => unreachable!(),
            };
            let condition = parsed(typed);
            assert_eq!(parsed(&again(&condition)), condition, "{typed} as {}", again(&condition));
        }
    }
}
