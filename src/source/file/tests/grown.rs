//! Files that are written to, emptied and replaced while they are read.

use super::*;

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
