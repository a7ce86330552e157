use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::PathBuf,
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use tokio::time::timeout;

use super::*;
use crate::model::{
    log::{Level, LogLine},
    opened::{FileState, LineNotes},
};

/// As long as anything may take; nothing waits for it.
const PATIENCE: Duration = Duration::from_secs(60);
/// 2026-11-22T05:00:00Z.
const START: i64 = 1_795_323_600;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.at(name), text).unwrap();
        self.at(name)
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn reading() -> Reading {
    let clock = Clock::from_fn(|| Timestamp::from_secs(START + 86_400));
    Reading { trace_ids: Patterns::default(), offset: |_| 0, clock }
}

/// What was read so far.
struct Reader {
    files: Files,
    window: TimeWindow,
    bytes: usize,
    lines: Vec<LogLine>,
    told: Vec<OpenedFile>,
}

impl Reader {
    fn new(paths: &[PathBuf]) -> Self {
        let (files, problems) = Files::open(paths, reading()).unwrap();
        assert_eq!(problems, [""; 0]);
        Self { files, window: TimeWindow::EVERYTHING, bytes: usize::MAX, lines: Vec::new(), told: Vec::new() }
    }

    /// Reads on until that is so.
    async fn until(&mut self, what: &str, is: impl Fn(&Self) -> bool) {
        while !is(self) {
            match timeout(PATIENCE, self.files.next(self.window, self.bytes)).await {
                Ok(LogEvent::Lines(lines)) => self.lines.extend(lines),
                Ok(LogEvent::Files(told)) => self.told = told,
                other => panic!("{other:?} while waiting for {what}: {:?} {:?}", self.texts(), self.told),
            }
        }
    }

    async fn loaded(mut self) -> Self {
        self.until("all to be read", |r| !r.told.is_empty() && r.told.iter().all(|f| f.state != FileState::Reading)).await;
        self
    }

    /// The texts by time, as a page has them.
    fn texts(&self) -> Vec<&str> {
        let mut lines: Vec<&LogLine> = self.lines.iter().collect();
        lines.sort_by_key(|line| line.at);
        lines.iter().map(|line| &*line.text).collect()
    }

    fn notes(&self) -> LineNotes {
        let mut notes = LineNotes::default();
        self.told.iter().for_each(|file| notes.add(&file.notes));
        notes
    }

    fn has(&self, text: &str) -> bool {
        self.lines.iter().any(|line| &*line.text == text)
    }
}

fn dated(second: i64, text: &str) -> String {
    let at = chrono::DateTime::from_timestamp(START + second, 0).unwrap();
    format!("{} {text}\n", at.format("%Y-%m-%d %H:%M:%S"))
}

