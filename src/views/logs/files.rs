//! A page of files and pipes in the place of Loki's lines. All lines there are of them are here, so that what other pages ask a
//! server for is found among these, on the same page: the lines around one, and those with the same value.

use compact_str::CompactString;

use super::{
    Logs, conditions,
    fields::{Field, Source, items},
    list::beside,
    patterns::Picked,
};
use crate::{
    core::{
        command::Command,
        request::{Refresh, Request},
        scope::Scope,
    },
    model::{
        backend::{Backend, Health},
        log::LogLine,
        opened::{Asked, FileState, LineNotes, OpenedFile},
        time::{TimeRange, TimeWindow, Timestamp},
        trace::TraceId,
    },
    store::{Condition, Line, Place, Show},
    ui::format,
    views::{Cx, Look, Needs},
};

/// The label that names the file of a line.
const FILENAME: &str = "filename";
/// Names of files that are told one by one.
const NAMED: usize = 3;

/// What was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// The names of the files, `-` for standard input.
    pub names: Vec<CompactString>,
    /// Whether all of them can be read again for another window.
    pub again: bool,
}

/// Lines of a trace among those of files.
pub struct Held {
    names: Vec<CompactString>,
    trace: TraceId,
    /// The lines.
    pub lines: Vec<LogLine>,
}

/// The files of a page.
pub(super) struct Files {
    opened: Opened,
    /// Only the lines of a trace are shown: those that another page had when this one was opened.
    of_trace: Option<TraceId>,
    told: Vec<OpenedFile>,
    /// What happened to one of them, for the footer.
    news: Option<String>,
    /// How often the page was cleared to be read anew.
    reading: u32,
    /// The window that is read, where it cannot be read again for another one.
    window: TimeWindow,
    /// The window whose lines are shown of those.
    shown: TimeWindow,
    aside: Option<Aside>,
}

/// Other lines of the same files are looked at for a while.
struct Aside {
    words: String,
    /// Whether these are the lines with a value.
    follows: bool,
    before: Show,
    /// Whose lines alone were shown, and whose were left out.
    patterns: (Option<Picked>, Vec<Picked>),
}

impl Files {
    fn new(opened: Opened, window: TimeWindow) -> Self {
        let shown = TimeWindow::EVERYTHING;
        Self { opened, of_trace: None, told: Vec::new(), news: None, reading: 0, window, shown, aside: None }
    }

    /// One, or several, by their names; without their folders where they have to be short.
    fn names(&self) -> String {
        let names = &self.opened.names;
        let base = |name: &CompactString| name.rsplit('/').next().unwrap_or(name).to_owned();
        match names.as_slice() {
            [one] if one == "-" => "standard input".to_owned(),
            [one] => one.to_string(),
            few if few.len() <= NAMED => few.iter().map(base).collect::<Vec<_>>().join(", "),
            many => format::counted(many.len(), "file"),
        }
    }

    /// How far each is read.
    pub(super) fn told(&self) -> &[OpenedFile] {
        &self.told
    }

    fn state(&self, is: impl Fn(&FileState) -> bool) -> bool {
        self.told.iter().any(|file| is(&file.state))
    }

    fn total(&self, of: impl Fn(&OpenedFile) -> u64) -> u64 {
        self.told.iter().map(of).sum()
    }
}

impl Logs {
    /// A page of files.
    pub fn of_files(opened: Opened, window: TimeWindow, scope: &Scope) -> Self {
        let mut page = Self::new(scope, None);
        page.columns.of_one_file = opened.names.len() == 1;
        page.files = Some(Box::new(Files::new(opened, window)));
        page
    }

    /// A page of the lines of a trace that the page of the files has.
    pub fn of_trace(held: Held, scope: &Scope) -> Self {
        let Held { names, trace, lines } = held;
        let mut page = Self::of_files(Opened { names, again: false }, scope.window, scope);
        if let Some(files) = &mut page.files {
            // All of them, also where clocks differ from that of the trace.
            (files.of_trace, files.shown) = (Some(trace), scope.window);
        }
        page.store.insert(lines);
        page.list.begin(&page.store);
        page
    }

    /// The lines of a trace among those of the files.
    pub(super) fn lines_of_trace(&self, trace: TraceId) -> Option<Held> {
        let files = self.files.as_ref()?;
        Some(Held { names: files.opened.names.clone(), trace, lines: self.store.lines_of(trace) })
    }

