mod exported;
mod misfits;

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
    opened::{Asked, FileState, LineNotes},
    time::TimeWindow,
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
    reading: u32,
    lines: Vec<LogLine>,
    told: Vec<OpenedFile>,
}

impl Reader {
    fn new(paths: &[PathBuf]) -> Self {
        let (files, problems) = Files::open(paths, reading()).unwrap();
        assert_eq!(problems, [""; 0]);
        Self { files, window: TimeWindow::EVERYTHING, bytes: usize::MAX, reading: 0, lines: Vec::new(), told: Vec::new() }
    }

    /// Reads on until that is so.
    async fn until(&mut self, what: &str, is: impl Fn(&Self) -> bool) {
        while !is(self) {
            match timeout(PATIENCE, self.files.next(Asked { window: self.window, bytes: self.bytes, reading: self.reading })).await {
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
    assert_eq!(
        window.texts(),
        expected[49_000..49_070].iter().map(String::as_str).collect::<Vec<_>>(),
        "all of the last second are within"
    );
    assert!(window.told[0].left > 0);
}

#[tokio::test]
async fn an_odd_date_does_not_end_the_reading() {
    let folder = Folder::new();
    let line = |i: i64| dated(i, &format!("number {i} {}", "x".repeat(100)));
    let odd = "2019-01-01 10:00:00 from a clock that was wrong\n";
    let text: String = (0..20_000).map(|i| if i % 1000 == 900 { line(i) + odd } else { line(i) }).collect();
    let mut reader = Reader::new(&[folder.write("odd.log", text)]);
    let (start, end) = (Timestamp::from_secs(START), Timestamp::from_secs(START + 100_000));
    reader.window = TimeWindow::Fixed(TimeRange { start, end });
    let reader = reader.loaded().await;
    assert_eq!((reader.lines.len(), reader.told[0].left), (20_000, 0));
}

#[tokio::test]
async fn a_date_within_a_line_that_goes_on_is_none_of_its_own() {
    let folder = Folder::new();
    let more = "notAfter 2027-03-01 00:00:00\n1795323662 is no time\n| 2027-03-01 00:00:00 | expired |\nuser last seen 2019-01-01 10:00:00";
    let error = format!("2026-11-22 05:00:02 ERROR bad certificate:\n{more}\nno date");
    let path = folder.write("app.log", dated(1, "started") + &error + "\n" + &dated(3, "ended"));
    let mut reader = Reader::new(std::slice::from_ref(&path)).loaded().await;
    assert_eq!(reader.texts(), ["2026-11-22 05:00:01 started", &error, "2026-11-22 05:00:03 ended"]);

    // So it is with what is written later.
    append(&path, &(more.to_owned() + "\n" + &dated(4, "last")));
    reader.until("the last line", |r| r.has("2026-11-22 05:00:04 last")).await;
    let newest = reader.lines.iter().map(|line| line.at).max();
    assert_eq!(newest, Some(Timestamp::from_secs(START + 4)), "{:?}", reader.texts());
}

#[tokio::test]
async fn formats_that_are_mixed_each_have_their_times() {
    let folder = Folder::new();
    let lines = [
        "2026/11/22 05:00:01 [error] 31#31: *7 connect() failed",
        "10.0.0.7 - ana [22/Nov/2026:05:00:02 +0000] \"GET /pay HTTP/1.1\" 502 157",
        "I1122 05:00:03.123456       1 controller.go:12] synced",
        "{\"time\":\"2026-11-22T05:00:04Z\",\"msg\":\"x\"}",
        "level=info ts=2026-11-22T05:00:05Z msg=x",
        "INFO  [main] 2026-11-22 05:00:06,123 x",
        "E, [2026-11-22T05:00:07.123000 #7] ERROR -- : x",
    ];
    let reader = Reader::new(&[folder.write("mixed.log", lines.join("\n") + "\n")]).loaded().await;
    assert_eq!(reader.texts(), lines);
    let seconds: Vec<i64> = (1..=7).map(|second| START + second).collect();
    let mut told: Vec<i64> = reader.lines.iter().map(|line| line.at.secs()).collect();
    told.sort_unstable();
    assert_eq!(told, seconds);
}

#[tokio::test]
async fn a_file_whose_times_stand_anywhere_has_them() {
    let folder = Folder::new();
    let lines = ["worker a 2026-11-22 05:00:01 began", "1795323602 is when b began", "worker c 2026-11-22 05:00:03 began"];
    let reader = Reader::new(&[folder.write("anywhere.log", lines.join("\n") + "\n")]).loaded().await;
    assert_eq!(reader.texts(), lines);
}

#[tokio::test]
async fn lines_of_container_runtimes_are_put_together_by_who_wrote_them() {
    let folder = Folder::new();
    let at = |nanos: u32| format!("2026-11-22T05:00:01.{nanos:09}Z");
    let cri = [
        ("stdout P", "first half "),
        ("stderr F", "ERROR it failed"),
        ("stdout F", "second half"),
        ("stderr F", "\tat com.shop.Pool.take(Pool.java:12)"),
        ("stdout F", "next"),
        ("stderr F", ""),
        ("stderr F", "\tat com.shop.Api.pay(Api.java:7)"),
        ("stdout F", "last"),
        ("stdout F", "redirect stdout F done"),
    ];
    let text: String = (0..).zip(cri).map(|(i, (tag, own))| format!("{} {tag} {own}\n", at(i))).collect();
    let reader = Reader::new(&[folder.write("0.log", text)]).loaded().await;
    let expected = [
        format!("{} stdout P first half second half", at(0)),
        format!("{} stderr F ERROR it failed\n\tat com.shop.Pool.take(Pool.java:12)\n\n\tat com.shop.Api.pay(Api.java:7)", at(1)),
        format!("{} stdout F next", at(4)),
        format!("{} stdout F last", at(7)),
        format!("{} stdout F redirect stdout F done", at(8)),
    ];
    assert_eq!(reader.texts(), expected);
}

#[tokio::test]
async fn parts_of_a_line_stay_together_where_a_large_file_is_read_in_pieces() {
    let folder = Folder::new();
    let half = "x".repeat(16 << 10);
    let line = |i: i64| {
        let at = |part: i64| format!("2026-11-22T05:00:01.{:09}Z", 3 * i + part);
        format!("{} stdout P {half}\n{} stdout P {half}\n{} stdout F end {i}\n", at(0), at(1), at(2))
    };
    let count = 400;
    let reader = Reader::new(&[folder.write("0.log", (0..count).map(line).collect::<String>())]).loaded().await;
    let lengths: Vec<usize> = reader.lines.iter().map(|line| line.text.len() / 1000).collect();
    assert_eq!(lengths, vec![32; count as usize]);
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
async fn a_file_that_is_emptied_while_it_is_read_is_followed_on() {
    let folder = Folder::new();
    let line = |i: i64| dated(i, &format!("number {i} {}", "x".repeat(1000)));
    let path = folder.write("large.log", (0..20_000).map(line).collect::<String>());
    let mut reader = Reader::new(std::slice::from_ref(&path));
    // Who reads is far from the beginning: nobody takes from it what it has.
    reader.until("the first lines", |r| !r.lines.is_empty()).await;
    OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    append(&path, &dated(20_001, "after it was emptied"));
    reader.until("what came then", |r| r.has("2026-11-22 10:33:21 after it was emptied")).await;
    reader.until("the end", |r| r.told[0].state == FileState::Following).await;
    assert!(reader.told[0].news.as_ref().unwrap().1.starts_with("was emptied while it was read"), "{:?}", reader.told);
    append(&path, &dated(20_002, "later"));
    reader.until("what came later", |r| r.has("2026-11-22 10:33:22 later")).await;
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

#[tokio::test]
async fn a_page_that_was_cleared_has_all_lines_again_though_its_window_is_the_same() {
    let folder = Folder::new();
    let text = dated(0, "a") + &dated(1, "b");
    let mut reader = Reader::new(&[folder.write("a.log", text)]).loaded().await;
    assert_eq!(reader.texts().len(), 2);
    reader.lines.clear();
    reader.told.clear();
    reader.reading += 1;
    assert_eq!(reader.loaded().await.texts().len(), 2);
}

/// The texts in their order, by the second that they tell.
fn by_second(reader: &Reader) -> Vec<(String, Vec<String>)> {
    let mut out: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for text in reader.texts() {
        let (second, number) = text.rsplit_once(' ').unwrap();
        out.entry(second.to_owned()).or_default().push(number.to_owned());
    }
    out.into_iter().collect()
}

#[tokio::test]
async fn lines_of_one_second_stay_in_the_order_of_the_file() {
    let folder = Folder::new();
    // Two containers one after the other, as they are gathered, so that lines of one second are megabytes apart.
    let second = |i: usize| i64::try_from(i % 20_000 / 40).unwrap();
    let line = |i: usize| {
        format!("[pod/{}/app] {}", if i < 20_000 { "cart-1" } else { "orders-1" }, dated(second(i), &format!("{} {i:06}", "x".repeat(70))))
    };
    let path = folder.write("all.log", (0..40_000).map(line).collect::<String>());
    assert!(fs::metadata(&path).unwrap().len() > 4 << 20);
    let mut reader = Reader::new(std::slice::from_ref(&path)).loaded().await;
    let more = 40_000..40_100;
    append(
        &path,
        &more.clone().map(|i| format!("[pod/cart-1/app] {}", dated(499, &format!("{} {i:06}", "x".repeat(70))))).collect::<String>(),
    );
    reader.until("what was added", |r| r.lines.len() == more.end).await;
    for (second, numbers) in by_second(&reader) {
        assert!(numbers.is_sorted(), "{second}: {numbers:?}");
    }
    let shown = |line: &LogLine| line.at.millis() % 1000 == 0;
    assert!(reader.lines.iter().all(shown), "no line has another time than it tells");
}

#[tokio::test]
async fn lines_of_one_second_that_are_added_come_after_those_before() {
    let folder = Folder::new();
    let path = folder.write("app.log", dated(1, "a 1") + &dated(2, "a 2") + &dated(2, "a 3") + &dated(1, "late 4"));
    let mut reader = Reader::new(std::slice::from_ref(&path)).loaded().await;
    append(&path, &(dated(2, "a 5") + &dated(1, "late 6") + "of no time\n" + &dated(2, "a 7")));
    reader.until("what was added", |r| r.notes().lines == 8 && r.lines.len() == 7).await;
    let texts: Vec<&str> = reader.texts().iter().map(|text| &text[20..]).collect();
    assert_eq!(texts, ["a 1", "late 4", "late 6\nof no time", "a 2", "a 3", "a 5", "a 7"]);
}

#[tokio::test]
async fn a_writer_that_is_quiet_is_shown_while_others_write() {
    let folder = Folder::new();
    let path = folder.at("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    let mut writer = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    writer.write_all(b"[pod/cart-1/app] 2026-11-22T05:00:01Z ERROR it failed\n").unwrap();
    let mut reader = Reader::new(&[path]);
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let busy = std::thread::spawn(move || {
        // Until it is told to stop, never quiet for as long as a line is kept open.
        while stopped.recv_timeout(Duration::from_millis(5)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            writer.write_all(b"[pod/orders-1/app] 2026-11-22T05:00:02Z INFO x\n").unwrap();
        }
    });
    reader.until("the line of the quiet one", |r| r.has("2026-11-22T05:00:01Z ERROR it failed")).await;
    drop(stop);
    busy.join().unwrap();
}

#[tokio::test]
async fn tail_of_several_files_tells_of_which_each_line_is() {
    let folder = Folder::new();
    let path = folder.at("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    let mut writer = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let text = "==> /var/log/a.log <==\n2026-11-22T05:00:01Z one\n\n==> b.log <==\n2026-11-22T05:00:02Z two\n\n==> /var/log/a.log <==\n2026-11-22T05:00:03Z three\n";
    writer.write_all(text.as_bytes()).unwrap();
    let mut reader = Reader::new(&[path]);
    reader.until("all of them", |r| r.lines.len() == 3).await;
    reader.lines.sort_by_key(|line| line.at);
    let lines: Vec<(Option<&str>, &str)> = reader.lines.iter().map(|l| (l.stream.get("filename"), &l.text[21..])).collect();
    assert_eq!(lines, [(Some("/var/log/a.log"), "one"), (Some("b.log"), "two"), (Some("/var/log/a.log"), "three")]);
}

#[tokio::test]
async fn parts_of_a_line_that_docker_cut_are_one_line() {
    let folder = Folder::new();
    let docker =
        |log: &str, side: &str, at: u8| format!("{{\"log\":\"{log}\",\"stream\":\"{side}\",\"time\":\"2026-11-22T05:00:0{at}Z\"}}\n");
    let text = docker("ERROR in ", "stderr", 1)
        + &docker("of the other side\\n", "stdout", 1)
        + &docker("two\\n", "stderr", 2)
        + &docker("\\tat x.Y(Z.java:1)\\n", "stderr", 2)
        + &docker("next\\n", "stderr", 3);
    let reader = Reader::new(&[folder.write("abc-json.log", text)]).loaded().await;
    let whole = docker("ERROR in two\\n\\tat x.Y(Z.java:1)\\n", "stderr", 1);
    assert!(reader.has(whole.trim_end()), "{:?}", reader.texts());
    assert_eq!((reader.lines.len(), reader.notes().lines), (3, 5));
    let levels: Vec<Level> = reader.lines.iter().map(|line| line.level).filter(|level| *level == Level::Error).collect();
    assert_eq!(levels.len(), 1);
}

#[tokio::test]
async fn a_named_pipe_is_waited_for_while_the_page_is_there() {
    let folder = Folder::new();
    let path = folder.at("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    // Nobody writes to it yet.
    let reader = Reader::new(std::slice::from_ref(&path));
    let writer = std::thread::spawn(move || OpenOptions::new().write(true).open(path).unwrap().write_all(b"at last\n").unwrap());
    let reader = reader.loaded().await;
    writer.join().unwrap();
    assert_eq!((reader.texts(), &reader.told[0].state), (vec!["at last"], &FileState::Ended));
}

#[tokio::test]
async fn what_never_ends_a_line_is_not_read_for_ever() {
    let mut reader = Reader::new(&[PathBuf::from("/dev/zero")]);
    reader.until("an end", |r| r.told.iter().any(|f| matches!(&f.state, FileState::Failed(why) if why.contains("no line ended")))).await;
}
