//! What can be read only once.

use super::*;

#[tokio::test]
async fn a_pipe_is_read_as_it_comes_whatever_window_is_asked_for() {
    let folder = Folder::new();
    let (path, mut writer) = folder.pipe();
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

#[tokio::test]
async fn a_writer_that_is_quiet_is_shown_while_others_write() {
    let folder = Folder::new();
    let (path, mut writer) = folder.pipe();
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
async fn a_named_pipe_is_waited_for_while_the_page_is_there() {
    let folder = Folder::new();
    let path = folder.unopened_pipe();
    // Nobody writes to it yet.
    let reader = Reader::new(std::slice::from_ref(&path));
    let writer = std::thread::spawn(move || OpenOptions::new().write(true).open(path).unwrap().write_all(b"at last\n").unwrap());
    let reader = reader.loaded().await;
    writer.join().unwrap();
    assert_eq!((reader.texts(), &reader.told[0].state), (vec!["at last"], &FileState::Ended));
}
