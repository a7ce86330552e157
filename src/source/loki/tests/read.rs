//! The reader that takes lines in order, without a screen.

use super::*;

#[tokio::test]
async fn a_reader_gets_all_lines_in_order_and_a_failure_when_there_are_none() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    for i in 0..12_000 {
        fake.write(range.start + Duration::from_millis(i), &i.to_string());
    }
    let (out, mut events) = mpsc::channel(1);
    let mut texts = Vec::new();
    let taking = async {
        while let Some(event) = events.recv().await {
            let LogEvent::Lines(lines) = event else { continue };
            texts.extend(lines.iter().map(|l| l.text.parse::<u64>().unwrap()));
        }
    };
    let (read, ()) = tokio::join!(loki.read(QUERY, range, Follow::No, out), taking);
    read.unwrap();
    assert_eq!(texts, (0..12_000).collect::<Vec<_>>());
    assert_eq!(asked(&fake), (3, 0));
    *fake.broken.lock().unwrap() = Some(StatusCode::UNAUTHORIZED);
    let (out, _events) = mpsc::channel(1);
    let refused = loki.read(QUERY, range, Follow::InOrder, out).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unauthorized(401));
}