fn gz(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn several_files_are_one_by_time_compressed_or_not() {
    let folder = Folder::new();
    let paths = [
        folder.write("app.log", dated(2, "ERROR two") + &dated(4, "four")),
        folder.write("app.log.1.gz", gz(&(dated(1, "one") + &dated(3, "three")))),
        folder.write(
            "app.log.2.zst",
            ruzstd::encoding::compress_to_vec(dated(0, "zero").as_bytes(), ruzstd::encoding::CompressionLevel::Fastest),
        ),
        folder.write("empty.log", ""),
    ];
    let reader = Reader::new(&paths).loaded().await;
    let ends: Vec<&str> = reader.texts().iter().map(|text| text.rsplit(' ').next().unwrap()).collect();
    assert_eq!(ends, ["zero", "one", "two", "three", "four"]);
    let two = reader.lines.iter().find(|line| line.text.ends_with("two")).unwrap();
    assert_eq!((two.at, two.level), (Timestamp::from_secs(START + 2), Level::Error));
    assert_eq!(two.stream.get("filename"), paths[0].to_str());
    let states: Vec<&FileState> = reader.told.iter().map(|file| &file.state).collect();
    assert_eq!(states, [&FileState::Following, &FileState::Ended, &FileState::Ended, &FileState::Following]);
    assert_eq!(reader.notes().unzoned, 5);
}

#[tokio::test]
async fn lines_that_go_on_are_of_the_line_before_and_objects_are_not() {
    let folder = Folder::new();
    let text = "starting\n".to_owned()
        + &dated(1, "ERROR it failed\njava.lang.IllegalStateException: no\n\tat com.shop.Pool.take(Pool.java:12)\n\nCaused by: x")
        + "{\"msg\":\"an object of its own\"}\n"
        + &dated(2, "the same")
        + &dated(2, "the same");
    let reader = Reader::new(&[folder.write("app.log", text)]).loaded().await;
    let expected = [
        "starting",
        "2026-11-22 05:00:01 ERROR it failed\njava.lang.IllegalStateException: no\n\tat com.shop.Pool.take(Pool.java:12)\n\nCaused by: x",
        "{\"msg\":\"an object of its own\"}",
        "2026-11-22 05:00:02 the same",
        "2026-11-22 05:00:02 the same",
    ];
    assert_eq!(reader.texts(), expected);
    let from: Vec<Option<&str>> =
        expected[..3].iter().map(|t| reader.lines.iter().find(|l| &*l.text == *t)?.metadata.get("time_from")).collect();
    assert_eq!(from, [Some("next line"), None, Some("line before")]);
    // The page's store keeps both of two that are the same.
    let mut store = crate::store::LogStore::new(1 << 20);
    assert_eq!(store.insert(reader.lines.clone()), 5);
}

#[tokio::test]
async fn a_file_without_times_is_in_its_own_order_and_says_so() {
    let folder = Folder::new();
    let lines: Vec<String> = (0..3000).map(|i| format!("step {i} of many")).collect();
    let mut reader = Reader::new(&[folder.write("steps.log", lines.join("\r\n"))]).loaded().await;
    // It may still be written to.
    reader.until("the line without an end", |r| r.notes().lines == 3000).await;
    assert_eq!(reader.texts(), lines);
    assert_eq!((reader.notes().in_order, reader.notes().lines), (3000, 3000));
    assert!(reader.lines.iter().all(|line| line.at.is_place()));
}

#[tokio::test]
async fn of_a_large_file_the_newest_lines_come_first_and_only_those_there_is_room_for() {
    let folder = Folder::new();
    let line = |i: i64| dated(i / 7, &format!("number {i} {}", "x".repeat(100)));
    let count = 60_000;
    let path = folder.write("large.log", (0..count).map(line).collect::<String>());
    let whole = Reader::new(std::slice::from_ref(&path)).loaded().await;
    let expected: Vec<String> = (0..count).map(|i| line(i).trim_end().to_owned()).collect();
    assert!(whole.texts() == expected, "every line once, in order");

    let mut part = Reader::new(std::slice::from_ref(&path));
    part.bytes = 1 << 20;
    let part = part.loaded().await;
    let texts = part.texts();
    assert!(texts.len() > 3000 && texts.len() < 40_000 && expected.ends_with(&texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()));
    assert!(part.told[0].left > 1 << 20, "{:?}", part.told);

    let mut window = Reader::new(&[path]);
    let (start, end) = (Timestamp::from_secs(START + 7000), Timestamp::from_secs(START + 7009));
    window.window = TimeWindow::Fixed(TimeRange { start, end });
    let window = window.loaded().await;
    assert_eq!(window.texts(), expected[49_000..49_064].iter().map(String::as_str).collect::<Vec<_>>(), "the instant of the end is within");
    assert!(window.told[0].left > 0);
}

#[tokio::test]
async fn a_file_that_grows_is_emptied_and_is_replaced_is_read_on() {
    let folder = Folder::new();
    let path = folder.write("app.log", dated(1, "first"));
    let mut reader = Reader::new(std::slice::from_ref(&path)).loaded().await;
    append(&path, &dated(2, "ERROR it failed"));
    append(&path, "\tat com.shop.Pool.take(Pool.java:12)\n2026-11-22 05:00:03 without");
    append(&path, " an end");
    reader.until("what was added", |r| r.has("2026-11-22 05:00:03 without an end")).await;
    assert!(reader.has("2026-11-22 05:00:02 ERROR it failed\n\tat com.shop.Pool.take(Pool.java:12)"), "{:?}", reader.texts());

    OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    reader.until("news of its being emptied", |r| r.told[0].news.as_ref().is_some_and(|(_, what)| what.starts_with("was emptied"))).await;
    append(&path, &dated(4, "after it was emptied"));
    reader.until("what came then", |r| r.has("2026-11-22 05:00:04 after it was emptied")).await;

    fs::rename(&path, folder.at("app.log.1")).unwrap();
    append(&folder.at("app.log.1"), &dated(5, "to the old one, late"));
    reader.until("news of its being gone", |r| r.told[0].news.as_ref().is_some_and(|(_, what)| what.starts_with("was removed"))).await;
    folder.write("app.log", dated(6, "to the new one"));
    reader.until("what the new one has", |r| r.has("2026-11-22 05:00:06 to the new one")).await;
    assert!(reader.has("2026-11-22 05:00:05 to the old one, late"));
    assert!(reader.told[0].news.as_ref().unwrap().1.starts_with("was replaced"));
    let mut once: Vec<&str> = reader.texts();
    once.dedup();
    assert_eq!(once.len(), reader.lines.len(), "each line once: {:?}", reader.texts());
}

#[tokio::test]
async fn odd_bytes_are_read_and_counted() {
    let folder = Folder::new();
    let long = "y".repeat((8 << 20) + 5);
    let mut bytes = vec![0; 4096];
    bytes.extend_from_slice(dated(1, "after zeros").as_bytes());
    bytes.extend_from_slice(b"2026-11-22 05:00:02 caf\xe9\r\n");
    bytes.extend_from_slice(dated(3, &long).as_bytes());
    bytes.extend_from_slice(dated(4, &"z".repeat(1 << 20)).as_bytes());
    let reader = Reader::new(&[folder.write("odd.log", bytes)]).loaded().await;
    let lengths: Vec<usize> = reader.texts().iter().map(|text| text.len()).collect();
    assert_eq!(lengths, [31, 26, 8 << 20, (1 << 20) + 20]);
    let notes = reader.notes();
    assert_eq!((notes.zeros, notes.not_utf8, notes.cut, notes.lines), (1, 1, 1, 4));
}

#[tokio::test]
async fn a_compressed_file_that_is_cut_short_shows_what_there_is_and_says_so() {
    let folder = Folder::new();
    let bytes = gz(&(0..20_000).map(|i| dated(i, &format!("number {}", i * 7919 % 10_007))).collect::<String>());
    let reader = Reader::new(&[folder.write("cut.log.gz", &bytes[..bytes.len() / 2])]).loaded().await;
    assert!(reader.lines.len() > 5000, "{}", reader.lines.len());
    assert!(matches!(&reader.told[0].state, FileState::Failed(why) if why.contains("cut short")), "{:?}", reader.told);
}

#[tokio::test]
async fn who_wrote_a_line_is_taken_from_before_it() {
    let folder = Folder::new();
    let text = "\
[pod/orders-7d9f-k2vq/app] 2026-11-22T05:00:01.000000001Z ERROR it failed
[pod/cart-5c9d-abcde/app] {\"ts\":\"2026-11-22T05:00:02Z\",\"msg\":\"x\"}
[pod/orders-7d9f-k2vq/app] 2026-11-22T05:00:01.000000002Z \tat com.shop.Pool.take(Pool.java:12)
web-1  | 2026-11-22T05:00:03Z started
2026-11-22T05:00:04.123456789Z stdout P in two
2026-11-22T05:00:04.123456790Z stdout F  parts
";
    let reader = Reader::new(&[folder.write("all.log", text)]).loaded().await;
    let lines: Vec<(Option<&str>, Option<&str>, &str)> = {
        let mut lines: Vec<&LogLine> = reader.lines.iter().collect();
        lines.sort_by_key(|line| line.at);
        lines.into_iter().map(|l| (l.stream.get("pod"), l.stream.get("container"), &*l.text)).collect()
    };
    assert_eq!(
        lines,
        [
            (
                Some("orders-7d9f-k2vq"),
                Some("app"),
                "2026-11-22T05:00:01.000000001Z ERROR it failed\n\tat com.shop.Pool.take(Pool.java:12)"
            ),
            (Some("cart-5c9d-abcde"), Some("app"), "{\"ts\":\"2026-11-22T05:00:02Z\",\"msg\":\"x\"}"),
            (None, Some("web-1"), "2026-11-22T05:00:03Z started"),
            (None, None, "2026-11-22T05:00:04.123456789Z stdout P in two parts"),
        ]
    );
}

#[tokio::test]
async fn a_pipe_is_read_as_it_comes_whatever_window_is_asked_for() {
    let folder = Folder::new();
    let path = folder.at("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    // Opened for both, so that neither end waits for the other.
    let mut writer = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    writer.write_all(b"no time here\n").unwrap();
    let mut reader = Reader::new(&[path]);
    assert!(!reader.files.are_readable_again());
    reader.until("the first line", |r| r.has("no time here")).await;
    assert_eq!(reader.lines[0].at, Timestamp::from_secs(START + 86_400), "when it came");
    reader.window = TimeWindow::Last(Duration::from_secs(1));
    writer.write_all(dated(1, "later").as_bytes()).unwrap();
    reader.until("the next one", |r| r.has("2026-11-22 05:00:01 later")).await;
    assert_eq!(reader.lines.len(), 2);
}

#[test]
fn of_several_those_that_can_be_shown_are_and_the_others_are_told() {
    let folder = Folder::new();
    let good = folder.write("app.log", "x\n");
    let (files, problems) = Files::open(&[folder.at("missing"), good.clone(), good, folder.0.path().to_owned()], reading()).unwrap();
    assert_eq!((files.names().len(), problems.len()), (1, 2));
    assert!(Files::open(&[folder.at("missing")], reading()).err().unwrap().ends_with("missing: no such file"));
}
