//! Keys, pastes and the mouse from the terminal, as messages.

use crossterm::event::{Event as TerminalEvent, EventStream, KeyEventKind};
use futures_util::StreamExt;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    clock::Clock,
    core::msg::{Event, Msg},
};

/// Reads the terminal in a task of its own until it is dropped. The stream must be polled by one task only, or wake-ups
/// are lost (crossterm's `EventStream` keeps the first waker it saw).
pub struct Input {
    task: JoinHandle<()>,
}

impl Input {
    /// Starts to read.
    pub fn start(clock: Clock, out: mpsc::Sender<Msg>) -> Self {
        let task = tokio::spawn(async move {
            let mut events = EventStream::new();
            while let Some(Ok(event)) = events.next().await {
                if let Some(event) = translate(event)
                    && out.send(Msg { now: clock.now(), event }).await.is_err()
                {
                    return;
                }
            }
        });
        Self { task }
    }

    /// Whether the terminal has ended.
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn translate(event: TerminalEvent) -> Option<Event> {
    match event {
        TerminalEvent::Key(key) if key.kind != KeyEventKind::Release => Some(Event::Key(key)),
        TerminalEvent::Paste(text) => Some(Event::Paste(text)),
        TerminalEvent::Mouse(event) => Some(Event::Mouse(event)),
        // Sizes are asked for at SIGWINCH: one that waited in a queue behind others is out of date.
        TerminalEvent::Resize(..) | TerminalEvent::Key(_) | TerminalEvent::FocusGained | TerminalEvent::FocusLost => None,
    }
}
