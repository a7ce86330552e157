//! Distinct forms of lines, numbered. There are never more than a bound: when there would be, all forms are made coarser,
//! so that which lines are told apart depends on the lines and not on their order.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use foldhash::HashMap;

use super::mask::WILDCARD;

/// Distinct forms at the most.
pub const MAX_KINDS: usize = 1 << 15;
/// How many words of a form are told apart, coarser and coarser; further ones only count.
const WORDS: [usize; 5] = [usize::MAX, 6, 3, 1, 0];

/// The number of a line's form.
pub type Kind = u32;

/// Numbers of forms.
#[derive(Clone, Debug)]
pub struct Kinds {
    numbers: HashMap<Arc<str>, Kind>,
    forms: Vec<Arc<str>>,
    /// Index into [`WORDS`].
    coarse: usize,
    /// Numbers of another generation mean other forms.
    generation: u64,
}

impl Default for Kinds {
    fn default() -> Self {
        Self { numbers: HashMap::default(), forms: Vec::new(), coarse: 0, generation: next_generation() }
    }
}

/// Unlike that of all others.
fn next_generation() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

impl Kinds {
    /// The number of a form, a new one where it has none; `None` where there are too many.
    pub fn number(&mut self, form: &str) -> Option<Kind> {
        let form = self.coarsened(form);
        if let Some(number) = self.numbers.get(&*form) {
            return Some(*number);
        }
        if self.forms.len() >= MAX_KINDS {
            return None;
        }
        let number = Kind::try_from(self.forms.len()).ok()?;
        let form: Arc<str> = form.into();
        self.numbers.insert(form.clone(), number);
        self.forms.push(form);
        Some(number)
    }

    /// The number of a form that has one.
    pub fn find(&self, form: &str) -> Option<Kind> {
        self.numbers.get(&*self.coarsened(form)).copied()
    }

    /// Makes room: forgets the forms that no line has, or where all have lines makes all forms coarser. Returns the new
    /// number of each old one.
    pub fn make_room(&mut self, is_used: &[bool]) -> Vec<Kind> {
        let is_used = |kind: usize| is_used.get(kind).copied().unwrap_or(false);
        if (0..self.forms.len()).all(is_used) {
            self.coarse = (self.coarse + 1).min(WORDS.len() - 1);
        }
        let old = std::mem::take(&mut self.forms);
        self.numbers.clear();
        self.generation = next_generation();
        let number = |(kind, form): (usize, &Arc<str>)| if is_used(kind) { self.number(form).unwrap_or(0) } else { 0 };
        old.iter().enumerate().map(number).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.forms.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// The form of a number.
    pub fn form(&self, kind: Kind) -> &str {
        self.forms.get(kind as usize).map_or("", |f| f)
    }

    /// Tells numberings apart.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether there were so many forms that not all of their words are told apart.
    pub fn is_coarse(&self) -> bool {
        self.coarse > 0
    }

    fn coarsened<'f>(&self, form: &'f str) -> Cow<'f, str> {
        let words = WORDS[self.coarse];
        if words == usize::MAX {
            return Cow::Borrowed(form);
        }
        let coarse: Vec<&str> = form.split(' ').enumerate().map(|(i, word)| if i < words { word } else { WILDCARD }).collect();
        Cow::Owned(coarse.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(mut n: usize) -> String {
        let mut word = String::new();
        while n > 0 {
            word.push(char::from(b'a' + (n % 26) as u8));
            n /= 26;
        }
        word
    }

    #[test]
    fn forms_without_lines_make_room_first_then_all_get_coarser() {
        let mut kinds = Kinds::default();
        let form = |n| format!("the user {} came to us from far away", word(n));
        for n in 1..=MAX_KINDS {
            assert!(kinds.number(&form(n)).is_some());
        }
        assert_eq!(kinds.number("one more"), None);
        let generation = kinds.generation();
        let map = kinds.make_room(&(0..MAX_KINDS).map(|kind| kind > 0).collect::<Vec<_>>());
        assert_eq!((kinds.len(), kinds.form(map[5]), kinds.is_coarse()), (MAX_KINDS - 1, form(6).as_str(), false));
        assert_ne!(kinds.generation(), generation);
        kinds.number("one more").unwrap();
        let map = kinds.make_room(&[true; MAX_KINDS]);
        assert_eq!((kinds.len(), kinds.is_coarse()), (MAX_KINDS, true), "they differ in the third word");
        kinds.make_room(&vec![true; map.len()]);
        kinds.make_room(&vec![true; kinds.len()]);
        assert_eq!(kinds.find(&form(9)), kinds.find("the knee <*> <*> <*> <*> <*> <*> <*>"));
    }
}