    /// Asks for the lines of the files. Returns false where the page is of a server's.
    pub(super) fn ask_files(&self, look: &Look<'_>, needs: &mut Needs<'_>) -> bool {
        let Some(files) = &self.files else { return false };
        if files.of_trace.is_some() {
            return true;
        }
        let window = if files.opened.again { look.scope.window } else { files.window };
        // A quarter of the room is left for what is written to them later.
        let bytes = look.shared.settings.log_bytes / 4 * 3;
        needs.ask("lines", 0, Request::FileLines(Asked { window, bytes, reading: files.reading }), Refresh::Stream);
        true
    }

    pub(super) fn files_told(&mut self, told: Vec<OpenedFile>) {
        let Some(files) = &mut self.files else { return };
        let newest = told.iter().filter_map(|file| Some((file.news.as_ref()?, &file.name))).max_by_key(|((at, _), _)| *at);
        let is_new = |news: &(Timestamp, String)| !files.told.iter().any(|file| file.news.as_ref() == Some(news));
        if let Some((news, name)) = newest.filter(|(news, _)| is_new(news)) {
            files.news = Some(format!("{name} {}", news.1));
        }
        files.told = told;
    }

    /// Says in the footer what happened to a file.
    pub(super) fn tell_news(&mut self, cx: &mut Cx<'_>) {
        if let Some(news) = self.files.as_mut().and_then(|f| f.news.take()) {
            cx.notice(news);
        }
    }

    /// Another window is chosen. Returns whether the lines stay: a pipe is read once.
    pub(super) fn keeps_lines(&mut self, cx: &mut Cx<'_>) -> bool {
        let Some(files) = &mut self.files else { return false };
        if files.opened.again {
            // Also where the user comes back to a window before another one was read.
            files.reading += 1;
            return false;
        }
        if self.show_window(&cx.look) {
            self.brush = None;
            self.stop_filtering();
            self.settle(cx);
        }
        true
    }

    /// What is read only once is shown by its window. Returns whether that is another one now.
    pub(super) fn show_window(&mut self, look: &Look<'_>) -> bool {
        let window = look.scope.window;
        let Some(files) = self.files.as_mut().filter(|f| !f.opened.again && f.shown != window) else { return false };
        files.shown = window;
        let range = window.range(look.now);
        // What comes belongs to a window that goes on.
        let range = if window.is_live() { TimeRange { end: Timestamp::LATEST, ..range } } else { range };
        let within = (window != TimeWindow::EVERYTHING).then_some(range);
        if let Some(aside) = &mut files.aside {
            aside.before.within = within;
        }
        self.store.set_show(Show { within, ..self.store.show().clone() });
        true
    }

    /// The names of the files, in the place of a query.
    pub(super) fn files_name(&self) -> Option<String> {
        self.files.as_ref().map(|f| f.names())
    }

    /// The names of the files and the time that the lines are of.
    pub(super) fn about_files(&self, look: &Look<'_>) -> Option<String> {
        let names = self.files_name()?;
        let (first, last) = (self.store.oldest_dated(), self.store.newest());
        let Some((first, last)) = first.zip(last) else { return Some(names) };
        let (zone, dash) = (look.shared.settings.zone.0, look.shared.glyphs.dash);
        Some(format!("{names}  {} {dash} {}", format::day_clock(first, look.now, zone), format::day_clock(last, first, zone)))
    }

    /// Whether an instant is before the lines that there was room for.
    pub(super) fn is_left_out(&self, at: Timestamp) -> bool {
        let Some(files) = self.files.as_ref().filter(|f| f.opened.again) else { return false };
        files.total(|f| f.left) > 0 && self.store.oldest().is_some_and(|oldest| at < oldest)
    }

    /// Whether lines still come, where the page is of files.
    pub(super) fn files_come(&self) -> Option<bool> {
        let files = self.files.as_ref()?;
        let is_pipe = |file: &OpenedFile| file.size.is_none() && file.state == FileState::Reading;
        Some(files.state(|s| *s == FileState::Following) || files.told.iter().any(is_pipe))
    }

    /// How far the files are read and what is to be known of their lines, the most important first.
    pub(super) fn files_facts(&self, look: &Look<'_>, full: bool) -> Vec<String> {
        let Some(files) = &self.files else { return Vec::new() };
        let of_trace = files.of_trace.map(|trace| format!("of trace {}", trace.short()));
        let mut out: Vec<String> = of_trace.into_iter().chain(files.aside.iter().map(|aside| aside.words.clone())).collect();
        out.extend(files.told.iter().filter_map(|file| match &file.state {
            FileState::Failed(why) => Some(format!("{}: {why}", file.name)),
            _ => None,
        }));
        out.extend(self.progress(files, look, full));
        let mut notes = LineNotes::default();
        files.told.iter().for_each(|file| notes.add(&file.notes));
        out.extend(words_of(&notes, look, full));
        out
    }

