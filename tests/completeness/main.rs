//! While Loki answers, every line it holds is there, once, in order, whatever the tail lost: on a real Loki that is killed and
//! restarted in a burst, through a network that delays, throttles and cuts. What counts is what `query_range` says in the end.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod loki;
mod proxy;
mod readers;
mod writer;

use std::time::Instant;

use loki::Server;
use proxy::Proxy;
use readers::{Printed, Program, Stored};
use writer::{Writer, load};

/// Streams, lines a second, seconds. After the second of each load but the first, Loki is killed.
const LOADS: [(usize, usize, usize); 4] = [(1, 1000, 4), (8, 2000, 5), (50, 5000, 5), (1, 5000, 2)];

#[test]
fn every_line_is_there_once_in_order() {
    let binary = std::env::var("REDLINE_LOKI").expect("REDLINE_LOKI names the binary of a Loki, as `dev/stack path loki` prints it");
    let mut server = Server::start(&binary);
    let proxy = Proxy::start(server.address());
    let writer = Writer::start(server.url());
    // What is there before is history.
    writer.write(load(4, 500, 2));
    writer.wait();
    let query = writer.query();
    let stored = Stored::follow(&proxy.url(), &query);
    let (in_order, at_once) = (Program::follow(&proxy.url(), &query, &[]), Program::follow(&proxy.url(), &query, &["--eager"]));
    for (i, (streams, rate, seconds)) in LOADS.into_iter().enumerate() {
        let second = writer.write(load(streams, rate, seconds));
        if i == 1 || i == 2 {
            second.wait_for(2);
            server.restart();
        }
        writer.wait();
    }
    let written = Instant::now();
    let truth = server.all(&query);
    println!("{} lines are there, {} were written", truth.len(), writer.written());
    assert!(truth.len() >= writer.written(), "Loki holds what it has accepted");
    stored.wait_for(truth.len());
    println!("stored {:.1} s after the last one was accepted", written.elapsed().as_secs_f64());
    for program in [&in_order, &at_once] {
        program.wait_for(truth.len());
        println!("printed {:.1} s after the last one was accepted", written.elapsed().as_secs_f64());
    }
    assert_eq!(server.all(&query), truth, "Loki itself does not change its mind");
    let told = stored.end();
    println!("the tail: {told}");
    readers::compare("stored", &stored.lines(), &truth);
    for (name, program, most_are_in_order) in [("printed", in_order, true), ("printed at once", at_once, false)] {
        let Printed { lines, late } = program.interrupt();
        println!("{name}: {late} of {} late", lines.len());
        readers::compare(name, &lines, &truth);
        assert!(!most_are_in_order || late * 2 < lines.len(), "{name}: {late} lines late");
    }
    assert!(proxy.cuts() > 3, "the network was bad: {} cuts", proxy.cuts());
}
