//! The files of what the user keeps, beside the loop: neither a slow disk nor what lies in a file's place holds a key up.

use std::{collections::VecDeque, io::ErrorKind, path::Path, sync::Arc, time::Duration};

use tokio::sync::{
    mpsc::{self, UnboundedReceiver, UnboundedSender, unbounded_channel},
    watch,
};

use super::{history::HistoryFile, kept::KeptFile};
use crate::{
    clock::Clock,
    core::{
        effect::{HistoryNews, KeptNews, KeptQueries},
        msg::{Event, Msg},
        typed::TypedQuery,
    },
};

/// How long the end of the program waits for what is not written yet.
const LAST: Duration = Duration::from_secs(2);

/// Does what is wished of the files, one after the other.
pub(super) struct Keeper {
    wishes: UnboundedSender<Wish>,
    /// Changes that are not written yet.
    unwritten: Arc<watch::Sender<usize>>,
}

struct Wish {
    environment: String,
    what: What,
}

#[derive(Clone)]
enum What {
    ReadKept,
    Keep(KeptQueries),
    ReadHistory,
    Remember(TypedQuery),
}

impl What {
    fn writes(&self) -> bool {
        matches!(self, Self::Keep(_) | Self::Remember(_))
    }
}

struct Files {
    kept: KeptFile,
    history: HistoryFile,
}

impl Files {
    fn work(&self, Wish { environment, what }: Wish) -> Event {
        let kept = |change, told| Event::Kept(Box::new(KeptNews { environment: environment.clone(), change, told }));
        let history = |told| Event::History(Box::new(HistoryNews { environment: environment.clone(), told }));
        match what {
            What::ReadKept => kept(None, self.kept.read(&environment)),
            What::Keep(change) => kept(Some(change.clone()), self.kept.change(&environment, &change)),
            What::ReadHistory => history(self.history.read(&environment)),
            What::Remember(query) => history(self.history.add(&environment, &query)),
        }
    }
}

impl Keeper {
    /// Begins to wait for wishes about the files in a folder. What comes of them goes `out`.
    pub(super) fn start(folder: Option<&Path>, clock: Clock, out: mpsc::Sender<Msg>) -> Self {
        let (wishes, received) = unbounded_channel();
        let unwritten = Arc::new(watch::Sender::new(0));
        let files = Arc::new(Files { kept: KeptFile::new(folder), history: HistoryFile::new(folder) });
        tokio::spawn(work(files, received, unwritten.clone(), clock, out));
        Self { wishes, unwritten }
    }

    /// Has the queries of an environment read: those that are kept, and those that were asked.
    pub(super) fn read(&self, environment: &str) {
        self.wish(environment, What::ReadKept);
        self.wish(environment, What::ReadHistory);
    }

    /// Has queries kept by their name, or those of a name that comes without any forgotten.
    pub(super) fn change(&self, environment: &str, change: KeptQueries) {
        self.wish(environment, What::Keep(change));
    }

    /// Has a query remembered that was asked.
    pub(super) fn remember(&self, environment: &str, query: TypedQuery) {
        self.wish(environment, What::Remember(query));
    }

    fn wish(&self, environment: &str, what: What) {
        if what.writes() {
            self.unwritten.send_modify(|n| *n += 1);
        }
        // The task ends after this, with the program.
        let _ = self.wishes.send(Wish { environment: environment.to_owned(), what });
    }

    /// Waits a little for what is not written yet.
    ///
    /// # Errors
    /// When it takes too long.
    pub(super) async fn finish(&self) -> std::io::Result<()> {
        let mut unwritten = self.unwritten.subscribe();
        match tokio::time::timeout(LAST, unwritten.wait_for(|n| *n == 0)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(std::io::Error::new(ErrorKind::TimedOut, "the disk does not answer: what was kept last may be lost")),
        }
    }
}

async fn work(
    files: Arc<Files>,
    mut wishes: UnboundedReceiver<Wish>,
    unwritten: Arc<watch::Sender<usize>>,
    clock: Clock,
    out: mpsc::Sender<Msg>,
) {
    // What came of the last wishes waits here while the loop has no room for it: what is to be written does not.
    let mut told = VecDeque::new();
    loop {
        let wish = tokio::select! {
            wish = wishes.recv() => wish,
            room = out.reserve(), if !told.is_empty() => {
                match (room, told.pop_front()) {
                    (Ok(room), Some(msg)) => room.send(msg),
                    // Nobody listens any more.
                    _ => told.clear(),
                }
                continue;
            }
        };
        let Some(wish) = wish else { return };
        let (files, writes) = (files.clone(), wish.what.writes());
        let done = tokio::task::spawn_blocking(move || files.work(wish)).await;
        let event = done.unwrap_or_else(|e| Event::Notice(format!("redline failed at the files of what is kept: {e}")));
        if writes {
            unwritten.send_modify(|n| *n -= 1);
        }
        told.push_back(Msg { now: clock.now(), event });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    #[tokio::test]
    async fn what_is_wished_last_is_written_though_the_loop_takes_no_more_news() {
        let folder = tempfile::tempdir().unwrap();
        // As when the program ends under a flood: the channel is full and stays so.
        let (out, _told) = mpsc::channel(1);
        let keeper = Keeper::start(Some(folder.path()), Clock::from_fn(|| Timestamp::from_secs(1)), out);
        for query in ["1", "2", "3"] {
            keeper.remember("prod", TypedQuery::logql(query));
        }
        keeper.finish().await.unwrap();
        assert_eq!(HistoryFile::new(Some(folder.path())).read("prod").unwrap().len(), 3);
    }

    #[tokio::test]
    async fn wishes_are_done_in_their_order_and_the_end_waits_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let (out, mut told) = mpsc::channel(16);
        let keeper = Keeper::start(Some(folder.path()), Clock::from_fn(|| Timestamp::from_secs(1)), out);
        let all = |query: &str| KeptQueries { name: "all".to_owned(), queries: vec![TypedQuery::promql(query)] };
        for query in ["1", "2", "3"] {
            keeper.change("prod", all(query));
            keeper.remember("prod", TypedQuery::logql(query));
        }
        keeper.finish().await.unwrap();
        assert_eq!(KeptFile::new(Some(folder.path())).read("prod"), Ok(vec![all("3")]));
        assert_eq!(HistoryFile::new(Some(folder.path())).read("prod").unwrap().len(), 3);
        for (i, query) in ["1", "2", "3"].into_iter().enumerate() {
            let Event::Kept(news) = told.recv().await.unwrap().event else { panic!() };
            assert_eq!((news.change, news.told), (Some(all(query)), Ok(vec![all(query)])));
            let Event::History(news) = told.recv().await.unwrap().event else { panic!() };
            assert_eq!(news.told.unwrap().len(), i + 1);
        }
    }
}
