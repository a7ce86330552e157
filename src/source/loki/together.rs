//! Counting the lines of several streams by one question: those that a page joins look together whether they lack any, so that
//! each is looked at as often as one alone would be. Where one question for all fails or takes long, it may be for one of them:
//! each asks for itself then, for a while, so that the others are not held up by that one.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{
        Notify,
        oneshot::{self, error::TryRecvError},
    },
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{Loki, stream::Pace};
use crate::model::{
    backend::SourceError,
    series::Sample,
    time::{TimeRange, Timestamp},
};

/// Lines by the second.
pub(super) type Counts = BTreeMap<i64, u64>;

/// The label that says which stream a count is of.
const PART: &str = "redline_part";
/// How long the others are waited for, once they are told that it is time.
const GATHER: Duration = Duration::from_millis(50);
/// This part of the time that lines may wait is waited for an answer for all.
const PART_OF_PATIENCE: u32 = 3;
/// More seconds are counted by each stream alone: the others would have as many counted with them.
pub(super) const MOST: i64 = 660;

/// What a stream wants to have counted.
struct Wish {
    logql: String,
    seconds: RangeInclusive<i64>,
    tell: oneshot::Sender<Result<Counts, SourceError>>,
}

/// The streams that are followed.
#[derive(Default)]
pub(super) struct Together {
    followed: AtomicUsize,
    wishes: Mutex<Vec<Wish>>,
    /// How often in a row one question for all was not answered, and until when each asks for itself.
    apart: Mutex<(u32, Option<Instant>)>,
    /// Held by the stream that asks for all.
    asking: tokio::sync::Mutex<()>,
    /// Milliseconds that the last answer took.
    took: AtomicU64,
    /// One of them begins to look: the others come along.
    pub(super) begins: Notify,
}

/// A stream is followed until this is dropped.
pub(super) struct Followed<'a>(&'a AtomicUsize);

impl Drop for Followed<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Together {
    pub(super) fn follow(&self) -> Followed<'_> {
        self.followed.fetch_add(1, Ordering::Relaxed);
        Followed(&self.followed)
    }

    /// Whether there are several streams that may be asked for at once.
    pub(super) fn ask_together(&self) -> bool {
        let apart = self.apart.lock().unwrap_or_else(PoisonError::into_inner).1;
        self.are_several() && apart.is_none_or(|until| until <= Instant::now())
    }

    /// One question for all was answered, or each asks for itself for a while.
    fn note(&self, is_answered: bool, pace: &Pace) {
        let mut apart = self.apart.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = if is_answered { 0 } else { apart.0 + 1 };
        *apart = (failures, (!is_answered).then(|| Instant::now() + pace.rest(failures)));
    }

    /// Whether there are several streams.
    pub(super) fn are_several(&self) -> bool {
        self.followed.load(Ordering::Relaxed) > 1
    }

    /// How long the last answer took.
    pub(super) fn took(&self) -> Duration {
        Duration::from_millis(self.took.load(Ordering::Relaxed))
    }

    /// What is waited for by someone.
    fn take(&self) -> Vec<Wish> {
        let mut wishes = std::mem::take(&mut *self.wishes.lock().unwrap_or_else(PoisonError::into_inner));
        wishes.retain(|wish| !wish.tell.is_closed());
        wishes
    }
}

