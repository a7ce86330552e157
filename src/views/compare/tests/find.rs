use super::*;

impl Stage {
    /// Types after `/`.
    fn find(&mut self, text: &str) {
        self.run(Command::Filter);
        self.type_text(text);
    }

    fn type_text(&mut self, text: &str) {
        type_text(&mut self.view, &look(&self.shared, &self.scope, NOW), SIZE, text);
    }

    fn typed(&self) -> String {
        self.view.prompt().map(|prompt| prompt.line(120).text).unwrap_or_default()
    }

    /// What a command says below.
    fn says(&mut self, command: Command) -> String {
        match &self.run(command)[..] {
            [Act::Notice(text)] => text.clone(),
            acts => panic!("{acts:?}"),
        }
    }
}

#[test]
fn what_is_typed_is_counted_gone_to_and_walked_also_within_folds() {
    let mut stage = Stage::chosen(good(), bad());
    stage.find("select");
    assert!(stage.typed().contains("40 of 44 rows"), "{}", stage.typed());
    assert_eq!(stage.selected(), "SELECT orders");
    sees(&stage.screen(), &["▸ postgres SELECT orders ×5 → ×40"]);
    stage.type_text("\r");
    sees(&stage.screen(), &["▾ postgres SELECT orders ×5 → ×40"]);
    assert_eq!(stage.opened(Command::Drill), (0xb, 10), "unfolded to the first");
    sees(&stage.screen(), &["/select 40 of 44 rows"]);
    assert_eq!(stage.says(Command::NextMatch), "match 2 of 40");
    assert_eq!(stage.opened(Command::Drill), (0xb, 11));
    assert_eq!(stage.says(Command::PreviousMatch), "match 1 of 40");
    assert_eq!(stage.says(Command::PreviousMatch), "match 40 of 40", "around the end");
    assert_eq!(stage.opened(Command::Drill), (0xb, 49));
    let look = look(&stage.shared, &stage.scope, NOW);
    assert!(stage.view.facts(&look).searched);
}

#[test]
fn the_rest_is_dim_until_esc_which_leads_nowhere_else() {
    let mut stage = Stage::chosen(good(), bad());
    stage.find("retry");
    assert_eq!(stage.selected(), "retry");
    let dimmed = |stage: &Stage| stage.view.tree.lines().iter().filter(|line| stage.view.is_dimmed(line.item)).count();
    assert_eq!(dimmed(&stage), stage.view.tree.lines().len() - 1);
    let dim = stage.shared.theme.style(crate::theme::Role::Dim).fg;
    let colour = |stage: &Stage, name: &str| {
        let mut buf = Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1));
        stage.view.render(&look(&stage.shared, &stage.scope, NOW), buf.area, &mut buf);
        let text = crate::app::testing::text_of(&buf);
        let (y, line) = text.lines().enumerate().find(|(_, line)| line.starts_with('│') && line.contains(name)).unwrap();
        let x = line[..line.find(name).unwrap()].chars().count();
        buf[(x as u16, y as u16)].style().fg
    };
    assert_eq!(colour(&stage, "place"), dim);
    assert_ne!(colour(&stage, "retry"), dim);
    stage.type_text("\r");
    let look_at = |stage: &mut Stage| {
        let look = look(&stage.shared, &stage.scope, NOW);
        with(&look, SIZE, |cx| stage.view.command(cx, Command::Back)).0
    };
    assert!(look_at(&mut stage), "the first Esc ends the search");
    assert_eq!((dimmed(&stage), stage.selected()), (0, "retry".into()));
    assert_ne!(colour(&stage, "place"), dim, "{}", stage.screen());
    assert!(!look_at(&mut stage), "the next one leads back");
}

#[test]
fn words_are_looked_for_in_attributes_of_either_side_and_in_what_became_of_it() {
    let with_host = |id, host: &str| {
        let attributes = [("server.address", Value::Text(host.into()))].into();
        build(id, vec![span(1, 0, 0, "root", 0, 100), Span { attributes, ..span(2, 1, 1, "call", 10, 90) }])
    };
    for (text, rows) in [("db-1", 1), ("db-2", 1), ("server.address", 1), ("!db-1", 1), ("!db-2", 1), ("db-3", 0), ("orders", 1)] {
        let mut stage = Stage::chosen(with_host(1, "db-1"), with_host(2, "db-2"));
        stage.find(text);
        assert!(stage.typed().ends_with(&format!("{rows} of 2 rows")), "{text}: {}", stage.typed());
    }
    let mut stage = Stage::chosen(good(), bad());
    stage.find("gone");
    assert_eq!(stage.selected(), "cache");
}

