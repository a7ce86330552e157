//! What an unfolded line shows below itself: its further lines, those of libraries in a stack trace folded.

use super::Record;

/// Fewer lines of libraries in a row are shown as they are.
const FEW: usize = 3;

/// One row below an unfolded line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfolded<'a> {
    /// A further line.
    Line(&'a str),
    /// So many frames of libraries.
    Libraries(usize),
}

/// The rows below an unfolded line. All its further lines are in the detail.
pub fn unfolded(record: &Record) -> Vec<Unfolded<'_>> {
    let Some(trace) = record.stack_trace() else { return record.rest.iter().map(|line| Unfolded::Line(line)).collect() };
    let mut out = Vec::new();
    let mut i = 0;
    while i < record.rest.len() {
        let run = trace.libraries[i..].iter().take_while(|frames| frames.is_some()).count();
        let frames: usize = trace.libraries[i..i + run].iter().flatten().sum();
        if run >= FEW && frames > 1 {
            out.push(Unfolded::Libraries(frames));
        } else {
            out.extend(record.rest[i..i + run].iter().map(|line| Unfolded::Line(line)));
        }
        i += run;
        if run == 0 {
            out.push(Unfolded::Line(&record.rest[i]));
            i += 1;
        }
    }
    out
}
