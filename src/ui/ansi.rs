//! The colours that a text brings along as SGR escape sequences. They alone are kept of all that a text could do to a
//! terminal.

use std::ops::Range;

use ratatui::style::{Color, Modifier, Style};

use crate::theme::{Role, Theme};

/// A text without its escape sequences, and the styles they gave to parts of it.
#[derive(Debug, Default, PartialEq)]
pub struct Colored {
    /// The text.
    pub text: String,
    /// Which bytes of it have which style; the others have none.
    pub runs: Vec<(Range<usize>, Style)>,
}

/// Whether a text may have colours, as it is or within JSON.
pub fn has_colors(text: &str) -> bool {
    text.contains("\u{1b}[") || text.contains(JSON)
}

/// How JSON writes the escape character.
const JSON: &str = "\\u001b";

/// Takes the sequences out of a text. Those that are no colours are left out as well.
pub fn parse(text: &str) -> Colored {
    let unescaped = text.replace(JSON, "\u{1b}");
    let mut out = Colored::default();
    let mut style = Style::new();
    let mut rest = unescaped.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push(before, style);
        rest = match after.strip_prefix('[') {
            Some(sequence) => {
                let Some(end) = sequence.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c)) else { return out };
                if sequence[end..].starts_with('m') {
                    style = sgr(style, &sequence[..end]);
                }
                &sequence[end + 1..]
            }
            None => after,
        };
    }
    out.push(rest, style);
    out
}

impl Colored {
    fn push(&mut self, text: &str, style: Style) {
        let from = self.text.len();
        self.text.push_str(text);
        if style != Style::new() && !text.is_empty() {
            self.runs.push((from..self.text.len(), style));
        }
    }
}

/// A style after one sequence. What blinks, hides or is of another font is none.
fn sgr(mut style: Style, parameters: &str) -> Style {
    let mut numbers = parameters.split([';', ':']).map(|n| if n.is_empty() { Some(0) } else { n.parse::<u8>().ok() });
    while let Some(number) = numbers.next() {
        match number {
            Some(0) => style = Style::new(),
            Some(1) => style = with(style, Modifier::BOLD, true),
            Some(2) => style = with(style, Modifier::DIM, true),
            Some(3) => style = with(style, Modifier::ITALIC, true),
            Some(4) => style = with(style, Modifier::UNDERLINED, true),
            Some(7) => style = with(style, Modifier::REVERSED, true),
            Some(9) => style = with(style, Modifier::CROSSED_OUT, true),
            Some(22) => style = with(with(style, Modifier::BOLD, false), Modifier::DIM, false),
            Some(23) => style = with(style, Modifier::ITALIC, false),
            Some(24) => style = with(style, Modifier::UNDERLINED, false),
            Some(27) => style = with(style, Modifier::REVERSED, false),
            Some(29) => style = with(style, Modifier::CROSSED_OUT, false),
            Some(n @ 30..=37) => style.fg = Some(Color::Indexed(n - 30)),
            Some(n @ 90..=97) => style.fg = Some(Color::Indexed(n - 90 + 8)),
            Some(n @ 40..=47) => style.bg = Some(Color::Indexed(n - 40)),
            Some(n @ 100..=107) => style.bg = Some(Color::Indexed(n - 100 + 8)),
            Some(39) => style.fg = None,
            Some(49) => style.bg = None,
            Some(38) => style.fg = color(&mut numbers).or(style.fg),
            Some(48) => style.bg = color(&mut numbers).or(style.bg),
            _ => {}
        }
    }
    style
}

fn with(mut style: Style, modifier: Modifier, on: bool) -> Style {
    style.add_modifier.set(modifier, on);
    style
}

/// What follows 38 and 48: `5;n` or `2;r;g;b`.
fn color(numbers: &mut impl Iterator<Item = Option<u8>>) -> Option<Color> {
    match numbers.next()?? {
        5 => Some(Color::Indexed(numbers.next()??)),
        2 => Some(Color::Rgb(numbers.next()??, numbers.next()??, numbers.next()??)),
        _ => None,
    }
}

/// A style as the theme and the terminal allow it: black and white on their own, which one of the two backgrounds would
/// swallow, are dim and plain text.
pub fn themed(style: Style, theme: &Theme) -> Style {
    let mut out = Style { fg: style.fg.map(|c| theme.shown_color(c)), bg: style.bg.map(|c| theme.shown_color(c)), ..style };
    if style.bg.is_none() && !style.add_modifier.contains(Modifier::REVERSED) {
        match style.fg {
            Some(Color::Indexed(0 | 8 | 16)) => out.fg = theme.style(Role::Dim).fg,
            Some(Color::Indexed(7 | 15 | 231)) => out.fg = theme.style(Role::Text).fg,
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::ColorSupport;

    #[test]
    fn colours_are_kept_and_all_else_is_not() {
        let colored =
            parse("\u{1b}[2J\u{1b}[1;31mbad\u{1b}[0m then \u{1b}[38;5;208mor\u{1b}[38;2;1;2;3man\u{1b}[mge\u{1b}]0;title\u{1b}[5");
        assert_eq!(colored.text, "bad then orange]0;title");
        let style = |fg| Style { fg: Some(fg), ..Style::new() };
        let bold = Style { add_modifier: Modifier::BOLD, ..style(Color::Indexed(1)) };
        assert_eq!(colored.runs, [(0..3, bold), (9..11, style(Color::Indexed(208))), (11..13, style(Color::Rgb(1, 2, 3)))]);
        assert_eq!(parse(r#"{"a":"\u001b[32mok\u001b[0m"}"#).text, r#"{"a":"ok"}"#);
    }

    #[test]
    fn half_a_sequence_and_wild_numbers_do_no_harm() {
        for text in ["\u{1b}[", "\u{1b}", "\u{1b}[38m x", "\u{1b}[38;5m x", "\u{1b}[999;38;2;300;1;1m x", "\u{1b}[;;;m x"] {
            assert!(parse(text).text.trim().len() <= 1, "{text:?}");
        }
    }

    #[test]
    fn a_colour_is_shown_as_the_terminal_can_and_never_on_its_like() {
        let theme = |support| Theme::default().downgrade(support);
        let fg = |color, support| themed(Style { fg: Some(color), ..Style::new() }, &theme(support)).fg;
        assert_eq!(fg(Color::Rgb(255, 0, 0), ColorSupport::TrueColor), Some(Color::Rgb(255, 0, 0)));
        assert_eq!(fg(Color::Rgb(255, 0, 0), ColorSupport::Ansi256), Some(Color::Indexed(196)));
        assert_eq!(fg(Color::Rgb(250, 10, 10), ColorSupport::Ansi16), Some(Color::Indexed(9)));
        assert_eq!(fg(Color::Indexed(46), ColorSupport::Ansi16), Some(Color::Indexed(10)));
        assert_eq!(fg(Color::Indexed(1), ColorSupport::None), Some(Color::Reset));
        assert_eq!(fg(Color::Indexed(0), ColorSupport::TrueColor), Theme::default().style(Role::Dim).fg, "black on black");
    }
}