    fn progress(&self, files: &Files, look: &Look<'_>, full: bool) -> Vec<String> {
        let mut out = Vec::new();
        let sized = || files.told.iter().filter_map(|file| Some((file.size?, file)));
        let (size, read): (u64, u64) = sized().fold((0, 0), |(size, read), (s, file)| (size + s, read + file.read.min(s)));
        let is_reading = sized().any(|(_, file)| file.state == FileState::Reading);
        let left = files.total(|f| f.left);
        if is_reading && size > 0 {
            out.push(format!("reading {} of {}", format::percent(read as f64 / size as f64), format::bytes(size as f64)));
        } else if left > 0 {
            let [some, all] = [size - left.min(size), size].map(|bytes| format::bytes(bytes as f64));
            let (words, older) = if self.reaches_before_window(files, look) {
                (format!("{some} of {all} read for the window"), "another")
            } else {
                (format!("newest {some} of {all}"), "an older")
            };
            let key = look.shared.keymap.key(Command::TimePicker).unwrap_or_default();
            out.push(if full { format!("{words}, {key} reads {older} window") } else { words });
        }
        let piped: u64 = files.told.iter().filter(|f| f.size.is_none()).map(|f| f.read).sum();
        if piped > 0 && full {
            out.push(format!("{} piped", format::bytes(piped as f64)));
        }
        let has_ended = |s: &FileState| matches!(s, FileState::Ended | FileState::Failed(_));
        if !files.told.is_empty() && files.told.iter().all(|f| has_ended(&f.state)) {
            out.push("ended".to_owned());
        }
        out
    }

    /// Whether what was not read is before the window: of each file that was not read to its beginning there are older lines than
    /// those of the window.
    fn reaches_before_window(&self, files: &Files, look: &Look<'_>) -> bool {
        let start = look.scope.window.range(look.now).start;
        let is_before = |file: &OpenedFile| file.reached.is_some_and(|reached| reached.start < start);
        files.opened.again && look.scope.window != TimeWindow::EVERYTHING && files.told.iter().filter(|f| f.left > 0).all(is_before)
    }

    /// Why there is nothing.
    pub(super) fn files_blank(&self) -> Option<Vec<String>> {
        let files = self.files.as_ref().filter(|_| self.store.is_empty())?;
        let name = files.names();
        let failed = files.told.iter().filter_map(|file| match &file.state {
            FileState::Failed(why) => Some(format!("{}: {why}", file.name)),
            _ => None,
        });
        let failed: Vec<String> = failed.collect();
        Some(match self.files_come() {
            _ if files.of_trace.is_some() => vec![format!("No line of {name} names this trace.")],
            _ if !failed.is_empty() => failed,
            _ if files.state(|s| *s == FileState::Reading) && files.total(|f| f.read) == 0 && files.total(|f| f.size.unwrap_or(0)) == 0 => {
                vec![format!("Waiting for the first line of {name}.")]
            }
            _ if files.told.is_empty() || files.state(|s| *s == FileState::Reading) => vec![format!("Reading {name}.")],
            Some(true) if files.total(|f| f.notes.lines) == 0 => vec![format!("{name} is empty.  Lines are shown as they are written.")],
            _ if files.total(|f| f.notes.lines) == 0 => vec![format!("{name} is empty.")],
            _ => vec![format!("No line of {name} is of this window.")],
        })
    }

