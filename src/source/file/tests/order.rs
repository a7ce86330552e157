//! The order of lines: by time, and of one time as they stand in their file.

use std::collections::BTreeMap;

use super::*;

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

/// The texts in their order, by the second that they tell.
fn by_second(reader: &Reader) -> Vec<(String, Vec<String>)> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
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