#[test]
fn worst_first_the_lines_are_walked_and_what_is_none_of_them_is_said() {
    let mut stage = Stage::chosen(calls(1, 10, 10, false), calls(2, 100, 100, true));
    stage.run(Command::Order);
    stage.run(Command::Top);
    stage.find("charge");
    assert_eq!(stage.selected(), "charge");
    stage.type_text("\r");
    assert_eq!(stage.says(Command::NextMatch), "match 1 of 1");
    stage.run(Command::Back);
    stage.find("!root");
    stage.type_text("\r");
    let mut seen: Vec<String> = (0..3).map(|_| (stage.says(Command::NextMatch), stage.selected()).1).collect();
    assert_eq!(seen.remove(0), seen[1], "around");
    assert_eq!(stage.says(Command::PreviousMatch), "match 2 of 2");
    let mut same = Stage::chosen(calls(1, 10, 10, false), calls(2, 10, 100, true));
    same.run(Command::Order);
    same.find("query");
    assert!(same.typed().contains("5 of 7 rows"), "{}", same.typed());
    same.type_text("\r");
    assert!(same.says(Command::NextMatch).contains("about as long as in the base"));
}

#[test]
fn a_search_among_many_goes_on_between_keys_and_stays_when_the_traces_come_again() {
    let mut stage = Stage::chosen(good(), trace(0xb, 5000, 1, true));
    stage.find("retry");
    assert!(stage.typed().contains("so far"), "{}", stage.typed());
    let wake = |stage: &mut Stage| {
        let look = look(&stage.shared, &stage.scope, NOW);
        while stage.view.next_wake(&look) == Some(NOW) {
            with(&look, SIZE, |cx| stage.view.woken(cx));
        }
    };
    wake(&mut stage);
    assert!(stage.typed().ends_with("1 of 5,004 rows"), "{}", stage.typed());
    assert_eq!(stage.selected(), "retry");
    stage.type_text("\r");
    stage.run(Command::Refresh);
    stage.tell(THIS, Ok(Response::Trace(bad())));
    stage.work();
    sees(&stage.screen(), &["/retry 1 of 44 rows"]);
    assert_eq!(stage.selected(), "retry");
    assert!(!stage.view.is_dimmed(stage.view.item().unwrap()), "it is looked for anew: rows have other numbers now");
}

#[test]
fn half_a_regular_expression_is_said_and_nothing_is_searched_before_there_are_rows() {
    let mut stage = Stage::chosen(good(), bad());
    stage.find("/(/");
    assert!(stage.typed().contains("unclosed"), "{}", stage.typed());
    stage.type_text("\x1b");
    assert!(stage.view.prompt().is_none());
    let mut early = Stage::typical(bad());
    assert_eq!(early.says(Command::Filter), "nothing is compared yet");
    assert!(!early.view.is_typing());
}

/// Four calls of one kind, of which the second failed, with another that failed among them.
fn among(id: u128) -> Arc<Trace> {
    let call = |id: u64, at: i64| span(id, 1, 1, "call", at, at + 5);
    let failed = |span: Span| Span { error: true, ..span };
    let other = failed(span(20, 1, 2, "lock", 12, 14));
    build(
        id,
        vec![
            span(1, 0, 0, "root", 0, 100),
            call(11, 10),
            other,
            failed(call(12, 20)),
            call(13, 30),
            call(14, 40),
            span(30, 1, 0, "end", 50, 60),
        ],
    )
}

#[test]
fn errors_and_matches_are_walked_as_they_stand_on_the_screen() {
    let mut stage = Stage::chosen(among(1), among(2));
    stage.run(Command::Top);
    let mut errors = || {
        stage.run(Command::NextError);
        stage.opened(Command::Drill).1
    };
    assert_eq!([errors(), errors(), errors()], [12, 20, 12], "repeated ones stand together, before what came among them");
    stage.find("!/root|end/");
    stage.type_text("\r");
    stage.run(Command::Top);
    let mut matches = || {
        stage.run(Command::NextMatch);
        stage.opened(Command::Drill).1
    };
    assert_eq!([(); 6].map(|()| matches()), [11, 12, 13, 14, 20, 11]);
}

#[test]
fn from_the_heading_of_repeated_spans_the_first_of_them_is_next() {
    let mut stage = Stage::chosen(good(), bad());
    stage.find("select");
    stage.type_text("\r");
    stage.run(Command::Up);
    stage.run(Command::Fold);
    sees(&stage.screen(), &["▸ postgres SELECT orders ×5 → ×40"]);
    assert_eq!(stage.says(Command::NextMatch), "match 1 of 40");
    assert_eq!(stage.opened(Command::Drill), (0xb, 10));
}

#[test]
fn a_search_that_found_nothing_says_so_in_either_order() {
    let mut stage = Stage::chosen(good(), bad());
    let searched = |stage: &Stage| stage.view.facts(&look(&stage.shared, &stage.scope, NOW)).searched;
    assert!(!searched(&stage));
    stage.find("kafka");
    stage.type_text("\r");
    assert!(searched(&stage));
    for command in [Command::NextMatch, Command::PreviousMatch] {
        assert_eq!(stage.says(command), "nothing was found for /kafka");
    }
    stage.run(Command::Order);
    assert_eq!(stage.says(Command::NextMatch), "nothing was found for /kafka");
}
