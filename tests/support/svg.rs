//! A terminal's screen as an SVG picture. Lines, blocks and braille are drawn as shapes, so that no font leaves seams.

use std::fmt::Write as _;

const W: f64 = 8.4;
const H: f64 = 18.0;
const PAD: f64 = 10.0;

/// The row of the screen, the first is 0, in which a line of a picture begins to draw its one shape or text.
pub fn row(line: &str) -> Option<u16> {
    let y: f64 = line.split_once(" y=\"")?.1.split_once('"')?.0.parse().ok()?;
    Some(((y - PAD) / H) as u16)
}

/// The colours of the terminal that a picture pretends to be.
pub struct Palette {
    background: &'static str,
    foreground: &'static str,
    ansi: [&'static str; 16],
}

/// A dark terminal.
pub const DARK: Palette = Palette {
    background: "#16181d",
    foreground: "#d5d8de",
    ansi: [
        "#16181d", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4", "#5c6370", "#ff7a85", "#b5e08c", "#ffd68a",
        "#7cc4ff", "#de9cf2", "#6fd3df", "#ffffff",
    ],
};

/// A light terminal.
pub const LIGHT: Palette = Palette {
    background: "#fbfbfa",
    foreground: "#24292f",
    ansi: [
        "#24292f", "#b3261e", "#2e7d32", "#8a6100", "#1a5fb4", "#8e24aa", "#00717a", "#6a737d", "#57606a", "#d32f2f", "#388e3c", "#a87400",
        "#2f76d2", "#a03bc0", "#00838f", "#000000",
    ],
};

/// The picture of a screen.
pub fn render(screen: &vt100::Screen, palette: &Palette, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let (width, height) = (f64::from(columns) * W + 2.0 * PAD, f64::from(rows) * H + 2.0 * PAD);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"'DejaVu Sans Mono','JetBrains Mono',Menlo,Consolas,monospace\" font-size=\"14\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{}\"/>\n",
        escape(title),
        palette.background
    );
    for row in 0..rows {
        line(&mut out, screen, palette, row, columns);
    }
    out.push_str("</svg>\n");
    out
}

struct Run {
    start: u16,
    cells: u16,
    text: String,
    style: String,
}

fn line(out: &mut String, screen: &vt100::Screen, palette: &Palette, row: u16, columns: u16) {
    let y = PAD + f64::from(row) * H;
    let mut run: Option<Run> = None;
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column) else { continue };
        if cell.is_wide_continuation() {
            continue;
        }
        let (mut fg, mut bg) = (color(cell.fgcolor(), palette), background(cell.bgcolor(), palette));
        if cell.inverse() {
            (fg, bg) = (bg.unwrap_or(palette.background.to_owned()), Some(fg));
        }
        let x = PAD + f64::from(column) * W;
        let cells = if cell.is_wide() { 2 } else { 1 };
        if let Some(bg) = bg {
            let _ = writeln!(out, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{H}\" fill=\"{bg}\"/>", f64::from(cells) * W);
        }
        let text = cell.contents();
        if let Some(shape) = text.chars().next().and_then(|c| shape(c, x, y, &fg)) {
            flush(out, &mut run, y);
            out.push_str(&shape);
            continue;
        }
        if text.trim().is_empty() {
            flush(out, &mut run, y);
            continue;
        }
        let mut style = format!("fill=\"{fg}\"");
        if cell.bold() {
            style.push_str(" font-weight=\"bold\"");
        }
        if cell.dim() {
            style.push_str(" opacity=\"0.6\"");
        }
        match &mut run {
            Some(r) if r.style == style => {
                r.text.push_str(text);
                r.cells += cells;
            }
            _ => {
                flush(out, &mut run, y);
                run = Some(Run { start: column, cells, text: text.to_owned(), style });
            }
        }
    }
    flush(out, &mut run, y);
}

fn flush(out: &mut String, run: &mut Option<Run>, y: f64) {
    if let Some(r) = run.take() {
        let x = PAD + f64::from(r.start) * W;
        let length = f64::from(r.cells) * W;
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{length:.1}\" xml:space=\"preserve\" {}>{}</text>",
            y + H * 0.75,
            r.style,
            escape(&r.text)
        );
    }
}

