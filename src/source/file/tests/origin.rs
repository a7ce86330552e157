//! Who wrote a line.

use super::*;

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
async fn tail_of_several_files_tells_of_which_each_line_is() {
    let folder = Folder::new();
    let (path, mut writer) = folder.pipe();
    let text = "==> /var/log/a.log <==\n2026-11-22T05:00:01Z one\n\n==> b.log <==\n2026-11-22T05:00:02Z two\n\n==> /var/log/a.log <==\n2026-11-22T05:00:03Z three\n";
    writer.write_all(text.as_bytes()).unwrap();
    let mut reader = Reader::new(&[path]);
    reader.until("all of them", |r| r.lines.len() == 3).await;
    reader.lines.sort_by_key(|line| line.at);
    let lines: Vec<(Option<&str>, &str)> = reader.lines.iter().map(|l| (l.stream.get("filename"), &l.text[21..])).collect();
    assert_eq!(lines, [(Some("/var/log/a.log"), "one"), (Some("b.log"), "two"), (Some("/var/log/a.log"), "three")]);
}
