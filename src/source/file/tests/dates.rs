//! Where a line's time is taken from.

use super::*;

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
async fn odd_dates_where_a_piece_of_a_file_begins_do_not_end_the_reading() {
    let folder = Folder::new();
    let odd = |i: i64| format!("2019-01-01 10:{:02}:{:02} from a clock that was wrong {}\n", i / 60 % 60, i % 60, "x".repeat(100));
    let text: String = (0..60_000).map(|i| if i % 10 == 0 { dated(i, "right") } else { odd(i) }).collect();
    let mut reader = Reader::new(&[folder.write("odd.log", text)]);
    reader.window = TimeWindow::Fixed(TimeRange { start: Timestamp::from_secs(START), end: Timestamp::from_secs(START + 100_000) });
    let reader = reader.loaded().await;
    assert_eq!((reader.lines.len(), reader.told[0].left), (6000, 0));
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
