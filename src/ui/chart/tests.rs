use proptest::prelude::*;
use ratatui::style::Color;

use super::*;
use crate::{
    app::testing::{test_shared, text_of},
    theme::Glyphs,
};

const STEP: Duration = Duration::from_secs(60);

fn samples(values: &[(i64, f64)]) -> Vec<Sample> {
    values.iter().map(|(minute, value)| Sample { at: Timestamp::from_secs(minute * 60), value: *value }).collect()
}

fn hour() -> TimeRange {
    TimeRange::new(Timestamp::ZERO, Timestamp::from_secs(3600))
}

fn chart<'a>(data: &'a [Sample], unit: Unit) -> Chart<'a> {
    let mut chart = Chart::new(hour(), STEP, unit);
    chart.lines.push(Line { samples: data.into(), style: Style::new().fg(Color::Red), fill: false, end: String::new() });
    chart
}

fn buffer(chart: &Chart<'_>, w: u16, h: u16) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    let area = buf.area;
    chart.render(&test_shared(), area, &mut buf);
    buf
}

fn drawn(chart: &Chart<'_>, w: u16, h: u16) -> String {
    text_of(&buffer(chart, w, h))
}

#[test]
fn axes_have_round_numbers_units_and_clock_times() {
    let data = samples(&(0..=60).map(|m| (m, if m < 30 { 0.2 } else { 8.42 })).collect::<Vec<_>>());
    let text = drawn(&chart(&data, Unit::Seconds), 40, 9);
    assert!(text.contains("10s┤") && text.contains(" 5s┤") && text.contains(" 0s┤"), "{text}");
    assert!(text.lines().last().unwrap().contains("└00:00") && text.contains("00:30"), "{text}");
    assert!(drawn(&chart(&samples(&[(1, 0.4)]), Unit::Share), 40, 9).contains("40%┤"));
    for (seconds, ticks) in [(4_000.0, ["30m┤", "1h┤"]), (500_000.0, ["2d┤", "4d┤"])] {
        let text = drawn(&chart(&samples(&[(1, seconds)]), Unit::Seconds), 40, 9);
        assert!(ticks.iter().all(|tick| text.contains(tick)), "{text}");
    }
}

#[test]
fn a_missing_sample_is_a_gap_and_a_jittered_one_is_not() {
    let data = samples(&(0..=60).filter(|m| !(20..40).contains(m)).map(|m| (m, 1.0)).collect::<Vec<_>>());
    let line = drawn(&chart(&data, Unit::Plain), 34, 4).lines().next().unwrap().chars().skip(2).collect::<String>();
    assert!(line.contains("       "), "{line}");
    assert!(!line[..line.find(' ').unwrap()].is_empty());
    let whole = samples(&(0..=60).map(|m| (m, 1.0)).collect::<Vec<_>>());
    assert!(!drawn(&chart(&whole, Unit::Plain), 34, 4).lines().next().unwrap().trim_start_matches("1┤").contains(' '));
}

#[test]
fn a_peak_of_one_sample_reaches_the_top_at_any_width() {
    for width in [12, 20, 35, 80] {
        let data = samples(&(0..=60).map(|m| (m, if m == 31 { 100.0 } else { 1.0 })).collect::<Vec<_>>());
        let text = drawn(&chart(&data, Unit::Plain), width, 8);
        let top = text.lines().next().unwrap().chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count();
        assert!(top >= 1, "at {width}:\n{text}");
    }
}

#[test]
fn a_cell_belongs_to_the_line_on_top() {
    let data = samples(&(0..=60).map(|m| (m, 1.0)).collect::<Vec<_>>());
    let mut chart = chart(&data, Unit::Plain);
    chart.lines.push(Line { style: Style::new().fg(Color::Blue), ..chart.lines[0].clone() });
    let buf = buffer(&chart, 30, 6);
    assert!(buf.content().iter().any(|c| c.fg == Color::Blue));
    assert!(buf.content().iter().all(|c| c.fg != Color::Red));
}

#[test]
fn the_end_of_a_line_has_its_name_value_and_colour() {
    let data = samples(&(0..=60).map(|m| (m, 9.9)).collect::<Vec<_>>());
    let mut chart = chart(&data, Unit::Plain);
    chart.lines[0].end = "p99 9.90".to_owned();
    chart.lines.push(Line { end: "p95 9.80".to_owned(), style: Style::new(), ..chart.lines[0].clone() });
    let text = drawn(&chart, 50, 6);
    assert!(text.contains("p99 9.90") && text.contains("p95 9.80"), "{text}");
}

