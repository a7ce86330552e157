//! Results as graphs, tables and values.

use super::*;

#[test]
fn labels_that_differ_are_columns_and_what_is_alike_is_said_once() {
    let mut page = Page::new(&["up"]);
    page.command(Command::ResultForm);
    assert!(matches!(&page.asked()[..], [Request::Explore { step: None, .. }]));
    let rows = vec![
        (labels(&[("job", "shop"), ("pod", "a")]), Value::Number(0.1 + 0.2)),
        (labels(&[("job", "shop"), ("pod", "b")]), Value::Number(f64::NAN)),
        (labels(&[("job", "shop"), ("pod", "c")]), Value::Histogram("count 42  sum 3".to_owned())),
    ];
    page.answer(|_| {
        explored(Explored::Table(Table {
            rows: rows.clone(),
            total: Total { series: 12_000, cut: false },
            warnings: vec!["results truncated due to limit".to_owned()],
        }))
    });
    let screen = page.screen();
    for seen in ["all {job=\"shop\"}", "0.30000000000000004", "NaN", "count 42", "3 of 12,000 series", "results truncated due to limit"] {
        assert!(screen.contains(seen), "{seen} in {screen}");
    }
    assert_eq!(screen.matches("shop").count(), 2, "above the table and in the selected series: {screen}");
    assert_eq!(page.view.yanks(&look(&page.shared, &page.scope, NOW))[0].text, "0.30000000000000004");
}

#[test]
fn what_is_no_series_is_shown_and_explained() {
    for (data, seen) in [
        (Explored::Text("hello".to_owned(), Vec::new()), "gives a text"),
        (Explored::Scalar(Sample { at: NOW, value: f64::INFINITY }, Vec::new()), "+Inf"),
        (Explored::Table(Table::default()), "Nothing at 10:00:00"),
        (
            Explored::Table(Table {
                rows: vec![(Labels::new(), Value::Samples(20, Some((NOW, 7.0))))],
                total: Total { series: 1, cut: false },
                warnings: Vec::new(),
            }),
            "20 samples, last 7",
        ),
    ] {
        let mut page = Page::new(&["x"]);
        page.command(Command::ResultForm);
        page.answer(|_| explored(data.clone()));
        assert!(page.screen().contains(seen), "{seen} in {}", page.screen());
    }
    let mut page = Page::new(&["up[5m]"]);
    page.answer(|_| {
        refused(r#"invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector"#)
    });
    assert!(page.screen().contains("T shows it as a table"), "{}", page.screen());
}

#[test]
fn each_query_has_its_own_result_and_error() {
    let mut page = Page::new(&["up", "down"]);
    assert_eq!(page.asked().len(), 2);
    page.answer(|need| match &need.request {
        Request::Explore { query, .. } if query == "up" => graph(&[(&[("job", "shop")], 1.0)]),
        _ => refused("1:1: parse error: no"),
    });
    let screen = page.screen();
    assert!(screen.contains("a ── graph ── 1 series") && screen.contains("parse error: no"), "{screen}");
    page.command(Command::NextPane);
    page.command(Command::FullScreen);
    assert_eq!(page.asked().len(), 1, "what is not seen is not asked");
    page.command(Command::RemoveQuery);
    assert_eq!(page.view.reopen(&look(&page.shared, &page.scope, NOW)), ["--query", "up"]);
}

#[test]
fn of_many_series_the_first_are_drawn_and_all_are_counted() {
    let mut page = Page::new(&["x"]);
    let pods: Vec<String> = (0..40).map(|i| format!("pod-{i}")).collect();
    let pairs: Vec<[(&str, &str); 1]> = pods.iter().map(|p| [("pod", p.as_str())]).collect();
    let series: Vec<(&[(&str, &str)], f64)> = pairs.iter().enumerate().map(|(i, p)| (&p[..], i as f64)).collect();
    page.answer(|_| graph(&series));
    let screen = page.screen();
    assert!(screen.contains("40 series, 30 drawn") && screen.contains("39     pod-39") || screen.contains("pod-39"), "{screen}");
    let chart = page.view.chart(0, &look(&page.shared, &page.scope, NOW)).unwrap();
    assert_eq!(chart.lines.len(), 30);
}

#[test]
fn of_series_that_were_cut_it_is_said_which_are_here() {
    let counted = |total| {
        let mut page = Page::new(&["x"]);
        let matrix = match graph(&[(&[("job", "a")], 1.0)]) {
            Some(Ok(Response::Explored(e))) => match &*e {
                Explored::Graph { matrix, .. } => matrix.clone(),
                _ => panic!(),
            },
            _ => panic!(),
        };
        page.answer(|_| explored(Explored::Graph { matrix: matrix.clone(), total }));
        page.screen()
    };
    let screen = counted(Total { series: 5_000, cut: false });
    assert!(screen.contains("1 largest of 5,000 series"), "{screen}");
    let screen = counted(Total { series: 10_001, cut: true });
    assert!(screen.contains("1 of 10,000+ series"), "{screen}");
}

#[test]
fn an_empty_result_says_what_is_missing() {
    for (query, answers, said) in [
        ("rate(nope[5m])", &[("nope", false)][..], "There is no metric nope in this window."),
        (
            r#"up{job="shop"} > 1"#,
            &[(r#"up{job="shop"}"#, false), ("up", true)],
            r#"up has series in this window, but none of up{job="shop"}."#,
        ),
        ("up > 1", &[("up", true)], "a comparison that never holds"),
    ] {
        let mut page = Page::new(&[query]);
        page.answer(|_| graph(&[]));
        // Each answer may lead to another question.
        for _ in answers {
            page.answer(|need| match &need.request {
                Request::LabelValues { query, .. } => {
                    let any = answers.iter().find(|(selector, _)| selector == query).unwrap().1;
                    names(if any { &["x"] } else { &[] })
                }
                _ => None,
            });
        }
        assert!(page.screen().contains(said), "{}", page.screen());
        page.answer(|need| matches!(need.request, Request::LabelValues { .. }).then(|| names(&["x"])).flatten());
        assert!(!page.screen().contains("There is no") && !page.screen().contains("but none of"), "what was missing has come");
    }
    let mut page = Page::new(&["nope offset 1d"]);
    page.answer(|_| graph(&[]));
    assert_eq!(page.asked().len(), 1, "what looks into another time is not looked for in this one");
}
