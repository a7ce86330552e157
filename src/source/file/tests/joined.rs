//! Lines that several of a file are put together to.

use super::*;

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
async fn stack_traces_of_a_container_stay_together_where_a_large_file_is_read_in_pieces() {
    let folder = Folder::new();
    let frame = format!("\tat com.shop.{}.take(Pool.java:12)", "x".repeat(60));
    let trace = |i: i64| {
        let at = |line: i64| format!("2026-11-22T05:00:01.{:09}Z stderr F", 30 * i + line);
        let frames: String = (1..21).map(|line| format!("{} {frame}\n", at(line))).collect();
        format!("{} ERROR number {i}\n{frames}", at(0))
    };
    let count = 4000;
    let reader = Reader::new(&[folder.write("0.log", (0..count).map(trace).collect::<String>())]).loaded().await;
    let frames: Vec<usize> = reader.lines.iter().map(|line| line.text.matches("\tat ").count()).collect();
    assert_eq!(frames, vec![20; count as usize]);
}