#[test]
fn the_ends_of_lines_side_by_side_are_in_the_order_of_their_values() {
    let flat = |value: f64| samples(&(0..=60).map(|m| (m, value)).collect::<Vec<_>>());
    for around in [0.2, 5.0, 9.7] {
        let data = [flat(around), flat(around + 0.2), flat(around + 0.1)];
        let mut chart = Chart::new(hour(), STEP, Unit::Plain);
        for (data, name) in data.iter().zip(["p50", "p99", "p95"]) {
            chart.lines.push(Line { samples: data.as_slice().into(), style: Style::new(), fill: false, end: name.to_owned() });
        }
        chart.thresholds.extend([10.0, 0.0].map(|value| Threshold { value, label: String::new() }));
        let text = drawn(&chart, 50, 7);
        let row = |name: &str| text.lines().position(|l| l.contains(name)).unwrap_or_else(|| panic!("{name} in\n{text}"));
        assert!(row("p99") < row("p95") && row("p95") < row("p50"), "{text}");
    }
}

#[test]
fn where_the_last_value_has_no_room_the_name_stays() {
    let data = samples(&(0..=60).map(|m| (m, 9.9)).collect::<Vec<_>>());
    let mut chart = chart(&data, Unit::Plain);
    chart.lines[0].end = "p99 9.90 s".to_owned();
    assert!(!drawn(&chart, 31, 6).contains("p99"), "a value of a line without a name is not cut");
    chart.named = true;
    let text = drawn(&chart, 31, 6);
    assert!(text.contains("p99") && !text.contains("9.90"), "{text}");
    assert!(drawn(&chart, 50, 6).contains("p99 9.90 s"));
}

#[test]
fn a_long_word_of_a_threshold_takes_no_room_from_the_names_of_lines() {
    let data = samples(&(0..=60).map(|m| (m, 9.9)).collect::<Vec<_>>());
    let mut chart = chart(&data, Unit::Plain);
    (chart.lines[0].end, chart.named) = ("p99 9.90 s".to_owned(), true);
    chart.thresholds.push(Threshold { value: 4.0, label: "4 alert of /a/long/route".to_owned() });
    assert!(drawn(&chart, 31, 6).contains("p99"), "{}", drawn(&chart, 31, 6));
    assert!(drawn(&chart, 60, 6).contains("4 alert of /a/…"), "{}", drawn(&chart, 60, 6));
    assert!(drawn(&chart, 120, 6).contains("4 alert of /a/long/route"));
}

#[test]
fn ends_without_room_are_counted() {
    let flat = |value: f64| samples(&(0..=60).map(|m| (m, value)).collect::<Vec<_>>());
    let data: Vec<Vec<Sample>> = (1..=6).map(|n| flat(f64::from(n))).collect();
    let mut chart = Chart::new(hour(), STEP, Unit::Plain);
    chart.lines =
        (1..).zip(&data).map(|(n, d)| Line { samples: d.into(), style: Style::new(), fill: false, end: format!("line{n}") }).collect();
    let text = drawn(&chart, 50, 5);
    assert!(["line6", "line5", "line4", "line3 +2"].iter().all(|end| text.contains(end)) && !text.contains("line2"), "{text}");
    assert!(!drawn(&chart, 50, 7).contains('+'), "all have room");
}

#[test]
fn thresholds_marks_and_dots_are_drawn_where_they_belong() {
    let data = samples(&(0..=60).map(|m| (m, 1.0)).collect::<Vec<_>>());
    let mut chart = chart(&data, Unit::Plain);
    chart.thresholds.push(Threshold { value: 10.0, label: "10".to_owned() });
    chart.marks.push(Mark { at: Timestamp::from_secs(1800), glyph: "▲", label: "firing".to_owned(), style: Style::new(), line: false });
    chart.dots.push(Dot { at: Timestamp::from_secs(900), value: 5.0, selected: false, failed: false });
    let text = drawn(&chart, 48, 9);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("╌╌╌╌"), "{text}");
    assert!(text.contains("▲ firing") && lines[8].contains('▲'), "{text}");
    assert!(lines[3..5].iter().any(|l| l.contains('◆')), "{text}");
}

#[test]
fn infinity_is_kept_at_the_edge_and_nan_is_nothing() {
    let data = samples(&[(10, 1.0), (11, f64::INFINITY), (12, f64::NAN), (13, 2.0)]);
    let text = drawn(&chart(&data, Unit::Plain), 40, 8);
    assert!(text.contains("2┤") && !text.contains("inf"), "{text}");
    let none = samples(&[(10, f64::NAN)]);
    assert!(!drawn(&chart(&none, Unit::Plain), 40, 8).contains('\u{2801}'));
}

