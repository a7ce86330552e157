//! One-shot work that the shell does for the core. Continuous work is a subscription, see [`super::request`].

use compact_str::CompactString;

/// What the shell is to do once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Put text into the terminal's clipboard by OSC 52.
    Copy(String),
    /// Talk to another environment of the configuration from now on.
    SwitchEnvironment(CompactString),
    /// Load another theme.
    SwitchTheme(CompactString),
    /// Stop as Ctrl-Z does.
    Suspend,
    /// End.
    Quit,
}
