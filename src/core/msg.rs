//! Everything that can happen to the core, as plain data.

use crossterm::event::{KeyEvent, MouseEvent};

use super::{
    effect::{HistoryNews, KeptNews, WriteNews},
    request::{Answer, SlotId},
};
use crate::model::{
    backend::{Backend, Health},
    time::Timestamp,
};

/// One happening and when.
#[derive(Clone, Debug)]
pub struct Msg {
    /// The shell's clock.
    pub now: Timestamp,
    /// What.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The mouse was used.
    Mouse(MouseEvent),
    /// The terminal has this size now: columns, rows.
    Resize(u16, u16),
    /// An answer to a subscription.
    Answer(Box<Answer>),
    /// A subscription's request is under way.
    Asked(SlotId),
    /// A backend's health changed.
    Health(Backend, Health),
    /// The instant that [`crate::app::App::next_wake`] asked for.
    Wake,
    /// How something goes that is being written.
    Write(Box<WriteNews>),
    /// The kept queries were read or changed.
    Kept(Box<KeptNews>),
    /// The queries that were asked were read, or one was added.
    History(Box<HistoryNews>),
    /// The shell tells of something the user should know.
    Notice(String),
}