#[test]
fn ascii_needs_no_other_character() {
    let data = samples(&(0..=60).map(|m| (m, f64::from(m as i32))).collect::<Vec<_>>());
    let mut buf = Buffer::empty(Rect::new(0, 0, 40, 8));
    let mut shared = test_shared();
    shared.glyphs = Glyphs::ASCII;
    let mut chart = chart(&data, Unit::Plain);
    chart.lines.push(Line { fill: true, ..chart.lines[0].clone() });
    chart.render(&shared, Rect::new(0, 0, 40, 8), &mut buf);
    assert!(text_of(&buf).is_ascii(), "{}", text_of(&buf));
}

#[test]
fn the_cursor_reads_the_nearest_sample_within_a_step() {
    let data = samples(&[(10, 1.0), (11, 2.0), (30, 3.0)]);
    let at = |minute: f64| Timestamp((minute * 60e9) as i64);
    assert_eq!(value_at(&data, at(10.2), STEP), Some(1.0));
    assert_eq!(value_at(&data, at(10.7), STEP), Some(2.0));
    assert_eq!(value_at(&data, at(20.0), STEP), None);
    assert_eq!(value_at(&data, at(30.5), STEP), Some(3.0));
    assert_eq!(value_at(&[], at(1.0), STEP), None);
}

#[test]
fn a_stack_adds_up_where_any_has_a_sample() {
    let (a, b) = (samples(&[(1, 1.0), (2, 2.0)]), samples(&[(2, 10.0), (3, 10.0)]));
    assert_eq!(stack(&[&a, &b])[1], samples(&[(1, 1.0), (2, 12.0), (3, 10.0)]));
}

#[test]
fn a_click_gives_the_instant_under_it() {
    let data = samples(&[(10, 1.0)]);
    let chart = chart(&data, Unit::Plain);
    let area = Rect::new(0, 0, 62, 8);
    let axis = chart.time_axis(area).unwrap();
    assert!(axis.area.x > 0, "beside the values of the axis");
    assert_eq!(axis.column(0).start, Timestamp::ZERO, "the nearest column counts");
    let last = axis.column(61);
    assert!(last.start > Timestamp::from_secs(3500), "{last:?}");
    assert_eq!(last.end, Timestamp::from_secs(3600));
}

#[test]
fn a_click_finds_the_dot_under_it_or_beside_it() {
    let data = samples(&[(0, 10.0)]);
    let mut chart = chart(&data, Unit::Plain);
    let dot = |minute: i64, value| Dot { at: Timestamp::from_secs(minute * 60), value, selected: false, failed: false };
    chart.dots = vec![dot(30, 5.0), dot(40, 5.0)];
    let area = Rect::new(0, 0, 64, 9);
    let drawn = buffer(&chart, 64, 9);
    let places: Vec<Position> = area.positions().filter(|at| drawn[*at].symbol() == "◆").collect();
    assert_eq!(places.len(), 2);
    assert_eq!(chart.dot_at(area, places[0]), Some(0));
    assert_eq!(chart.dot_at(area, Position::new(places[1].x + 1, places[1].y - 1)), Some(1));
    assert_eq!(chart.dot_at(area, Position::new(places[0].x + 4, places[0].y)), None);
}

#[test]
fn of_dots_side_by_side_every_other_one_is_drawn_and_the_selected_one_always() {
    let data = samples(&[(0, 10.0)]);
    let mut chart = chart(&data, Unit::Plain);
    let dot = |second: i64, selected| Dot { at: Timestamp::from_secs(second), value: 5.0, selected, failed: false };
    chart.dots = (0..3600).step_by(10).map(|second| dot(second, false)).collect();
    let row = |chart: &Chart<'_>| drawn(chart, 64, 9).lines().find(|l| l.contains('◆')).unwrap().to_owned();
    assert!(row(&chart).contains("◆ ◆ ◆") && !row(&chart).contains("◆◆"), "{}", row(&chart));
    let before = row(&chart).matches('◆').count();
    chart.dots.push(dot(1830, true));
    assert!(row(&chart).matches('◆').count() >= before);
    assert!(buffer(&chart, 64, 9).content().iter().any(|c| c.symbol() == "◆" && c.modifier.contains(Modifier::REVERSED)));
}

