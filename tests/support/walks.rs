//! The main road, walked with keys on any servers: the demo's or real ones.

use super::Terminal;

const ENTER: &str = "\r";
const ESC: &str = "\x1b";

/// A size and a theme to walk in.
pub type Look = (u16, u16, &'static str);

/// The four looks that a walk has to work in.
pub const LOOKS: [Look; 4] = [(200, 50, "dark"), (80, 24, "dark"), (200, 50, "light"), (80, 24, "light")];

fn start(args: &[&str], look: Look) -> Terminal {
    let mut all = args.to_vec();
    all.extend(["--theme", look.2]);
    Terminal::start(look.0, look.1, &all)
}

/// `OrdersLatencyHigh` → Service page of orders → its logs → a line that timed out → its span in the waterfall → the
/// span's lines → back, four times `Esc`, to the same alert row.
pub fn latency_to_span(args: &[&str], look: Look) -> Terminal {
    let mut t = start(args, look);
    t.see("OrdersLatencyHigh");
    let alert = t.select("OrdersLatencyHigh");
    t.keys(ENTER).see("orders");
    t.wait("the routes of orders", |s| s.contains("POST /orders") || s.contains("/orders"));
    t.keys("3");
    t.see("timeout acquiring connection");
    let line = t.select("timeout acquiring connection");
    assert!(line.contains("timeout acquiring"), "{line}");
    t.keys(ENTER);
    t.wait("the waterfall with the waiting span selected", |s| s.lines().any(|l| l.contains('▌') && l.contains("pool.acquire")));
    t.keys("l");
    t.wait("the lines of the span", |s| s.contains("timeout acquiring connection") && s.contains("Waterfall") | s.contains("Logs"));
    t.keys(ESC);
    t.wait("the waterfall again", |s| s.lines().any(|l| l.contains('▌') && l.contains("pool.acquire")));
    t.keys(ESC);
    t.see("timeout acquiring connection");
    t.keys(ESC);
    t.wait("the Service page again", |s| s.contains("/orders"));
    t.keys(ESC);
    t.see("OrdersLatencyHigh");
    assert_eq!(name(&t.selected()), name(&alert), "Esc must come back to the row it came from");
    t
}

/// `CheckoutBudgetBurn` → checkout → its failed traces → one of them → `e` until the waiting span in orders → its lines
/// → back.
pub fn budget_to_span(args: &[&str], look: Look) -> Terminal {
    let mut t = start(args, look);
    t.see("CheckoutBudgetBurn");
    let alert = t.select("CheckoutBudgetBurn");
    t.keys(ENTER);
    t.wait("the page of checkout", |s| s.contains("checkout") && s.contains("/checkout"));
    t.keys("4");
    t.wait("failed traces", |s| s.contains("/checkout") && s.lines().any(|l| l.contains('▌')));
    t.keys(ENTER);
    t.see("spans");
    for _ in 0..40 {
        t.keys("e");
        let row = t.selected();
        if row.contains("pool.acquire") {
            break;
        }
        t.wait("the next error", |s| !s.lines().any(|l| l == row));
    }
    assert!(t.selected().contains("pool.acquire"), "{}", t.text());
    t.keys("l");
    t.see("timeout acquiring connection");
    for _ in 0..4 {
        let before = t.text();
        t.keys(ESC);
        t.wait("one step back", |s| s != before);
    }
    t.see("CheckoutBudgetBurn");
    assert_eq!(name(&t.selected()), name(&alert));
    t
}

/// The row's alert name: the word that changes neither with the clock nor with the value.
fn name(row: &str) -> String {
    row.split_whitespace().find(|w| w.len() > 8 && w.chars().next().is_some_and(char::is_uppercase)).unwrap_or(row).to_owned()
}
