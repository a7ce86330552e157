//! The characters that things are drawn with: Unicode, or ASCII for a locale without UTF-8.

/// A set of characters, each one cell wide.
#[derive(Debug)]
pub struct Glyphs {
    /// Whether braille and block elements may be used at all.
    pub unicode: bool,
    /// `─`
    pub horizontal: &'static str,
    /// `│`
    pub vertical: &'static str,
    /// Corners: `┌ ┐ └ ┘`
    pub corners: [&'static str; 4],
    /// Tees: left `├`, right `┤`, top `┬`, bottom `┴`, and the cross `┼`
    pub joints: [&'static str; 5],
    /// Bars growing to the right by eighths of a cell: `▏▎▍▌▋▊▉█`
    pub bars: [&'static str; 8],
    /// Bars growing upwards by eighths of a cell: `▁▂▃▄▅▆▇█`
    pub levels: [&'static str; 8],
    /// The right half of a cell: `▐`
    pub half_right: &'static str,
    /// A bar of half height: `▄`
    pub lower_half: &'static str,
    /// The left and the right half of it: `▖ ▗`, and with the left or the right half of the cell in full height: `▙ ▟`
    pub quadrants: [&'static str; 4],
    /// Selected row: `▌`
    pub selected: &'static str,
    /// Folded: `▸`
    pub folded: &'static str,
    /// Unfolded: `▾`
    pub unfolded: &'static str,
    /// Crumb separator: `▸`
    pub crumb: &'static str,
    /// Full dot: `●`
    pub dot: &'static str,
    /// Empty dot: `○`
    pub ring: &'static str,
    /// Exemplar, trace mark: `◆`
    pub diamond: &'static str,
    /// Firing mark: `▲`
    pub triangle: &'static str,
    /// Times: `×`
    pub times: &'static str,
    /// Middle dot: `·`
    pub middle_dot: &'static str,
    /// Cut text: `…`
    pub ellipsis: &'static str,
    /// Dotted vertical line: `┊`
    pub dotted: &'static str,
    /// Threshold line: `╌`
    pub dashed: &'static str,
    /// En dash between two times: `–`
    pub dash: &'static str,
    /// At least: `≥`
    pub at_least: &'static str,
    /// Stale: `░`
    pub stale: &'static str,
    /// Error mark: `!`
    pub error: &'static str,
    /// Frames of the spinner.
    pub spinner: &'static [&'static str],
}

impl Glyphs {
    /// By the locale: the first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set decides.
    pub fn for_locale(vars: &std::collections::BTreeMap<String, String>) -> &'static Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| vars.get(*name)).find(|value| !value.is_empty());
        let utf8 = locale.is_some_and(|l| l.to_ascii_lowercase().replace('-', "").contains("utf8"));
        if utf8 { Self::UNICODE } else { Self::ASCII }
    }

    /// For UTF-8 locales.
    pub const UNICODE: &'static Self = &Self {
        unicode: true,
        horizontal: "─",
        vertical: "│",
        corners: ["┌", "┐", "└", "┘"],
        joints: ["├", "┤", "┬", "┴", "┼"],
        bars: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
        levels: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        half_right: "▐",
        lower_half: "▄",
        quadrants: ["▖", "▗", "▙", "▟"],
        selected: "▌",
        folded: "▸",
        unfolded: "▾",
        crumb: "▸",
        dot: "●",
        ring: "○",
        diamond: "◆",
        triangle: "▲",
        times: "×",
        middle_dot: "·",
        ellipsis: "…",
        dotted: "┊",
        dashed: "╌",
        dash: "–",
        at_least: "≥",
        stale: "░",
        error: "!",
        spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
    };

    /// For all others.
    pub const ASCII: &'static Self = &Self {
        unicode: false,
        horizontal: "-",
        vertical: "|",
        corners: ["+", "+", "+", "+"],
        joints: ["+", "+", "+", "+", "+"],
        bars: [".", ".", "-", "-", "=", "=", "#", "#"],
        levels: ["_", ".", ".", "-", "=", "+", "*", "#"],
        half_right: "#",
        lower_half: "=",
        quadrants: ["=", "=", "#", "#"],
        selected: ">",
        folded: "+",
        unfolded: "-",
        crumb: ">",
        dot: "*",
        ring: "o",
        diamond: "*",
        triangle: "^",
        times: "x",
        middle_dot: ".",
        ellipsis: "~",
        dotted: ":",
        dashed: "-",
        dash: "-",
        at_least: ">=",
        stale: "?",
        error: "!",
        spinner: &["|", "/", "-", "\\"],
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_chooses() {
        let unicode =
            |pairs: &[(&str, &str)]| Glyphs::for_locale(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()).unicode;
        assert!(unicode(&[("LANG", "en_US.UTF-8")]));
        assert!(unicode(&[("LANG", "C"), ("LC_CTYPE", "C.utf8")]));
        assert!(unicode(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "")]));
        assert!(!unicode(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")]));
        assert!(!unicode(&[("LANG", "C")]));
        assert!(!unicode(&[]));
    }
}
