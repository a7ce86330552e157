//! What waits for the core: keys before the clock, the clock before data, and data in slices, so that none waits for the
//! others to pause.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::core::msg::Msg;

/// Answers and other data that wait to be taken.
const DATA_QUEUE: usize = 256;
const INPUT_QUEUE: usize = 64;
/// Data that is taken without a look at the clock and at what is to be drawn.
const SLICE: Duration = Duration::from_millis(4);

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Next {
    /// A key, or what else the terminal tells.
    Typed(Msg),
    /// The instant that was asked for has come.
    Wake,
    /// There is data to [`Inbox::deal`] out.
    Data,
}

/// The queues to the core.
pub(super) struct Inbox {
    input: mpsc::Receiver<Msg>,
    data: mpsc::Receiver<Msg>,
    fresh: Vec<Msg>,
    /// Taken from the queue, not yet given to the core.
    batch: VecDeque<Msg>,
}

impl Inbox {
    /// With the ends that input and data are put into.
    pub(super) fn new() -> (Self, mpsc::Sender<Msg>, mpsc::Sender<Msg>) {
        let (input_in, input) = mpsc::channel(INPUT_QUEUE);
        let (data_in, data) = mpsc::channel(DATA_QUEUE);
        (Self { input, data, fresh: Vec::new(), batch: VecDeque::new() }, input_in, data_in)
    }

    /// What comes next. May be dropped and called again without losing anything.
    pub(super) async fn next(&mut self, wake: Option<Instant>) -> Next {
        let Self { input, data, fresh, batch } = self;
        let asleep = async {
            match wake {
                // The timer rounds up: what is due now would wait behind data.
                Some(at) if at <= Instant::now() => {}
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let filled = async {
            if batch.is_empty() {
                data.recv_many(fresh, DATA_QUEUE).await;
            }
        };
        tokio::select! {
            biased;
            Some(msg) = input.recv() => return Next::Typed(msg),
            () = asleep => return Next::Wake,
            () = filled => {}
        }
        self.batch.extend(self.fresh.drain(..));
        Next::Data
    }

    /// Gives data to `take` until there is no more at hand, a slice of time is used up, or a key waits.
    pub(super) fn deal(&mut self, mut take: impl FnMut(Msg)) {
        let began = Instant::now();
        while let Some(msg) = self.batch.pop_front() {
            take(msg);
            if !self.input.is_empty() || began.elapsed() >= SLICE {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{core::msg::Event, model::time::Timestamp};

    fn message(n: usize) -> Msg {
        Msg { now: Timestamp::ZERO, event: Event::Notice(n.to_string()) }
    }

    #[tokio::test]
    async fn data_that_never_pauses_holds_up_neither_the_clock_nor_a_key() {
        let (mut inbox, input, data) = Inbox::new();
        let fill = || while data.try_send(message(0)).is_ok() {};
        fill();
        assert!(matches!(inbox.next(None).await, Next::Data));
        let due = Instant::now();
        inbox.deal(|_| fill());
        fill();
        assert!(matches!(inbox.next(Some(due)).await, Next::Wake));

        let mut taken = 0;
        // A slice may end before a busy machine has taken three.
        while taken < 3 {
            assert!(matches!(inbox.next(None).await, Next::Data));
            inbox.deal(|_| {
                taken += 1;
                if taken == 3 {
                    input.try_send(message(1)).unwrap();
                }
            });
        }
        assert_eq!(taken, 3, "a key waits for one message at the most");
        assert!(matches!(inbox.next(Some(due)).await, Next::Typed(_)));
    }

    #[tokio::test]
    async fn what_was_not_dealt_out_comes_first_and_nothing_is_lost() {
        let (mut inbox, input, data) = Inbox::new();
        for n in 0..10 {
            data.try_send(message(n)).unwrap();
        }
        let mut seen = Vec::new();
        let mut round = 0;
        while seen.len() < 10 {
            round += 1;
            match inbox.next(None).await {
                Next::Data => inbox.deal(|msg| {
                    if let Event::Notice(n) = msg.event {
                        seen.push(n);
                    }
                    if round == 1 {
                        input.try_send(message(100)).unwrap();
                    }
                }),
                Next::Typed(_) => {}
                Next::Wake => panic!("nobody asked for it"),
            }
        }
        assert_eq!(seen, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}
