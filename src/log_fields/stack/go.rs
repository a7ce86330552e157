//! Go: what panicked and the stacks of goroutines; also the stack that zap puts below a line.

use super::{Exception, Frame, StackTrace, libraries};

/// Reads the first stack; those of other goroutines are told as lines only.
pub(super) fn read(lines: &[&str]) -> Option<StackTrace> {
    let mut libraries = vec![None; lines.len()];
    let (mut exception, mut goroutines) = (Exception::default(), 0);
    for (i, line) in lines.iter().enumerate() {
        if line.starts_with("goroutine ") && line.ends_with("]:") {
            goroutines += 1;
        } else if exception.kind.is_empty()
            && let Some((kind, message)) = panic(line)
        {
            (exception.kind, exception.message) = (kind.to_owned(), message.trim_end_matches(" [recovered]").to_owned());
        }
        let Some(frame) = lines.get(i + 1).and_then(|next| frame(line, next)) else { continue };
        if frame.library {
            (libraries[i], libraries[i + 1]) = (Some(1), Some(0));
        }
        if goroutines <= 1 {
            exception.frames.push(frame);
        }
    }
    if exception.frames.is_empty() {
        return None;
    }
    if exception.kind.is_empty() {
        exception.message = lines[0].to_owned();
    }
    Some(StackTrace { exceptions: vec![exception], libraries })
}

/// What panicked: kind and message.
fn panic(line: &str) -> Option<(&str, &str)> {
    if let Some(message) = line.strip_prefix("fatal error: ") {
        return Some(("fatal error", message));
    }
    let said = match line.split_once("panic: ") {
        Some(("" | "\t", said)) => said,
        // `http: panic serving 10.0.0.1:4711: message`
        _ => line.split_once("panic serving ")?.1.split_once(": ")?.1,
    };
    Some(said.strip_prefix("runtime error: ").map_or(("panic", said), |said| ("runtime error", said)))
}

/// `main.take(0x1, …)` and on the next line `\t/app/pool.go:12 +0x1d`.
fn frame(line: &str, next: &str) -> Option<Frame> {
    let place = next.strip_prefix(['\t', ' '])?.trim();
    let place = place.split(" +0x").next().unwrap_or(place);
    let (file, number) = place.rsplit_once(':')?;
    let named = line.strip_prefix("created by ").map_or(line, |name| name.split(" in goroutine ").next().unwrap_or(name)).trim();
    if !file.ends_with(".go")
        || number.is_empty()
        || !number.bytes().all(|b| b.is_ascii_digit())
        || named.contains(' ') && !named.contains('(')
    {
        return None;
    }
    let function = if named.ends_with(')') { arguments_off(named) } else { named };
    Some(Frame { function: function.to_owned(), place: place.to_owned(), library: libraries::go(function, file) })
}

/// `main.(*Pool).take(0x1, {0x2})` without its arguments, whose parentheses are the last ones.
fn arguments_off(name: &str) -> &str {
    let mut depth = 0_usize;
    for (i, b) in name.bytes().enumerate().rev() {
        match b {
            b')' => depth += 1,
            b'(' if depth <= 1 => return &name[..i],
            b'(' => depth -= 1,
            _ => {}
        }
    }
    name
}
