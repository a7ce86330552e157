//! How much of a file is read.

use super::*;

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