/// Box drawing, blocks and braille as shapes of the cell at `x`, `y`.
fn shape(c: char, x: f64, y: f64, fill: &str) -> Option<String> {
    let rect = |dx: f64, dy: f64, w: f64, h: f64| {
        format!("<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{fill}\"/>\n", x + dx, y + dy, w, h)
    };
    let (mx, my, t) = (W / 2.0 - 0.5, H / 2.0 - 0.5, 1.0);
    let left = || rect(0.0, my, W / 2.0 + 0.5, t);
    let right = || rect(mx, my, W / 2.0 + 0.5, t);
    let up = || rect(mx, 0.0, t, H / 2.0 + 0.5);
    let down = || rect(mx, my, t, H / 2.0 + 0.5);
    Some(match c {
        '█' => rect(0.0, 0.0, W, H),
        '▁'..='▇' => {
            let eighths = f64::from(c as u32 - 0x2580);
            rect(0.0, H * (1.0 - eighths / 8.0), W, H * eighths / 8.0)
        }
        '▉'..='▏' => rect(0.0, 0.0, W * f64::from(0x2590 - c as u32) / 8.0, H),
        '▐' => rect(W / 2.0, 0.0, W / 2.0, H),
        '▀' => rect(0.0, 0.0, W, H / 2.0),
        '─' => rect(0.0, my, W, t),
        '│' => rect(mx, 0.0, t, H),
        '┌' => right() + &down(),
        '┐' => left() + &down(),
        '└' => right() + &up(),
        '┘' => left() + &up(),
        '├' => rect(mx, 0.0, t, H) + &right(),
        '┤' => rect(mx, 0.0, t, H) + &left(),
        '┬' => rect(0.0, my, W, t) + &down(),
        '┴' => rect(0.0, my, W, t) + &up(),
        '┼' => rect(0.0, my, W, t) + &rect(mx, 0.0, t, H),
        '╌' => rect(0.5, my, W * 0.38, t) + &rect(W * 0.55, my, W * 0.38, t),
        '┊' => (0..4).map(|i| rect(mx, f64::from(i) * H / 4.0 + 0.8, t, H / 8.0)).collect(),
        '\u{2800}'..='\u{28ff}' => braille(c as u32 - 0x2800, x, y, fill),
        _ => return None,
    })
}

fn braille(bits: u32, x: f64, y: f64, fill: &str) -> String {
    const DOTS: [(f64, f64); 8] = [(0.0, 0.0), (0.0, 1.0), (0.0, 2.0), (1.0, 0.0), (1.0, 1.0), (1.0, 2.0), (0.0, 3.0), (1.0, 3.0)];
    DOTS.iter()
        .enumerate()
        .filter(|(i, _)| bits >> i & 1 == 1)
        .map(|(_, (dx, dy))| {
            format!(
                "<circle cx=\"{:.2}\" cy=\"{:.2}\" r=\"1.25\" fill=\"{fill}\"/>\n",
                x + W * (0.25 + dx * 0.5),
                y + H * (0.125 + dy * 0.25)
            )
        })
        .collect()
}

fn color(color: vt100::Color, palette: &Palette) -> String {
    background(color, palette).unwrap_or_else(|| palette.foreground.to_owned())
}

fn background(color: vt100::Color, palette: &Palette) -> Option<String> {
    match color {
        vt100::Color::Default => None,
        vt100::Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        vt100::Color::Idx(i) if i < 16 => Some(palette.ansi[usize::from(i)].to_owned()),
        vt100::Color::Idx(i) if i < 232 => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let i = i - 16;
            Some(format!("#{:02x}{:02x}{:02x}", level(i / 36), level(i / 6 % 6), level(i % 6)))
        }
        vt100::Color::Idx(i) => Some(format!("#{0:02x}{0:02x}{0:02x}", 8 + 10 * (i - 232))),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
