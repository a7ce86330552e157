//! What can be read in part, or not at all.

use super::*;

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

#[test]
fn of_several_those_that_can_be_shown_are_and_the_others_are_told() {
    let folder = Folder::new();
    let good = folder.write("app.log", "x\n");
    let (files, problems) = Files::open(&[folder.at("missing"), good.clone(), good, folder.0.path().to_owned()], reading()).unwrap();
    assert_eq!((files.names().len(), problems.len()), (1, 2));
    assert!(Files::open(&[folder.at("missing")], reading()).err().unwrap().ends_with("missing: no such file"));
}

#[tokio::test]
async fn what_never_ends_a_line_is_not_read_for_ever() {
    let mut reader = Reader::new(&[PathBuf::from("/dev/zero")]);
    reader.until("an end", |r| r.told.iter().any(|f| matches!(&f.state, FileState::Failed(why) if why.contains("no line ended")))).await;
}
