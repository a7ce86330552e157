//! What the terminal can show, and the nearest colour that it can.

use std::{collections::BTreeMap, sync::LazyLock};

use ratatui::style::Color;

/// How many colours the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColorSupport {
    /// None, or none wanted (`NO_COLOR`).
    None,
    /// The 16 of every terminal.
    Ansi16,
    /// The 256 of xterm.
    Ansi256,
    /// 24 bits.
    TrueColor,
}

impl ColorSupport {
    /// From `NO_COLOR`, `COLORTERM` and `TERM`.
    pub fn detect(vars: &BTreeMap<String, String>) -> Self {
        let var = |name: &str| vars.get(name).map(String::as_str).unwrap_or_default();
        let term = var("TERM");
        if !var("NO_COLOR").is_empty() || term == "dumb" {
            Self::None
        } else if matches!(var("COLORTERM"), "truecolor" | "24bit") || term.ends_with("-direct") {
            Self::TrueColor
        } else if term.contains("256color") {
            Self::Ansi256
        } else {
            Self::Ansi16
        }
    }

    /// A colour that did not come from a theme, as the terminal can show it.
    pub(super) fn shown(self, color: Color) -> Color {
        match (self, color) {
            (Self::Ansi16, Color::Rgb(r, g, b)) => nearest_16((r, g, b)),
            (Self::Ansi16, Color::Indexed(i @ 16..)) => nearest_16(indexed_rgb(i)),
            _ => self.nearest(color),
        }
    }

    /// The colour, or the nearest of 256, or the terminal's own when there are none.
    pub(super) fn nearest(self, color: Color) -> Color {
        match (self, color) {
            (Self::None, _) => Color::Reset,
            (Self::Ansi256, Color::Rgb(r, g, b)) => nearest_indexed((r, g, b)),
            _ => color,
        }
    }
}

/// Whether a colour is none of the terminal's 16.
pub(super) fn is_beyond_16(color: Color) -> bool {
    matches!(color, Color::Rgb(..) | Color::Indexed(16..))
}

type Rgb = (u8, u8, u8);

/// The nearest of the colour cube and the greys; the first 16 differ from terminal to terminal and are left out.
fn nearest_indexed(rgb: Rgb) -> Color {
    static SEEN: LazyLock<Vec<(u8, [f64; 3])>> = LazyLock::new(|| (16..=255).map(|i| (i, oklab(linear(indexed_rgb(i))))).collect());
    let wanted = oklab(linear(rgb));
    let near = SEEN.iter().min_by(|(_, a), (_, b)| distance(*a, wanted).total_cmp(&distance(*b, wanted)));
    Color::Indexed(near.map_or(7, |(i, _)| *i))
}

/// The nearest of the 16 as xterm has them.
fn nearest_16(rgb: Rgb) -> Color {
    const XTERM: [Rgb; 16] = [
        (0, 0, 0),
        (205, 0, 0),
        (0, 205, 0),
        (205, 205, 0),
        (0, 0, 238),
        (205, 0, 205),
        (0, 205, 205),
        (229, 229, 229),
        (127, 127, 127),
        (255, 0, 0),
        (0, 255, 0),
        (255, 255, 0),
        (92, 92, 255),
        (255, 0, 255),
        (0, 255, 255),
        (255, 255, 255),
    ];
    let wanted = oklab(linear(rgb));
    let near = (0..).zip(XTERM).map(|(i, c)| (i, distance(oklab(linear(c)), wanted))).min_by(|a, b| a.1.total_cmp(&b.1));
    Color::Indexed(near.map_or(7, |(i, _)| i))
}

/// What xterm shows for 16 to 255.
fn indexed_rgb(index: u8) -> Rgb {
    let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
    if let Some(step) = index.checked_sub(232) {
        return (8 + 10 * step, 8 + 10 * step, 8 + 10 * step);
    }
    let n = index.saturating_sub(16);
    (level(n / 36), level(n / 6 % 6), level(n % 6))
}

/// How different two colours look: the square of their distance in OKLab.
fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum()
}

/// Linear light, 0..1, from sRGB.
pub(super) fn linear((r, g, b): Rgb) -> [f64; 3] {
    [r, g, b].map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    })
}

/// OKLab (Ottosson 2020) from linear light.
pub(super) fn oklab([r, g, b]: [f64; 3]) -> [f64; 3] {
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(pairs: &[(&str, &str)]) -> ColorSupport {
        ColorSupport::detect(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn support_is_what_the_terminal_says() {
        assert_eq!(detect(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), ColorSupport::TrueColor);
        assert_eq!(detect(&[("TERM", "xterm-256color")]), ColorSupport::Ansi256);
        assert_eq!(detect(&[("TERM", "xterm")]), ColorSupport::Ansi16);
        assert_eq!(detect(&[("TERM", "linux")]), ColorSupport::Ansi16);
        assert_eq!(detect(&[("TERM", "dumb")]), ColorSupport::None);
        assert_eq!(detect(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")]), ColorSupport::None);
        assert_eq!(detect(&[("TERM", "xterm-256color"), ("NO_COLOR", "")]), ColorSupport::Ansi256, "empty does not count, no-color.org");
    }

    #[test]
    fn a_colour_goes_to_its_nearest() {
        let red = Color::Rgb(255, 0, 0);
        assert_eq!(ColorSupport::TrueColor.nearest(red), red);
        assert_eq!(ColorSupport::Ansi256.nearest(red), Color::Indexed(196));
        assert_eq!(ColorSupport::Ansi256.nearest(Color::Rgb(128, 128, 128)), Color::Indexed(244));
        assert_eq!(ColorSupport::None.nearest(red), Color::Reset);
        assert_eq!(ColorSupport::Ansi256.nearest(Color::Cyan), Color::Cyan);
        assert_eq!(ColorSupport::Ansi256.nearest(Color::Reset), Color::Reset, "the terminal's own stays");
    }
}
