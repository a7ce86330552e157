//! Texts of which each match of a regular expression contains one: looking for them leaves out most lines in a fraction of the
//! time that the expression takes. For one text the regex crate does the same by itself; of several it looks for their first
//! letters alone.

use memchr::memmem::Finder;
use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind},
};

/// Fewer are left to the regex crate, more take longer than the expression.
const COUNT: std::ops::RangeInclusive<usize> = 2..=4;
/// Bytes of a text that say something, and those of it that are looked for.
const SHORTEST: usize = 3;
const LONGEST: usize = 64;
/// Bytes that are made lower case at once.
const CHUNK: usize = 512;

/// What is looked for, in lower case where that is `folded`.
#[derive(Clone, Debug)]
pub(super) struct Needles {
    finders: Vec<Finder<'static>>,
    folded: bool,
}

impl Needles {
    /// Of an expression that the regex crate takes; `None` where looking for them would not help.
    pub(super) fn of(expression: &str, any_case: bool) -> Option<Self> {
        let hir = ParserBuilder::new().case_insensitive(any_case).build().parse(expression).ok()?;
        let mut found = Found { folded: any_case, ..Found::default() };
        found.any_of(&hir)?;
        let Found { texts, folded } = found;
        if !COUNT.contains(&texts.len()) || texts.iter().any(|text| text.len() < SHORTEST) {
            return None;
        }
        let finder = |text: &Vec<u8>| Finder::new(&text[..text.len().min(LONGEST)]).into_owned();
        Some(Self { finders: texts.iter().map(finder).collect(), folded })
    }

    /// Whether a text may match; surely not where it says so.
    pub(super) fn may_be_in(&self, text: &str) -> bool {
        let is_in = |bytes: &[u8]| self.finders.iter().any(|finder| finder.find(bytes).is_some());
        let bytes = text.as_bytes();
        // Some letters that are not ASCII are those of ASCII in another case.
        match self.folded {
            false => is_in(bytes),
            true if !bytes.is_ascii() => true,
            true => {
                let mut lower = [0; CHUNK];
                let mut from = 0;
                loop {
                    let part = &bytes[from..bytes.len().min(from + CHUNK)];
                    let lower = &mut lower[..part.len()];
                    lower.copy_from_slice(part);
                    lower.make_ascii_lowercase();
                    if is_in(lower) || from + CHUNK >= bytes.len() {
                        return is_in(lower);
                    }
                    from += CHUNK - LONGEST;
                }
            }
        }
    }
}

#[derive(Default)]
struct Found {
    texts: Vec<Vec<u8>>,
    folded: bool,
}

impl Found {
    /// Adds texts of which each match contains one.
    fn any_of(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Alternation(branches) => branches.iter().try_for_each(|branch| self.any_of(branch)),
            HirKind::Capture(group) => self.any_of(&group.sub),
            HirKind::Repetition(repeated) if repeated.min > 0 => self.any_of(&repeated.sub),
            HirKind::Concat(parts) => self.longest_of(parts),
            HirKind::Literal(_) | HirKind::Class(_) => self.longest_of(std::slice::from_ref(hir)),
            HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => None,
        }
    }

    /// Adds the longest text of neighbours that are each written in one way.
    fn longest_of(&mut self, parts: &[Hir]) -> Option<()> {
        let mut texts = vec![Vec::new()];
        for part in parts {
            match (self.written(part), texts.last_mut()) {
                (Some(bytes), Some(text)) => text.extend(bytes),
                _ => texts.push(Vec::new()),
            }
        }
        let longest = texts.into_iter().max_by_key(Vec::len).filter(|text| !text.is_empty())?;
        self.texts.push(longest);
        Some(())
    }

    /// The one way that something is written: as it is, or a letter of either case.
    fn written(&self, hir: &Hir) -> Option<Vec<u8>> {
        match hir.kind() {
            HirKind::Literal(literal) if self.folded => Some(literal.0.to_ascii_lowercase()),
            HirKind::Literal(literal) => Some(literal.0.to_vec()),
            HirKind::Class(Class::Unicode(class)) if self.folded => {
                let mut ascii =
                    class.ranges().iter().filter(|range| range.start().is_ascii()).flat_map(|range| range.start()..=range.end());
                let letters = [ascii.next()?, ascii.next()?];
                let letter = u8::try_from(letters[0].to_ascii_lowercase()).ok()?;
                (ascii.next().is_none() && letters[0].eq_ignore_ascii_case(&letters[1])).then(|| vec![letter])
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(expression: &str, any_case: bool) -> Option<Vec<String>> {
        let needles = Needles::of(expression, any_case)?;
        Some(needles.finders.iter().map(|f| String::from_utf8_lossy(f.needle()).into_owned()).collect())
    }

    #[test]
    fn each_branch_has_its_longest_text() {
        for (expression, any_case, expected) in [
            (r#""duration_ms":2\d{3}|pool"#, true, Some(vec![r#""duration_ms":2"#, "pool"])),
            (r"Pool|conn(ection)? lost|a.*queue \w+ full", false, Some(vec!["Pool", " lost", "queue "])),
            ("(timeout|refused)+", false, Some(vec!["timeout", "refused"])),
            ("one text", false, None),
            ("pool|x", false, None),
            ("pool|.*", false, None),
            ("pool|(queue)?", false, None),
            (r"pool|\d+", false, None),
        ] {
            let expected = expected.map(|texts| texts.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(texts(expression, any_case), expected, "{expression}");
        }
    }

    #[test]
    fn letters_of_another_case_are_no_miss_wherever_they_stand() {
        let needles = Needles::of("slack|task", true).unwrap();
        for text in ["TASK", "ta\u{17f}k", "\u{17f}lac\u{212a}", "the Slack"] {
            assert!(needles.may_be_in(text), "{text}");
        }
        for before in [0, CHUNK - LONGEST - 2, CHUNK - 2, CHUNK, 2 * CHUNK - LONGEST - 3, 5000] {
            assert!(needles.may_be_in(&format!("{}Task", "-".repeat(before))), "{before}");
            assert!(!needles.may_be_in(&format!("{}Tas", "-".repeat(before))), "{before}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_matches_may_be_there(
            expression in r"[abcK]{3}(\.|k|[a-c]|\(ab\)\?|b\*|\(\?i:kab\)){0,2}\|(\(cab\|\^abc\)\{1,2\}|\\b[abk]{3,4})[a-c]?",
            text in "[abcABCkK\u{212a} ]{0,12}",
            any_case: bool,
        ) {
            let regex = regex::RegexBuilder::new(&expression).case_insensitive(any_case).build().unwrap();
            let needles = Needles::of(&expression, any_case);
            if regex.is_match(&text) {
                proptest::prop_assert!(needles.is_none_or(|n| n.may_be_in(&text)), "{expression} in {text}");
            }
        }
    }
}
