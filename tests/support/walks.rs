//! The main road, walked with keys on any servers: the demo's or real ones.

use super::Terminal;

const ENTER: &str = "\r";
const ESC: &str = "\x1b";

/// A size and a theme to walk in.
pub type Look = (u16, u16, &'static str);

/// The four looks that a walk has to work in.
pub const LOOKS: [Look; 4] = [(200, 50, "dark"), (80, 24, "dark"), (200, 50, "light"), (80, 24, "light")];

/// The Alerts page, once Prometheus and Alertmanager have both told their part: until then its rows change their places.
fn start(args: &[&str], look: Look) -> Terminal {
    let mut all = args.to_vec();
    all.extend(["--theme", look.2]);
    let t = Terminal::start(look.0, look.1, &all);
    t.wait("the values of the rules and no part that is missing", |s| s.contains("> 14.4") && !s.contains("waiting for"));
    t
}

/// `OrdersLatencyHigh` → Service page of orders → its logs → a line that timed out → its span in the waterfall → the
/// span's lines → back → the span's pod → its lines → back, `Esc` for `Esc`, to the same alert row.
pub fn latency_to_span(args: &[&str], look: Look) -> Terminal {
    let mut t = start(args, look);
    t.see("OrdersLatencyHigh");
    t.select("OrdersLatencyHigh");
    t.keys(ENTER).at("orders").see("/orders");
    t.keys("3").at("Logs").see(" lines");
    t.keys("/").keys("timeout acquiring").keys(ENTER);
    t.selected_with("timeout acquiring connection");
    // Before the keys are taken, the line that is selected may be first only because no other one is there yet.
    t.keys("gg").taken();
    let line = t.selected_with("timeout acquiring connection");
    t.keys(ENTER).at_trace();
    t.selected_with("pool.acquire");
    t.keys("l").at("Logs").see("timeout acquiring connection");
    t.keys(ESC).at_trace();
    t.selected_with("pool.acquire");
    t.keys("i").at("Infra");
    t.selected_with("orders-");
    t.keys(ENTER).see("pod=orders-");
    t.selected();
    t.keys(ESC).at("Infra");
    t.selected_with("orders-");
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
    t.selected();
    open_a_trace_that_failed_for(&mut t, "pool.acquire");
    t.selected_with("pool.acquire");
    t.keys("l").at("Logs").see("timeout acquiring connection");
    t.keys(ESC).at_trace();
    t.keys(ESC).at("Traces");
    t.keys(ESC).at("checkout");
    t.keys(ESC).at("Alerts");
    t.selected_with("CheckoutBudgetBurn");
    t
}

/// Opens one failed trace after the other until going through its errors leads to this span: some fail for another reason.
fn open_a_trace_that_failed_for(t: &mut Terminal, span: &str) {
    for _ in 0..20 {
        t.keys(ENTER).at_trace();
        t.selected();
        let screen = t.wait("the count of errors", |s| errors(s).is_some());
        for _ in 0..errors(&screen).unwrap() {
            if t.selected().contains(span) {
                return;
            }
            t.keys("e").taken();
        }
        if t.selected().contains(span) {
            return;
        }
        t.keys(ESC).at("Traces");
        t.selected();
        t.keys("j").taken();
    }
    panic!("no trace that failed for {span}; the screen is\n{}", t.text());
}

/// How many errors the trace on the screen has.
fn errors(screen: &str) -> Option<usize> {
    let words: Vec<&str> = screen.lines().nth(2)?.split_whitespace().collect();
    let at = words.iter().position(|w| w.starts_with("error"))?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}

/// The time of a log line's row.
fn time(row: &str) -> Option<&str> {
    row.split(['▌', ' ']).find(|word| word.len() == 12 && word.contains(':'))
}
