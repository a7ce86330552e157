//! Lines that are unlike the others of their file.

use super::*;

#[tokio::test]
async fn one_line_that_is_dated_otherwise_does_not_take_the_dates_of_all_others() {
    let folder = Folder::new();
    let line = |i: i64| format!("orders {}", dated(i, &format!("INFO number {i}")));
    let text = dated(0, "entrypoint: starting") + &(1..3000).map(line).collect::<String>();
    let reader = Reader::new(&[folder.write("app.log", text)]).loaded().await;
    assert_eq!(reader.lines.len(), 3000);
    let newest = reader.lines.iter().map(|line| line.at).max();
    assert_eq!(newest, Some(Timestamp::from_secs(START + 2999)));
}

#[tokio::test]
async fn levels_that_are_padded_begin_lines() {
    let folder = Folder::new();
    let levels = ["ERROR failed", " INFO started", " WARN slow"];
    let plain = folder.write("plain.log", levels.join("\n") + "\n");
    let mut reader = Reader::new(&[plain]).loaded().await;
    reader.until("the last line", |r| r.lines.len() == 3).await;
    assert_eq!(reader.texts(), levels);

    let padded: String = (0..).zip(["ERROR", " INFO", " WARN"]).map(|(i, level)| format!("{level} {}", dated(i, "x"))).collect();
    let reader = Reader::new(&[folder.write("padded.log", &padded)]).loaded().await;
    assert_eq!(reader.texts(), padded.lines().collect::<Vec<_>>());

    let docker = |i: usize, text: &str| format!("{{\"log\":\"{text}\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-22T05:00:0{i}Z\"}}\n");
    let cri = |i: usize, text: &str| format!("2026-11-22T05:00:0{i}Z stdout F {text}\n");
    for (name, wrap) in [("docker.log", &docker as &dyn Fn(usize, &str) -> String), ("cri.log", &cri)] {
        let text: String = (0..).zip(levels).map(|(i, text)| wrap(i, text)).collect();
        let reader = Reader::new(&[folder.write(name, &text)]).loaded().await;
        assert_eq!(reader.texts(), text.lines().collect::<Vec<_>>());
        let levels: Vec<Level> = (0..3).map(|i| reader.lines.iter().find(|l| l.at.secs() == START + i).unwrap().level).collect();
        assert_eq!(levels, [Level::Error, Level::Info, Level::Warn], "{name}");
    }
}

#[tokio::test]
async fn odd_dates_that_are_newer_do_not_hide_a_window_behind_them() {
    let folder = Folder::new();
    // Wherever one looks, an odd one is the first line that begins.
    let line = |i: i64| dated(i, &format!("number {i} {}", "x".repeat(1000))) + "2027-01-01 10:00:00 from a clock that was wrong\n";
    let path = folder.write("odd.log", (0..10_000).map(line).collect::<String>());
    let later = std::time::UNIX_EPOCH + Duration::from_secs(START.unsigned_abs() + 86_400);
    OpenOptions::new().write(true).open(&path).unwrap().set_modified(later).unwrap();
    let mut reader = Reader::new(&[path]);
    let (start, end) = (Timestamp::from_secs(START + 7000), Timestamp::from_secs(START + 7009));
    reader.window = TimeWindow::Fixed(TimeRange { start, end });
    let reader = reader.loaded().await;
    let numbers: Vec<&str> = reader.texts().iter().map(|text| text.split(' ').nth(3).unwrap()).collect();
    assert_eq!(numbers, (7000..7010).map(|i| i.to_string()).collect::<Vec<_>>());
    assert!(reader.notes().lines < 20_000, "what is newer is passed over");
}

#[tokio::test]
async fn of_more_writers_than_are_told_apart_none_has_the_labels_of_another() {
    let folder = Folder::new();
    let line = |i: i64| format!("[pod/cart-{i}/app] {}", dated(i, &format!("cart-{i}")));
    let reader = Reader::new(&[folder.write("all.log", (0..10_005).map(line).collect::<String>())]).loaded().await;
    assert_eq!(reader.lines.len(), 10_005);
    for line in &reader.lines {
        assert!(line.stream.get("filename").is_some());
        assert!(line.stream.get("pod").is_none_or(|pod| line.text.ends_with(&format!(" {pod}"))), "{line:?}");
    }
    let nameless = reader.lines.iter().filter(|line| line.stream.get("pod").is_none()).count();
    assert!((1..10).contains(&nameless), "{nameless}");
}
