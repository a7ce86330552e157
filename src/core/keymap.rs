//! Keys to commands: the table's defaults, replaced row by row by the user's `[keys]`.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::command::{COMMANDS, Command, ViewKind};

/// One key with its modifiers, as `ctrl-d` or `G` are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

const NAMED: [(&str, KeyCode); 15] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
];

impl Chord {
    /// As the terminal reports it. Shift is part of a character already, so it counts only for keys without one.
    pub fn of(key: KeyEvent) -> Self {
        let mut modifiers = key.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let mut code = key.code;
        if matches!(code, KeyCode::Char(_) | KeyCode::BackTab) {
            modifiers.remove(KeyModifiers::SHIFT);
        }
        if code == KeyCode::Tab && modifiers.contains(KeyModifiers::SHIFT) {
            (code, modifiers) = (KeyCode::BackTab, modifiers - KeyModifiers::SHIFT);
        }
        Self { code, modifiers }
    }
}

impl FromStr for Chord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        loop {
            let (modifier, after) = match rest.split_once('-') {
                Some(("ctrl", after)) if !after.is_empty() => (KeyModifiers::CONTROL, after),
                Some(("alt", after)) if !after.is_empty() => (KeyModifiers::ALT, after),
                Some(("shift", after)) if !after.is_empty() => (KeyModifiers::SHIFT, after),
                _ => break,
            };
            modifiers |= modifier;
            rest = after;
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) => KeyCode::Char(c),
            _ => match rest.strip_prefix('f').and_then(|n| n.parse::<u8>().ok()) {
                Some(n @ 1..=12) => KeyCode::F(n),
                _ => NAMED.iter().find(|(name, _)| *name == rest).map(|(_, code)| *code).ok_or_else(|| {
                    format!("\"{text}\" is no key; write a character, f1 to f12, or one of: {}", NAMED.map(|(name, _)| name).join(", "))
                })?,
            },
        };
        Ok(Self::of(KeyEvent::new(code, modifiers)))
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (modifier, name) in [(KeyModifiers::CONTROL, "Ctrl-"), (KeyModifiers::ALT, "Alt-"), (KeyModifiers::SHIFT, "Shift-")] {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            KeyCode::BackTab => f.write_str("Shift-Tab"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            code => {
                let name = NAMED.iter().find(|(_, c)| *c == code).map_or("?", |(name, _)| name);
                let mut chars = name.chars();
                let first = chars.next().map(|c| c.to_ascii_uppercase()).into_iter().collect::<String>();
                write!(f, "{first}{}", chars.as_str())
            }
        }
    }
}

/// Keys pressed one after the other: `g g`.
pub type Sequence = Vec<Chord>;

/// A sequence from its written form.
///
/// # Errors
/// Names the part that is no key.
pub fn parse_sequence(text: &str) -> Result<Sequence, String> {
    let chords: Sequence = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    if chords.is_empty() { Err("an empty key".to_owned()) } else { Ok(chords) }
}

/// A sequence as it is shown: `gg`, `Ctrl-d`.
pub fn show_sequence(keys: &[Chord]) -> String {
    keys.iter().map(Chord::to_string).collect()
}

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Nothing.
    Miss,
    /// The beginning of a longer sequence.
    Prefix,
    /// This command.
    Hit(Command),
}

/// What is wrong with a row of the user's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProblem {
    /// The command as the user named it.
    pub command: String,
    /// What is wrong.
    pub message: String,
    /// What is done, or to be done, about it.
    pub advice: String,
}

/// All bindings.
#[derive(Clone, Debug)]
pub struct Keymap {
    bindings: Vec<(Sequence, Command)>,
}

impl Keymap {
    /// The table's keys, with the user's in place of a command's own. What is wrong with the user's keys is told in
    /// problems and the default stays: no one is kept from an incident by a key.
    pub fn new(user: &BTreeMap<String, Vec<String>>) -> (Self, Vec<KeyProblem>) {
        let mut problems = Vec::new();
        let mut bindings = Vec::new();
        for name in user.keys() {
            if let Err(message) = name.parse::<Command>() {
                problems.push(KeyProblem { command: name.clone(), message, advice: "The names are in `:`, the palette.".to_owned() });
            }
        }
        for spec in COMMANDS {
            let own = user.get(spec.name).map(|keys| keys.iter().map(|k| parse_sequence(k)).collect::<Result<Vec<_>, _>>());
            let keys = match own {
                Some(Ok(keys)) => keys,
                other => {
                    if let Some(Err(message)) = other {
                        let advice = "Until then its default is used.".to_owned();
                        problems.push(KeyProblem { command: spec.name.to_owned(), message, advice });
                    }
                    spec.keys.iter().filter_map(|k| parse_sequence(k).ok()).collect()
                }
            };
            bindings.extend(keys.into_iter().map(|k| (k, spec.command)));
        }
        let mut map = Self { bindings };
        map.resolve_conflicts(user, &mut problems);
        (map, problems)
    }