    /// The file of a line, where there are several.
    pub(super) fn file_of<'a>(&self, line: &Line<'a>) -> Option<&'a str> {
        self.files.as_ref().filter(|f| f.opened.names.len() > 1)?;
        line.stream.get(FILENAME).map(|name| name.rsplit('/').next().unwrap_or(name))
    }

    /// The scope with the window that the lines are of: they may be of any time, and what is compared is compared within it.
    pub(super) fn files_scope(&self, look: &Look<'_>) -> Option<Scope> {
        self.files.as_ref()?;
        let range = TimeRange { start: self.store.oldest_dated()?, end: self.store.newest()? };
        Some(look.scope.with_window(TimeWindow::Fixed(range)))
    }

    /// Why a trace cannot be opened from here.
    pub(super) fn lacks_tempo(&self, look: &Look<'_>) -> Option<&'static str> {
        let none = |backend| *look.shared.health(backend) == Health::NotConfigured;
        let lacks = self.files.is_some() && !look.shared.settings.traces_opened && none(Backend::Tempo) && none(Backend::Jaeger);
        lacks.then_some("no Tempo is configured that could show the trace: --tempo URL names one")
    }

    /// The lines around the selected one in its file. Returns false where the page is of a server's.
    pub(super) fn context_in_files(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.files.is_none() {
            return false;
        }
        let Some(line) = self.line() else { return true };
        let is_of = |(name, value): (&str, &str)| condition(Place::Label, name, value);
        let conditions = line.stream.iter().map(is_of).collect();
        self.look_aside(cx, "context".to_owned(), false, conditions);
        true
    }

    /// The lines of all files with the selected value. Returns false where the page is of a server's.
    pub(super) fn follow_in_files(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.files.is_none() {
            return false;
        }
        match self.field(&cx.look, cx.area).or_else(|| self.own_id()).or_else(|| self.first_field()) {
            Some(field) => self.follow_field(cx, &field),
            None => cx.notice("this line has no value to follow: Tab goes to its fields"),
        }
        true
    }

    /// The next or previous line of the same trace or request. Returns false where the page is of a server's.
    pub(super) fn related_in_files(&mut self, cx: &mut Cx<'_>, step: i8) -> bool {
        let Some(files) = &self.files else { return false };
        if !files.aside.as_ref().is_some_and(|aside| aside.follows) {
            match self.own_id() {
                Some(id) => self.follow_field(cx, &id),
                None => {
                    cx.notice("this line names neither a trace nor a request: * follows another of its values");
                    return true;
                }
            }
        }
        let at = self.list.index(&self.store).unwrap_or(0);
        let to = beside(&self.store, at, isize::from(step));
        if to == at {
            cx.notice(match step {
                _ if self.is_filtering() => "the lines are still being filtered: again in a moment",
                1.. => "no later line of it",
                _ => "no earlier line of it",
            });
        } else {
            self.go(to, cx);
        }
        true
    }

    fn first_field(&self) -> Option<Field> {
        let line = self.line()?;
        let items = items(&line, &self.record(&line), &Default::default());
        items.iter().filter_map(|i| i.as_field()).find(|f| f.source == Source::Parsed && !f.value.is_empty()).cloned()
    }

    fn follow_field(&mut self, cx: &mut Cx<'_>, field: &Field) {
        let Some(line) = self.line() else { return };
        let made = match field.source {
            Source::Label => condition(Place::Label, &field.name, &field.value),
            // Other files may write it in another way.
            _ => condition(Place::Text, "", conditions::needle(line.text, &field.value).unwrap_or(&field.value)),
        };
        let words = format!("lines with {}", made.value);
        self.look_aside(cx, words, true, vec![made]);
    }

    fn look_aside(&mut self, cx: &mut Cx<'_>, words: String, follows: bool, conditions: Vec<Condition>) {
        self.list.follow = false;
        self.wanted = None;
        self.in_detail = false;
        let shown = self.store.show().clone();
        let picked = (self.patterns.only.take(), std::mem::take(&mut self.patterns.without));
        if let Some(files) = &mut self.files {
            let (before, patterns) = files.aside.take().map_or((shown, picked), |aside| (aside.before, aside.patterns));
            files.aside = Some(Aside { words, follows, before, patterns });
        }
        self.show(cx, |show| *show = Show { conditions, held: show.held, ..Show::default() });
        let key = cx.look.shared.keymap.key(Command::Back).unwrap_or_default();
        cx.notice(format!("{key} goes back to the lines before"));
    }

    /// Goes back to what was shown. Returns false where nothing else was.
    pub(super) fn leave_aside(&mut self, cx: &mut Cx<'_>) -> bool {
        let Some(aside) = self.files.as_mut().and_then(|f| f.aside.take()) else { return false };
        (self.patterns.only, self.patterns.without) = aside.patterns;
        self.show(cx, |show| *show = Show { held: show.held, ..aside.before });
        true
    }
}

fn condition(place: Place, name: &str, value: &str) -> Condition {
    let (name, value) = (name.to_owned(), value.to_owned());
    Condition::is(place, &name, name.clone(), &value, true)
}

/// What is to be known of lines.
fn words_of(notes: &LineNotes, look: &Look<'_>, full: bool) -> Vec<String> {
    let some = |n: u64, is: &str| (n > 0).then(|| format!("{} {is}", format::counted(usize::try_from(n).unwrap_or(usize::MAX), "line")));
    let order = match (notes.in_order, notes.lines) {
        (0, _) => None,
        (n, all) if n == all => Some("no times: in the order of the file".to_owned()),
        (n, _) => some(n, "without a time, first"),
    };
    let arrived = (notes.arrived > 0).then(|| "no times: as they came".to_owned());
    let zone = (full && notes.unzoned > 0).then(|| format!("times without a zone are {}", look.shared.settings.zone.1));
    let odd = [
        some(notes.cut, "cut at 8 MiB"),
        some(notes.not_utf8, "not UTF-8"),
        some(notes.zeros, "with zero bytes around them").filter(|_| full),
    ];
    [order, arrived].into_iter().chain(odd).chain([zone]).flatten().collect()
}
