//! The main road, walked with keys on any servers: the demo's or real ones.

use super::{Terminal, is_selected};

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
    t.select("OrdersLatencyHigh");
    t.keys(ENTER).at("orders").see("/orders");
    t.keys("3").at("Logs").see(" lines");
    t.keys("/").keys("timeout acquiring").keys(ENTER);
    t.selected_with("timeout acquiring connection");
    t.keys("gg")
        .wait("the first line to be selected", |s| s.lines().find(|l| l.contains("timeout acquiring connection")).is_some_and(is_selected));
    let line = t.selected_with("timeout acquiring connection");
    t.keys(ENTER).at_trace();
    t.selected_with("pool.acquire");
    t.keys("l").at("Logs").see("timeout acquiring connection");
    t.keys(ESC).at_trace();
    t.selected_with("pool.acquire");
    t.keys(ESC).at("Logs");
    assert_eq!(time(&t.selected_with("timeout acquiring connection")), time(&line), "Esc must come back to the line it came from");
    t.keys(ESC).at("orders").see("/orders");
    t.keys(ESC).at("Alerts");
    t.selected_with("OrdersLatencyHigh");
    t
}

/// `CheckoutBudgetBurn` → checkout → its failed traces → one of them → `e` until the waiting span in orders → its lines
/// → back.
pub fn budget_to_span(args: &[&str], look: Look) -> Terminal {
    let mut t = start(args, look);
    t.see("CheckoutBudgetBurn");
    t.select("CheckoutBudgetBurn");
    t.keys(ENTER).at("checkout").see("/checkout");
    t.keys("4").at("Traces").see("failed of checkout");
    t.selected_with(" s ");
    t.keys(ENTER).at_trace();
    t.selected();
    for _ in 0..40 {
        let before = t.text();
        if t.selected().contains("pool.acquire") {
            break;
        }
        t.keys("e");
        t.wait("the next error", |s| s != before);
    }
    t.selected_with("pool.acquire");
    t.keys("l").at("Logs").see("timeout acquiring connection");
    t.keys(ESC).at_trace();
    t.keys(ESC).at("Traces");
    t.keys(ESC).at("checkout");
    t.keys(ESC).at("Alerts");
    t.selected_with("CheckoutBudgetBurn");
    t
}

/// The time of a log line's row.
fn time(row: &str) -> Option<&str> {
    row.split(['▌', ' ']).find(|word| word.len() == 12 && word.contains(':'))
}
