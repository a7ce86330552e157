//! How much the shop has logged, without writing the lines: they are counted, and a few of them measured.

use super::{
    World,
    block::{BLOCK, block_of},
    logs::{CHUNK, VisitVolume},
    model::SECOND,
    record::RecordBlock,
};
use crate::{demo::store::Volume, model::time::Timestamp};

/// What a piece of an answer covers.
const PIECE: i64 = 10 * SECOND;
/// Pieces that a block's lines may lie in, those that are written after its end included.
const PIECES: usize = (2 * BLOCK * SECOND / PIECE) as usize;
/// Up to so many blocks are counted; of more, few.
const COUNTED: i64 = 34;
/// How many these are.
const FEW: i64 = 12;
/// One line in so many is measured.
const MEASURED: u64 = 64;

/// What the streams have in pieces from one instant on.
struct Count<'a> {
    world: &'a World,
    begin: i64,
    pieces: Vec<[u64; PIECES]>,
    /// Lines that were measured, and their bytes.
    measured: Vec<Volume>,
    text: String,
}

impl<'a> Count<'a> {
    fn new(world: &'a World, block: i64) -> Self {
        let streams = world.streams.len();
        let begin = block * BLOCK * SECOND;
        Self { world, begin, pieces: vec![[0; PIECES]; streams], measured: vec![Volume::default(); streams], text: String::new() }
    }

    /// Counts the lines of a block in a range.
    fn add(&mut self, block: &RecordBlock, matching: &[bool], (from, to): (i64, i64)) {
        let mut seen = vec![0_u64; matching.len()];
        for line in block.lines(from, to) {
            let stream = line.pod as usize;
            if !matching[stream] {
                continue;
            }
            let piece = ((line.at - self.begin) / PIECE).clamp(0, PIECES as i64 - 1) as usize;
            self.pieces[stream][piece] += 1;
            if seen[stream].is_multiple_of(MEASURED) {
                self.measured[stream] += Volume::of(&self.world.entry(line), &mut self.text);
            }
            seen[stream] += 1;
        }
    }

    /// Visits what was counted as if as much lay at each of some distances from there, as far as that is in a range.
    fn visit(&self, distances: impl Iterator<Item = i64> + Clone, (from, to): (i64, i64), visit: &mut VisitVolume<'_>) {
        for (stream, (pieces, measured)) in self.pieces.iter().zip(&self.measured).enumerate() {
            for (i, entries) in pieces.iter().enumerate().filter(|(_, n)| **n > 0) {
                let volume = Volume { entries: *entries, bytes: entries * measured.bytes / measured.entries.max(1) };
                for distance in distances.clone() {
                    let at = self.begin + i as i64 * PIECE + distance;
                    if at + PIECE > from && at < to {
                        visit(Timestamp(at.max(from)), &self.world.streams[stream], volume);
                    }
                }
            }
        }
    }
}

impl World {
    /// How much the matching streams have between two instants.
    pub(super) fn count_volume(&self, matching: &[bool], (from, to): (i64, i64), visit: &mut VisitVolume<'_>) {
        // The block before has lines that were written after its end.
        let (first, last) = (block_of(from) - 1, block_of(to - 1));
        // Blocks that are counted do not depend on the question, so that two of them agree.
        let stride = if last - first < COUNTED { 1 } else { (last - first) / FEW };
        let mut next = first - first.rem_euclid(stride);
        while next <= last {
            let end = if stride == 1 { last.min(next + CHUNK - 1) } else { next };
            for (block, records) in (next..=end).zip(self.engine.records(next, end)) {
                let mut count = Count::new(self, block);
                count.add(&records, matching, if stride == 1 { (from, to) } else { (i64::MIN, i64::MAX) });
                count.visit((0..stride).map(|n| n * BLOCK * SECOND), (from, to), visit);
            }
            next = if stride == 1 { end + 1 } else { next + stride };
        }
    }
}
