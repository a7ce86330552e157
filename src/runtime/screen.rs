//! The terminal: entered, drawn on with one write a frame, and always left as it was found.

use std::{
    cell::RefCell,
    io::{self, IsTerminal, Write},
    rc::Rc,
    sync::atomic::{AtomicBool, Ordering},
};

use crossterm::terminal;
use ratatui::{
    backend::{Backend, CrosstermBackend},
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{model::alert::Sound, ui::text::is_harmful};

/// Alternate screen, hidden cursor, bracketed paste.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?2004h";
/// Clicks, drags and the wheel in SGR form; not every motion.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";
/// Ends a frame that was cut short, then undoes all of the above, colours last.
const LEAVE: &str = "\x1b[?2026l\x1b[?1006l\x1b[?1002l\x1b[?1000l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";
const BEGIN_FRAME: &[u8] = b"\x1b[?2026h";
const END_FRAME: &[u8] = b"\x1b[?2026l";

/// Whether the terminal is ours now, for the panic hook.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// Bytes of the frame being made. `flush` does nothing: a frame leaves in one write.
#[derive(Clone, Default)]
struct FrameBytes(Rc<RefCell<Vec<u8>>>);

impl Write for FrameBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The screen as it was last drawn.
pub struct Screen {
    shown: Buffer,
    next: Buffer,
    cursor: Option<(u16, u16)>,
    bytes: FrameBytes,
    backend: CrosstermBackend<FrameBytes>,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal: raw mode, alternate screen.
    ///
    /// # Errors
    /// When standard output is no terminal or its modes cannot be set.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        // Where standard input is a pipe, keys come from the terminal that the process belongs to.
        let has_keys = || io::stdin().is_terminal() || std::fs::File::open("/dev/tty").is_ok();
        if !io::stdout().is_terminal() || !has_keys() {
            return Err(io::Error::other("there is no terminal to draw on and to read keys from; `redline doctor` works without one"));
        }
        let bytes = FrameBytes::default();
        let backend = CrosstermBackend::new(bytes.clone());
        let mut screen = Self { shown: Buffer::default(), next: Buffer::default(), cursor: None, bytes, backend, mouse };
        screen.reenter()?;
        Ok(screen)
    }

    /// Takes the terminal again after [`leave`], and draws everything anew.
    ///
    /// # Errors
    /// When the terminal's modes cannot be set.
    pub fn reenter(&mut self) -> io::Result<()> {
        terminal::enable_raw_mode()?;
        ENTERED.store(true, Ordering::SeqCst);
        let mut out = io::stdout().lock();
        out.write_all(ENTER.as_bytes())?;
        if self.mouse {
            out.write_all(MOUSE_ON.as_bytes())?;
        }
        out.flush()?;
        let (width, height) = terminal::size()?;
        self.resize(width, height);
        self.cursor = None;
        Ok(())
    }

    /// Size in columns and rows.
    pub fn size(&self) -> (u16, u16) {
        (self.shown.area.width, self.shown.area.height)
    }

    /// The terminal has another size, or shows something else: the next frame draws every cell.
    pub fn resize(&mut self, width: u16, height: u16) {
        let area = Rect::new(0, 0, width, height);
        self.next = Buffer::empty(area);
        self.shown = Buffer::empty(area);
        self.bytes.0.borrow_mut().extend_from_slice(b"\x1b[0m\x1b[2J");
    }

    /// Draws a frame and writes what is different from the last one, in one write; nothing when nothing is.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, cursor: Option<(u16, u16)>, render: impl FnOnce(Rect, &mut Buffer)) -> io::Result<usize> {
        self.next.reset();
        let area = self.next.area;
        render(area, &mut self.next);
        let cleared = !self.bytes.0.borrow().is_empty();
        let changes = self.shown.diff(&self.next);
        if changes.is_empty() && cursor == self.cursor && !cleared {
            return Ok(0);
        }
        let changed = !changes.is_empty();
        if changed {
            self.backend.draw(changes.into_iter())?;
        }
        match cursor {
            Some((x, y)) => {
                self.backend.set_cursor_position(Position::new(x, y))?;
                if self.cursor.is_none() {
                    self.backend.show_cursor()?;
                }
            }
            None if self.cursor.is_some() => self.backend.hide_cursor()?,
            None => {}
        }
        self.cursor = cursor;
        std::mem::swap(&mut self.shown, &mut self.next);
        self.commit()
    }

    fn commit(&mut self) -> io::Result<usize> {
        let mut bytes = self.bytes.0.borrow_mut();
        let mut frame = Vec::with_capacity(bytes.len() + BEGIN_FRAME.len() + END_FRAME.len());
        frame.extend_from_slice(BEGIN_FRAME);
        frame.append(&mut bytes);
        frame.extend_from_slice(END_FRAME);
        let mut out = io::stdout().lock();
        out.write_all(&frame)?;
        out.flush()?;
        Ok(frame.len())
    }

    /// Puts text into the terminal's clipboard (OSC 52), which works over ssh.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        let mut out = io::stdout().lock();
        write!(out, "\x1b]52;c;{encoded}\x07")?;
        out.flush()
    }

    /// Rings the bell, or has the desktop show words.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn sound(&mut self, sound: Sound, words: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match sound {
            Sound::Bell => write!(out, "\x07")?,
            // Nothing that a server said may end the sequence.
            Sound::Osc9 => write!(out, "\x1b]9;{}\x07", words.chars().filter(|c| !is_harmful(*c)).take(200).collect::<String>())?,
        }
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// Gives the terminal back as it was. Harmless when it is not ours; errors have nowhere to go: the terminal may be gone.
pub fn leave() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(LEAVE.as_bytes());
        let _ = out.flush();
        let _ = terminal::disable_raw_mode();
    }
}

/// A panic of the thread that draws restores the terminal before it is reported, with the place of the log. A panic elsewhere must not: the screen
/// goes on, the task's failure becomes an error of its pane.
pub fn install_panic_hook() {
    let report = std::panic::take_hook();
    let main = std::thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == main {
            leave();
            report(info);
            let log = match crate::logging::last_words(&info.to_string()) {
                Some(path) => format!("its log is {}", path.display()),
                None => "--log-file FILE keeps a log of what leads to it".to_owned(),
            };
            eprintln!("redline: this is a bug in redline; {log}");
        } else {
            tracing::error!(target: "redline::bug", "{info}");
        }
    }));
}