    /// Where two commands of one view share a key, the user's binding wins and the other loses that key.
    fn resolve_conflicts(&mut self, user: &BTreeMap<String, Vec<String>>, problems: &mut Vec<KeyProblem>) {
        let mut kept: Vec<(Sequence, Command)> = Vec::new();
        let (mine, defaults): (Vec<_>, Vec<_>) = self.bindings.drain(..).partition(|(_, c)| user.contains_key(c.spec().name));
        for (keys, command) in mine.into_iter().chain(defaults) {
            match kept.iter().find(|(k, c)| clash(k, &keys) && share_a_view(*c, command)) {
                Some((_, other)) => {
                    let (winner, loser) = (other.spec().name, command.spec().name);
                    let message = format!("{winner} and {loser} both use {}; it means {winner}", show_sequence(&keys));
                    let advice = format!("Give {loser} another key.");
                    problems.push(KeyProblem { command: winner.to_owned(), message, advice });
                }
                None => kept.push((keys, command)),
            }
        }
        kept.sort_by_key(|(_, command)| *command);
        self.bindings = kept;
    }

    /// What the pressed keys mean in a view.
    pub fn lookup(&self, view: ViewKind, pressed: &[Chord]) -> Lookup {
        let mut found = Lookup::Miss;
        for (keys, command) in self.bindings.iter().filter(|(_, c)| c.spec().applies(view)) {
            if keys == pressed {
                return Lookup::Hit(*command);
            }
            if keys.starts_with(pressed) {
                found = Lookup::Prefix;
            }
        }
        found
    }

    /// The keys of a command as they are shown, the first one first.
    pub fn keys(&self, command: Command) -> impl Iterator<Item = String> {
        self.bindings.iter().filter(move |(_, c)| *c == command).map(|(keys, _)| show_sequence(keys))
    }

    /// The first key of a command.
    pub fn key(&self, command: Command) -> Option<String> {
        self.keys(command).next()
    }
}

fn clash(a: &[Chord], b: &[Chord]) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

fn share_a_view(a: Command, b: Command) -> bool {
    a != b && ViewKind::ALL.into_iter().any(|v| a.spec().applies(v) && b.spec().applies(v))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(rows: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        rows.iter().map(|(n, k)| ((*n).to_owned(), k.iter().map(|k| (*k).to_owned()).collect())).collect()
    }

    #[test]
    fn the_defaults_have_no_conflict_and_every_key_parses() {
        let (map, problems) = Keymap::new(&BTreeMap::new());
        assert_eq!(problems, []);
        let written: usize = COMMANDS.iter().map(|s| s.keys.len()).sum();
        assert_eq!(map.bindings.len(), written);
    }

    #[test]
    fn a_sequence_is_a_prefix_until_it_is_whole() {
        let (map, _) = Keymap::new(&BTreeMap::new());
        let g: Chord = "g".parse().unwrap();
        assert_eq!(map.lookup(ViewKind::Alerts, &[g]), Lookup::Prefix);
        assert_eq!(map.lookup(ViewKind::Alerts, &[g, g]), Lookup::Hit(Command::Top));
        assert_eq!(map.lookup(ViewKind::Alerts, &["Z".parse().unwrap()]), Lookup::Miss);
    }

    #[test]
    fn the_users_key_replaces_the_default_and_wins_a_conflict() {
        let (map, problems) = Keymap::new(&user(&[("quit", &["U U", "t"])]));
        assert_eq!(map.lookup(ViewKind::Logs, &["t".parse().unwrap()]), Lookup::Hit(Command::Quit));
        assert_eq!(map.lookup(ViewKind::Logs, &["q".parse().unwrap()]), Lookup::Miss);
        let [KeyProblem { command, message, .. }] = problems.as_slice() else { panic!("{problems:?}") };
        assert_eq!((command.as_str(), message.as_str()), ("quit", "quit and time both use t; it means quit"));
    }

    #[test]
    fn a_wrong_name_or_key_warns_and_keeps_the_default() {
        let (map, problems) = Keymap::new(&user(&[("quit", &["hyper-q"]), ("fly", &["F"])]));
        assert_eq!(map.lookup(ViewKind::Logs, &["q".parse().unwrap()]), Lookup::Hit(Command::Quit));
        assert_eq!(problems.iter().map(|p| p.command.as_str()).collect::<Vec<_>>(), ["fly", "quit"]);
        assert!(problems[0].message.contains("\"fly\"") && problems[1].message.contains("hyper-q"), "{problems:?}");
    }

    #[test]
    fn keys_are_shown_as_people_write_them() {
        for (written, shown) in [("ctrl-d", "Ctrl-d"), ("g g", "gg"), ("space", "Space"), ("-", "-"), ("alt-ctrl-x", "Ctrl-Alt-x")] {
            assert_eq!(show_sequence(&parse_sequence(written).unwrap()), shown);
        }
    }
}
