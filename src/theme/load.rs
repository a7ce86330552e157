//! Themes from files: the built-in ones and the user's, each over the one it inherits from.

use std::path::PathBuf;

use ratatui::style::{Color, Modifier, Style};

use super::{Role, SERVICE_HUES, Theme};
use crate::config::{
    Problem, nearest,
    reader::{Item, Reader, Section},
};

/// The themes that come with redline, by name; the first is the default.
pub const BUILTIN: [(&str, &str); 3] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("terminal", include_str!("../../themes/terminal.toml")),
];

/// How many themes may inherit from each other.
const MAX_DEPTH: usize = 8;

/// Largest theme file that is read, in bytes.
const MAX_FILE: u64 = 1 << 18;

/// Names of all themes: the built-in ones, then the user's.
pub fn names(folders: &[PathBuf]) -> Vec<String> {
    let mut names: Vec<String> = BUILTIN.iter().map(|(name, _)| (*name).to_owned()).collect();
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let mut own: Vec<String> = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .filter_map(|path| path.file_stem()?.to_str().map(str::to_owned))
        .filter(|name| !names.contains(name))
        .collect();
    own.sort_unstable();
    own.dedup();
    names.append(&mut own);
    names
}

/// Loads a theme, a user's file before a built-in of the same name. `origin` is where its name is written. What is wrong is
/// said and left out; without anything right it is the default theme.
pub fn load(name: &str, origin: &str, folders: &[PathBuf]) -> (Theme, Vec<Problem>) {
    let mut loader = Loader { folders, warnings: Vec::new() };
    let theme = loader.theme(name, origin, 0);
    (theme, loader.warnings)
}

/// A built-in theme.
pub(super) fn builtin(name: &str) -> Theme {
    load(name, "", &[]).0
}

struct Loader<'a> {
    folders: &'a [PathBuf],
    warnings: Vec<Problem>,
}

impl Loader<'_> {
    fn theme(&mut self, name: &str, origin: &str, depth: usize) -> Theme {
        if depth > MAX_DEPTH {
            self.warn(origin, "themes inherit from each other in a circle", "");
            return Theme::plain(name);
        }
        if let Some((file, text)) = self.user_file(name) {
            // A user's `dark` may inherit the built-in `dark`.
            return self.apply(name, &file, &text, depth);
        }
        self.builtin(name, origin, depth)
    }

    fn builtin(&mut self, name: &str, origin: &str, depth: usize) -> Theme {
        if let Some((_, text)) = BUILTIN.iter().find(|(n, _)| *n == name) {
            return self.apply(name, &format!("built-in themes/{name}.toml"), text, depth);
        }
        let names = names(self.folders);
        let advice = match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("Did you mean \"{near}\"?"),
            None => format!("There are: {}; own ones go in themes/NAME.toml beside config.toml.", names.join(", ")),
        };
        self.warn(origin, &format!("there is no theme \"{name}\""), &advice);
        self.builtin(BUILTIN[0].0, origin, depth + 1)
    }

    fn user_file(&mut self, name: &str) -> Option<(String, String)> {
        if name.is_empty() || name.contains(['/', '\\', '\0']) || name.starts_with('.') {
            return None;
        }
        for path in self.folders.iter().map(|folder| folder.join(format!("{name}.toml"))) {
            let file = path.display().to_string();
            match std::fs::metadata(&path) {
                Err(_) => continue,
                Ok(meta) if !meta.is_file() || meta.len() > MAX_FILE => {
                    self.warn(&file, "not a theme file", "Theme files are small TOML files.")
                }
                Ok(_) => match std::fs::read_to_string(&path) {
                    Ok(text) => return Some((file, text)),
                    Err(error) => self.warn(&file, &format!("cannot be read: {error}"), "Check its permissions."),
                },
            }
        }
        None
    }

    fn apply(&mut self, name: &str, file: &str, text: &str, depth: usize) -> Theme {
        let reader = Reader::new(file, text);
        let document = reader.parse();
        let mut root = document.as_ref().map(|d| reader.root(d, true));
        let inherits = root.as_mut().and_then(|r| r.item("inherits")).and_then(|item| Some((item.string()?, item.place().to_string())));
        let mut theme = match &inherits {
            Some((parent, _)) if parent.is_empty() => Theme::plain(name),
            Some((parent, origin)) if parent == name => self.builtin(parent, origin, depth + 1),
            Some((parent, origin)) => self.theme(parent, origin, depth + 1),
            None => self.builtin(BUILTIN[0].0, file, depth + 1),
        };
        name.clone_into(&mut theme.name);
        if let Some(mut root) = root {
            read_theme(&mut theme, &mut root);
            root.finish();
        }
        let (errors, warnings) = reader.finish();
        self.warnings.extend(errors);
        self.warnings.extend(warnings);
        theme
    }

    fn warn(&mut self, file: &str, message: &str, advice: &str) {
        self.warnings.push(Problem::of(file, message, advice));
    }
}

fn read_theme(theme: &mut Theme, root: &mut Section<'_, '_>) {
    if let Some(list) = root.item("services") {
        read_services(theme, &list);
    }
    let Some(mut roles) = root.section("roles") else { return };
    for role in Role::ALL {
        if let Some(style) = roles.item(role.name()).and_then(|item| read_style(&item)) {
            theme.set(*role, style);
        }
    }
    roles.finish();
}

fn read_services(theme: &mut Theme, list: &Item<'_, '_>) {
    let Some(items) = list.items("a list of 12 colours") else { return };
    let colors: Vec<Color> = items.iter().filter_map(read_color).collect();
    match <[Color; SERVICE_HUES]>::try_from(colors) {
        Ok(colors) => theme.services = colors,
        Err(_) if items.len() == SERVICE_HUES => {}
        Err(_) => list.wrong(format!("{} service colours", items.len()), format!("Write {SERVICE_HUES}.")),
    }
}

fn read_style(item: &Item<'_, '_>) -> Option<Style> {
    if !item.is_table() {
        return read_color(item).map(|color| Style::new().fg(color));
    }
    let mut section = item.section()?;
    let mut style = Style::new();
    style.fg = section.item("fg").and_then(|i| read_color(&i));
    style.bg = section.item("bg").and_then(|i| read_color(&i));
    let modifiers = [
        ("bold", Modifier::BOLD),
        ("dim", Modifier::DIM),
        ("italic", Modifier::ITALIC),
        ("underlined", Modifier::UNDERLINED),
        ("reversed", Modifier::REVERSED),
    ];
    for (key, modifier) in modifiers {
        if section.item(key).and_then(|i| i.boolean()) == Some(true) {
            style = style.add_modifier(modifier);
        }
    }
    section.finish();
    Some(style)
}

fn read_color(item: &Item<'_, '_>) -> Option<Color> {
    let text = item.string()?;
    let color = if text == "default" { Some(Color::Reset) } else { text.parse().ok() };
    if color.is_none() {
        item.wrong(
            format!("no colour \"{text}\""),
            "Write \"#rrggbb\", a name like \"red\" or \"light blue\", a number \"0\" to \"255\", or \"default\".",
        );
    }
    color
}