proptest! {
    #[test]
    fn any_data_is_drawn_at_any_size(
        w in 1u16..80,
        h in 1u16..24,
        data in proptest::collection::vec((-10i64..5000, any::<f64>()), 0..40),
        length in 0i64..100_000,
        threshold in any::<f64>(),
    ) {
        let mut data: Vec<Sample> = data.iter().map(|(s, value)| Sample { at: Timestamp::from_secs(*s), value: *value }).collect();
        data.sort_by_key(|s| s.at);
        let mut chart = Chart::new(TimeRange::new(Timestamp::ZERO, Timestamp::from_secs(length)), STEP, Unit::Seconds);
        chart.lines.push(Line { samples: data.as_slice().into(), style: Style::new(), fill: h % 2 == 0, end: "end 1 s".to_owned() });
        chart.thresholds.push(Threshold { value: threshold, label: "slo".to_owned() });
        for s in &data {
            chart.dots.push(Dot { at: s.at, value: s.value, selected: true, failed: false });
            chart.marks.push(Mark { at: s.at, glyph: "┊", label: "deploy".to_owned(), style: Style::new(), line: true });
        }
        chart.cursor = Some(Timestamp::from_secs(60));
        drawn(&chart, w, h);
        chart.time_axis(Rect::new(0, 0, w, h));
        chart.dot_at(Rect::new(0, 0, w, h), Position::new(w / 2, h / 2));
    }
}

#[test]
fn durations_of_all_sizes_have_their_place_between_round_ones_and_cells_stand_for_them() {
    let scale = |values: &[f64], rows| super::axis::duration_scale(values.iter().copied(), rows);
    let ticks = |values: &[f64], rows| scale(values, rows).ticks.into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    assert_eq!(ticks(&[0.0004, 7.0], 12), ["1ms", "10ms", "100ms", "1s", "10s"]);
    assert_eq!(ticks(&[0.03, 0.07], 12), ["20ms", "50ms", "100ms"]);
    assert_eq!(ticks(&[0.5, 7200.0], 20), ["1s", "10s", "1m", "10m", "1h"]);
    for odd in [&[][..], &[0.0, -5.0], &[f64::NAN], &[1.0], &[1e-30, 1e30], &[f64::INFINITY]] {
        let scale = scale(odd, 8);
        assert!(scale.low > 0.0 && scale.low < scale.high && scale.share(-1.0) == 0.0 && scale.ticks.len() >= 2, "{odd:?}: {scale:?}");
    }
    let mut chart = Chart::new(TimeRange { start: Timestamp::ZERO, end: Timestamp::from_secs(3600) }, Duration::ZERO, Unit::Seconds);
    chart.log = true;
    let dot = |minute: i64, value| Dot { at: Timestamp::from_secs(minute * 60), value, selected: false, failed: false };
    chart.dots = vec![dot(5, 0.0), dot(30, 0.1), dot(55, 10.0), dot(10, 0.001)];
    let plane = chart.plane(Rect::new(0, 0, 60, 13)).unwrap();
    for dot in &chart.dots {
        let at = plane.place(dot.at, dot.value).unwrap();
        let Extent { time, values: (low, high) } = plane.cells(Rect::new(at.x, at.y, 1, 1)).unwrap();
        assert!(time.contains(dot.at) && low <= dot.value && dot.value <= high, "{dot:?} {time:?} {low} {high}");
    }
    assert_eq!(plane.cells(Rect::new(200, 3, 4, 4)), None);
    assert_eq!(plane.place(Timestamp::from_secs(9999), 1.0), None);
}

#[test]
fn cells_are_found_again_by_what_they_stood_for_where_the_window_has_moved_on() {
    let over = |minutes: i64| {
        let mut chart = Chart::new(hour(), Duration::ZERO, Unit::Seconds);
        let range = TimeRange { start: Timestamp::from_secs(minutes * 60), end: Timestamp::from_secs(3600 + minutes * 60) };
        (chart.range, chart.log) = (range, true);
        chart.dots = [0.02, 3.0].map(|value| Dot { at: range.end, value, selected: false, failed: false }).to_vec();
        chart.plane(Rect::new(0, 0, 66, 13)).unwrap()
    };
    let plane = over(0);
    let plot = plane.plot;
    for (x, y, w, h) in
        [(0, 0, 1, 1), (7, 3, 2, 4), (plot.width - 1, plot.height - 1, 1, 1), (0, 0, plot.width, plot.height), (13, 5, 31, 1)]
    {
        let cells = Rect::new(plot.x + x, plot.y + y, w, h);
        let extent = plane.cells(cells).unwrap();
        assert_eq!(plane.covering(extent), Some(cells), "{extent:?}");
    }
    let extent = plane.cells(Rect::new(plot.x + plot.width / 2, plot.y + 2, 4, 2)).unwrap();
    let later = over(15).covering(extent).unwrap();
    assert_eq!((later.x, later.y, later.width, later.height), (plot.x + plot.width / 2 - plot.width / 4, plot.y + 2, 4, 2));
    let half = over(31).covering(extent).unwrap();
    assert!(half.x == plot.x && half.width < 4, "what is left of it: {half:?}");
    assert_eq!(over(40).covering(extent), None);
}
