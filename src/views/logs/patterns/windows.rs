//! What the page says of the windows that are compared, and how two are named.

use super::super::{Logs, gaps::reason};
use super::compare::{ChosenWindows, Compare, Earlier, INSTANT};
use crate::{
    log_patterns::Windows,
    model::time::{TimeRange, TimeWindow},
    time_input::parse_window,
    ui::format,
    views::{Act, Cx, Look},
};

/// What can be typed.
pub(in super::super) const FORMS: &str = "-2h to -1h: with that   -10m against 14:00 to 14:30: these two   =: the usual ones again";

/// What stands between two windows.
const AGAINST: [&str; 3] = [" against ", " vs ", " with "];

/// `14:20 – 14:43`, with seconds where it is short.
pub(super) fn window(look: &Look<'_>, range: TimeRange) -> String {
    const SHORT: u64 = 240;
    let (zone, dash) = (look.shared.settings.zone.0, look.shared.glyphs.dash);
    if range.duration().as_secs() >= SHORT {
        let end = range.end + INSTANT;
        return format!("{} {dash} {}", format::day_clock(range.start, look.now, zone), format::day_clock(end, range.start, zone));
    }
    let day = format::day_clock(range.start, look.now, zone);
    let day = day.rsplit_once(' ').map_or_else(String::new, |(day, _)| format!("{day} "));
    format!("{day}{} {dash} {}", format::clock_seconds(range.start, zone), format::clock_seconds(range.end + INSTANT, zone))
}

impl Logs {
    /// `since the onset at 14:43 against 14:20 – 14:43`, and the same in fewer words.
    pub(super) fn compared(&self, look: &Look<'_>, windows: &Windows) -> [String; 2] {
        let compare = self.patterns.compare.here(look);
        let what = self.looked_at(look, windows);
        if let Some(before) = windows.before {
            let with = format!("against {}", window(look, before));
            let of_onset = if compare == Compare::Onset && what.starts_with("lines") { ", before the onset" } else { "" };
            return match self.patterns.earlier.as_ref().and_then(Earlier::error) {
                Some(error) => {
                    [format!("{what} {with}{of_onset}; lines of before are missing: {}", error.message), format!("{with}, in part")]
                }
                None => [format!("{what} {with}{of_onset}"), with],
            };
        }
        let name = match compare {
            Compare::Onset => "the lines before the onset",
            Compare::Halves => return [format!("{what}: no line before is loaded, so none is called new"), "not compared".to_owned()],
            Compare::Previous => "the period before",
            Compare::Day => "the day before",
            Compare::Week => "the week before",
            Compare::Chosen(chosen) => return self.not_compared(&window(look, chosen.before)),
        };
        self.not_compared(name)
    }

    fn not_compared(&self, name: &str) -> [String; 2] {
        let why = match &self.patterns.earlier {
            _ if self.patterns.told.is_some() => "Loki keeps no patterns so long".to_owned(),
            Some(earlier) => match (earlier.error(), earlier.limit()) {
                (Some(error), _) => error.message.clone(),
                _ if earlier.known().is_none() => return [format!("reading {name}"), "reading".to_owned()],
                (None, Some(limit)) => reason(limit),
                (None, None) => "there is no time between them".to_owned(),
            },
            None if self.told.is_coming() => return [format!("reading {name}"), "reading".to_owned()],
            None => "none is here".to_owned(),
        };
        [format!("not compared with {name}: {why}"), "not compared".to_owned()]
    }

    /// The window that is looked at.
    fn looked_at(&self, look: &Look<'_>, windows: &Windows) -> String {
        let zone = look.shared.settings.zone.0;
        let after = windows.after;
        let since = format::day_clock(after.start, look.now, zone);
        match self.patterns.compare.here(look) {
            Compare::Onset if self.whole_windows(look).after.start < after.start => {
                format!("lines since {}", format::clock_seconds(after.start, zone))
            }
            Compare::Onset => format!("since the onset at {since}"),
            Compare::Halves => format!("since {since}"),
            Compare::Chosen(ChosenWindows { after: Some(_), .. }) => window(look, after),
            Compare::Previous | Compare::Day | Compare::Week | Compare::Chosen(_) => "all".to_owned(),
        }
    }

    /// Compares the windows that were typed. One that the page does not have becomes its window.
    pub(in super::super) fn windows_typed(&mut self, cx: &mut Cx<'_>, text: &str) {
        if text == "=" {
            self.compare_with(Compare::default());
            return self.compared_anew(cx);
        }
        let spanned = self.files_scope(&cx.look);
        let look = spanned.as_ref().map_or(cx.look, |scope| Look { scope, ..cx.look });
        match self.named(&look, text) {
            Err(why) => cx.notice(why),
            Ok(chosen) => self.compare_chosen(cx, chosen),
        }
    }

    fn compare_chosen(&mut self, cx: &mut Cx<'_>, mut chosen: ChosenWindows) {
        let spanned = self.files_scope(&cx.look);
        let range = spanned.as_ref().map_or_else(|| cx.look.range(), |scope| scope.window.range(cx.look.now));
        if let (Some(_), Some(TimeWindow::Fixed(after))) = (&spanned, chosen.after)
            && after.start < range.end
            && range.start < after.end
        {
            // A step of the volume goes beyond the last line.
            let after = TimeRange { start: after.start.max(range.start), end: after.end.min(range.end) };
            chosen.after = Some(TimeWindow::Fixed(after));
        }
        let other = chosen.after.filter(|w| {
            let w = w.range(cx.look.now);
            w.start < self.known_from(range) || range.end < w.end
        });
        if let Some(other) = other {
            chosen.after = None;
            cx.acts.push(Act::Rescope(Box::new(cx.look.scope.with_window(other))));
        }
        self.compare_with(Compare::Chosen(chosen));
        self.compared_anew(cx);
    }

    /// Shows the patterns of two windows that were chosen on the volume.
    pub(in super::super) fn compare_brushed(&mut self, cx: &mut Cx<'_>, before: TimeRange, after: TimeRange) {
        self.patterns.open = true;
        let before = TimeRange { end: before.end - INSTANT, ..before };
        self.compare_chosen(cx, ChosenWindows { before, after: Some(TimeWindow::Fixed(after)) });
    }

    fn named(&self, look: &Look<'_>, text: &str) -> Result<ChosenWindows, String> {
        // Files end when their last line was written.
        let now = if self.files.is_some() { look.range().end } else { look.now };
        let zone = look.shared.settings.zone.0;
        let text = text.strip_prefix("against ").unwrap_or(text);
        let (after, before) = match AGAINST.iter().find_map(|word| text.split_once(word)) {
            Some((after, before)) => (Some(parse_window(after, now, zone)?), before),
            None => (None, text),
        };
        let before: TimeWindow = parse_window(before, now, zone)?;
        let other = before.range(now);
        let after = match after {
            Some(after) if self.files.is_some() => Some(TimeWindow::Fixed(after.range(now))),
            None if self.files.is_some() => Some(TimeWindow::Fixed(TimeRange::new(other.end.min(now), now))),
            after => after,
        };
        let own = after.map_or_else(|| look.range(), |w| w.range(now));
        if other.start < own.end && own.start < other.end {
            return Err(format!("{} and {} have lines in common", window(look, own), window(look, other)));
        }
        Ok(ChosenWindows { before: TimeRange { end: other.end - INSTANT, ..other }, after })
    }
}
