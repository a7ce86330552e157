//! Who calls the service and whom it calls, and how full it is.

use super::*;

#[test]
fn calls_and_saturation_stand_beside_the_breakdown() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    let text = draw(&view, &look, 200, 40);
    let has = |parts: &[&str]| text.lines().any(|l| parts.iter().all(|p| l.contains(p)));
    assert!(has(&["← checkout", "38.1 /s", "23.9 %", "8.44 s"]), "{text}");
    assert!(has(&["→ postgres", "40.9 /s", "0.0 %", "3.0 ms"]), "{text}");
    assert!(has(&["pool", " 3 ", " 4 ", "100 %"]), "the fullest pod, not the mean\n{text}");
    assert!(has(&["cpu", "0.21", " 2 ", "10 %"]), "{text}");
    assert!(has(&["memory", "412 MiB"]) && has(&["pods", " 2 ", " 3 "]), "{text}");
    assert!(!text.contains("lag") && !text.contains("heap"), "only rows that have series\n{text}");
    // One of them opens the other service.
    run(&mut view, &look, Command::NextPane);
    run(&mut view, &look, Command::Down);
    let acts = run(&mut view, &look, Command::Drill);
    assert!(matches!(&acts[..], [Act::Push(ViewKind::Service, s)] if s.service.as_deref() == Some("postgres")), "{acts:?}");
}

#[test]
fn a_narrow_screen_turns_to_calls_and_saturation_by_tab() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    let asks = |view: &Service| needs(view, &look, 80, 21).iter().any(|n| n.slot.pane == "calls");
    assert!(!draw(&view, &look, 80, 21).contains("checkout") && !asks(&view), "what is not seen is not asked for");
    run(&mut view, &look, Command::NextPane);
    assert!(draw(&view, &look, 80, 21).contains("← checkout") && asks(&view));
    run(&mut view, &look, Command::NextPane);
    assert!(draw(&view, &look, 80, 21).contains("412 MiB"));
}
