//! Exceptions of the lines of a store, found on a worker: by type and top frame of one's own code.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use foldhash::HashMap;

use super::{
    folds::parts,
    patterns::{Found, PatternJob, PatternNews, Snapshot},
    show::Rule,
};
use crate::{
    log_fields::{exceptions::Thrown, joined},
    log_patterns::{self, ExceptionFacts, LinePattern, Seen, example},
    model::{log_labels::LogLabels, time::Timestamp},
};

/// The lines of one exception.
struct Group<'l> {
    thrown: Thrown,
    seen: Seen,
    services: BTreeMap<String, u64>,
    first: (Timestamp, Cow<'l, str>),
}

#[derive(Default)]
struct Groups<'l> {
    of: HashMap<(String, Option<String>), Group<'l>>,
    lines: u64,
    earlier: u64,
}

impl PatternJob {
    /// Finds the exceptions. `None` when it was told to stop.
    pub(super) fn exceptions(&self, labels: &LogLabels, is_stopped: &dyn Fn() -> bool) -> Option<PatternNews> {
        let mut groups = Groups::default();
        self.group(&self.lines, false, labels, &mut groups, is_stopped)?;
        if let Some(earlier) = self.earlier() {
            self.group(earlier, true, labels, &mut groups, is_stopped)?;
        }
        let Groups { of, lines, earlier } = groups;
        let mut patterns: Vec<LinePattern> = of.into_values().map(|group| self.told(group)).collect();
        log_patterns::sort(&mut patterns, &self.counting.windows);
        let found = Found::of_exceptions(patterns, [lines, earlier], self.counting);
        Some(PatternNews { found: Arc::new(found), numbered: self.lines.clone(), numbered_earlier: None })
    }

    fn group<'l>(
        &self,
        lines: &'l Snapshot,
        is_earlier: bool,
        labels: &LogLabels,
        groups: &mut Groups<'l>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Option<()> {
        let counting = self.own_counting();
        let rule = Rule { show: &self.show, streams: &lines.streams };
        for (place, segment) in lines.segments.iter().enumerate() {
            if is_stopped() {
                return None;
            }
            for (number, row) in segment.rows.iter().enumerate() {
                let at = row.id().at;
                let waits = self.show.is_waiting(row.id()) || (is_earlier && !self.is_before(at));
                if waits || segment.folds.goes_on(number) || !segment.row_passes(number, rule) {
                    continue;
                }
                *(if is_earlier { &mut groups.earlier } else { &mut groups.lines }) += 1;
                let text = joined(parts(lines.segments[place..].iter(), number).flat_map(|(lines, row)| lines.texts(row)));
                let Some(thrown) = Thrown::of(&text) else { continue };
                let level = segment.level(number);
                let group = groups.of.entry((thrown.kind.clone(), thrown.at.clone())).or_insert_with(|| Group {
                    thrown: thrown.clone(),
                    seen: Seen::default(),
                    services: BTreeMap::new(),
                    first: (Timestamp::LATEST, Cow::Borrowed("")),
                });
                if is_earlier {
                    group.seen.add_earlier(at, level);
                } else {
                    group.seen.add(at, level, 1, &counting);
                    let service = lines.streams.get(row.stream).and_then(|stream| labels.service_of(stream));
                    *group.services.entry(service.unwrap_or_default().to_owned()).or_default() += 1;
                }
                if group.first.1.is_empty() || (at, &text) < (group.first.0, &group.first.1) {
                    (group.first, group.thrown) = ((at, text), thrown);
                }
            }
        }
        Some(())
    }

    fn told(&self, group: Group<'_>) -> LinePattern {
        let Group { thrown, seen, services, first } = group;
        let mut services: Vec<(String, u64)> = services.into_iter().collect();
        services.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        LinePattern {
            template: thrown.name(),
            form: thrown.name(),
            change: self.counting.windows.change(&seen),
            seen,
            example: example(&first.1).into(),
            kinds: Vec::new(),
            exception: Some(Box::new(ExceptionFacts { thrown, services })),
        }
    }
}
