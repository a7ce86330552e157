//! How long a frame of graphs takes: `cargo bench --bench graphs`. Prints, asserts nothing.
//!
//! Processor time is that of the one thread that draws, so that other work on the machine does not count.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{collections::BTreeMap, time::Duration};

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use redline::{
    app::{Settings, Shared},
    core::keymap::Keymap,
    model::{
        series::Sample,
        time::{TimeRange, Timestamp},
    },
    theme::{Glyphs, Theme},
    ui::chart::{Chart, Line, Unit},
};
use support::{Watch, figure, millis, percentile};

const FRAMES: u32 = 500;
const LINES: u32 = 30;
/// Two samples a column.
const SAMPLES: u32 = 120;
const STEP: Duration = Duration::from_secs(30);

fn main() {
    let shared = Shared::new(Settings::default(), Keymap::new(&BTreeMap::new()).0, Theme::default(), Glyphs::UNICODE);
    let screen = Rect::new(0, 0, 200, 50);
    let places: Vec<Rect> = (0..9).map(|i| Rect::new(i % 3 * 66, i / 3 * 16, 66, 16)).collect();
    let mut times: Vec<f64> = (0..FRAMES)
        .map(|frame| {
            // Lines that move, as those of a live page do.
            let data: Vec<Vec<Vec<Sample>>> = (0..9).map(|graph| (0..LINES).map(|line| wave(graph, line, frame)).collect()).collect();
            let mut buf = Buffer::empty(screen);
            let watch = Watch::start();
            for (place, lines) in places.iter().zip(&data) {
                chart(lines).render(&shared, *place, &mut buf);
            }
            millis(watch.busy())
        })
        .collect();
    let median = percentile(&mut times, 0.5);
    figure("a wall of nine graphs with 30 lines each: a frame, median of 500", median, "ms").note();
    figure("the same, p99", percentile(&mut times, 0.99), "ms").at_most(8.0);
}

fn wave(graph: u32, line: u32, frame: u32) -> Vec<Sample> {
    let value = |i: u32| (f64::from(i + frame + 7 * graph) / (5.0 + f64::from(line))).sin().abs() * f64::from(line + 1);
    (0..SAMPLES).map(|i| Sample { at: Timestamp::ZERO + STEP * i, value: value(i) }).collect()
}

fn chart(lines: &[Vec<Sample>]) -> Chart<'_> {
    let mut chart = Chart::new(TimeRange::new(Timestamp::ZERO, Timestamp::ZERO + STEP * SAMPLES), STEP, Unit::Rate);
    chart.lines.extend(lines.iter().enumerate().map(|(i, samples)| line(i, samples)));
    chart.named = true;
    chart
}

fn line(i: usize, samples: &[Sample]) -> Line<'_> {
    Line { samples: samples.into(), style: Style::new(), fill: i == 0, end: format!("line{i} 12.3") }
}