impl Loki {
    /// How many lines the server has of each second, asked by one question for all streams that look now.
    ///
    /// # Errors
    /// As any request.
    pub(super) async fn count_together(&self, logql: &str, seconds: &RangeInclusive<i64>) -> Result<Counts, SourceError> {
        let (tell, mut told) = oneshot::channel();
        let wish = Wish { logql: logql.to_owned(), seconds: seconds.clone(), tell };
        self.together.wishes.lock().unwrap_or_else(PoisonError::into_inner).push(wish);
        tokio::select! {
            biased;
            answer = &mut told => return self.or_alone(answer.ok(), logql, seconds).await,
            asking = self.together.asking.lock() => {
                // Another one may have asked for this one just before.
                match told.try_recv() {
                    Ok(answer) => return answer,
                    Err(TryRecvError::Empty) => {}
                    // Just before, too: it is not to be waited for a second time.
                    Err(TryRecvError::Closed) => {
                        drop(asking);
                        return self.or_alone(None, logql, seconds).await;
                    }
                }
                self.together.begins.notify_waiters();
                sleep(GATHER.min(self.pace.least)).await;
                sleep_until(self.calm_turn(Instant::now())).await;
                let asked = Instant::now();
                let is_granted = self.grant(self.together.take()).await;
                // How long one of them took says nothing of the others.
                let took = if is_granted { asked.elapsed() } else { Duration::ZERO };
                self.together.took.store(u64::try_from(took.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        }
        self.or_alone(told.await.ok(), logql, seconds).await
    }

    /// Whoever asked for this one may have gone, or got no answer for all.
    async fn or_alone(
        &self,
        answer: Option<Result<Counts, SourceError>>,
        logql: &str,
        seconds: &RangeInclusive<i64>,
    ) -> Result<Counts, SourceError> {
        match answer {
            Some(answer) => answer,
            None => self.count_alone(logql, seconds).await,
        }
    }

    /// Returns whether there was an answer for all; where there was none, each is to ask for itself.
    async fn grant(&self, wishes: Vec<Wish>) -> bool {
        let [first, _, ..] = wishes.as_slice() else {
            for wish in wishes {
                let counts = self.count_alone(&wish.logql, &wish.seconds).await;
                // Who has gone need not know.
                let _ = wish.tell.send(counts);
            }
            return true;
        };
        let (mut start, mut end) = first.seconds.clone().into_inner();
        for wish in &wishes {
            (start, end) = (start.min(*wish.seconds.start()), end.max(*wish.seconds.end()));
        }
        let parts =
            wishes.iter().enumerate().map(|(i, wish)| format!(r#"label_replace({}, "{PART}", "{i}", "", "")"#, counted(&wish.logql)));
        let query = parts.collect::<Vec<_>>().join(" or ");
        let asking = self.query_matrix(&query, range(&(start..=end)), Duration::from_secs(1));
        let answer = timeout(self.pace.patience / PART_OF_PATIENCE, asking).await;
        let limited = |error: &SourceError| error.hold_off().is_some();
        match answer {
            Ok(Ok(matrix)) => {
                self.together.note(true, &self.pace);
                for (i, wish) in wishes.into_iter().enumerate() {
                    let name = i.to_string();
                    let own = matrix.series.iter().filter(|series| series.labels.get(PART) == Some(&name));
                    let counts = own.flat_map(|series| &series.samples).map(by_second);
                    let counts = counts.filter(|(second, _)| wish.seconds.contains(second)).collect();
                    let _ = wish.tell.send(Ok(counts));
                }
                true
            }
            Ok(Err(error)) if limited(&error) => {
                for wish in wishes {
                    let _ = wish.tell.send(Err(error.clone()));
                }
                true
            }
            Ok(Err(_)) | Err(_) => {
                self.together.note(false, &self.pace);
                false
            }
        }
    }

    /// How many lines the server has of each second of one stream.
    ///
    /// # Errors
    /// As any request.
    pub(super) async fn count_alone(&self, logql: &str, seconds: &RangeInclusive<i64>) -> Result<Counts, SourceError> {
        let matrix = self.query_matrix(&counted(logql), range(seconds), Duration::from_secs(1)).await?;
        Ok(matrix.series.iter().flat_map(|series| &series.samples).map(by_second).collect())
    }
}

/// On a line of its own: the query may end in a comment.
fn counted(logql: &str) -> String {
    format!("sum(count_over_time({logql}\n[1s]))")
}

fn range(seconds: &RangeInclusive<i64>) -> TimeRange {
    TimeRange { start: Timestamp::from_secs(seconds.start() - 1), end: Timestamp::from_secs(*seconds.end()) }
}

fn by_second(sample: &Sample) -> (i64, u64) {
    (sample.at.secs(), sample.value as u64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_string_contains, path},
    };

    use super::*;
    use crate::{model::backend::Backend, source::http::Endpoint};

    fn matrix(series: &str) -> ResponseTemplate {
        let body = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}"#);
        ResponseTemplate::new(200).set_body_raw(body, "application/json")
    }

    async fn server() -> (MockServer, Loki) {
        let server = MockServer::start().await;
        let loki = Loki::new(Endpoint::new(Backend::Loki, server.uri().parse().unwrap()), Arc::new(|_, _| ())).unwrap();
        (server, loki)
    }

    const A: &str = r#"{app="a"}"#;
    const B: &str = r#"{app="b"}"#;

    /// What both are told that look at the same time.
    async fn both(loki: &Loki) -> (Counts, Counts) {
        let (a, b) = tokio::join!(loki.count_together(A, &(100..=102)), loki.count_together(B, &(101..=103)));
        (a.unwrap(), b.unwrap())
    }

    #[tokio::test]
    async fn streams_that_look_together_ask_one_question_and_each_is_told_its_own() {
        let (server, loki) = server().await;
        let told = [
            r#"{"metric":{"redline_part":"0"},"values":[[101,"5"],[103,"9"]]}"#,
            r#"{"metric":{"redline_part":"1"},"values":[[101,"7"]]}"#,
        ];
        Mock::given(path("/loki/api/v1/query_range")).respond_with(matrix(&told.join(","))).expect(1).mount(&server).await;
        assert_eq!(both(&loki).await, ([(101, 5)].into(), [(101, 7)].into()));
    }

    #[tokio::test]
    async fn where_one_question_for_all_is_refused_each_is_asked_for_by_itself() {
        let (server, loki) = server().await;
        let asked = || Mock::given(path("/loki/api/v1/query_range"));
        asked()
            .and(body_string_contains("redline_part"))
            .respond_with(ResponseTemplate::new(400).set_body_string("no"))
            .expect(1)
            .mount(&server)
            .await;
        asked().and(body_string_contains("%22a%22")).respond_with(matrix(r#"{"metric":{},"values":[[101,"5"]]}"#)).mount(&server).await;
        asked().respond_with(matrix(r#"{"metric":{},"values":[[101,"7"]]}"#)).mount(&server).await;
        assert_eq!(both(&loki).await, ([(101, 5)].into(), [(101, 7)].into()));
    }

    #[tokio::test]
    async fn where_one_question_for_all_takes_long_each_asks_for_itself_and_the_others_are_told() {
        let server = MockServer::start().await;
        let endpoint = Endpoint { timeout: Duration::from_secs(3600), ..Endpoint::new(Backend::Loki, server.uri().parse().unwrap()) };
        let mut loki = Loki::new(endpoint, Arc::new(|_, _| ())).unwrap();
        loki.pace.patience = Duration::from_millis(60);
        let asked = || Mock::given(path("/loki/api/v1/query_range"));
        let never = ResponseTemplate::new(200).set_delay(Duration::from_secs(3600));
        asked().and(body_string_contains("%22a%22")).respond_with(never).mount(&server).await;
        asked().respond_with(matrix(r#"{"metric":{},"values":[[101,"7"]]}"#)).mount(&server).await;
        let _followed = [loki.together.follow(), loki.together.follow()];
        assert!(loki.together.ask_together());
        let told = tokio::select! {
            _ = loki.count_together(A, &(100..=102)) => panic!("it is never answered"),
            told = loki.count_together(B, &(101..=103)) => told,
            () = sleep(Duration::from_secs(20)) => panic!("not in time"),
        };
        assert_eq!(told.unwrap(), [(101, 7)].into());
        assert!(!loki.together.ask_together(), "not for a while");
    }

    #[tokio::test]
    async fn one_that_goes_away_holds_the_others_up_no_longer() {
        let (server, loki) = server().await;
        Mock::given(path("/loki/api/v1/query_range")).respond_with(matrix(r#"{"metric":{},"values":[[101,"7"]]}"#)).mount(&server).await;
        {
            let mut gone = Box::pin(loki.count_together(A, &(100..=102)));
            assert!(futures_util::poll!(&mut gone).is_pending(), "it is the one that asks");
        }
        assert_eq!(loki.count_together(B, &(100..=102)).await.unwrap(), [(101, 7)].into());
    }
}
