//! The page: what it asks, where its cursor is, where its keys lead.

use std::{sync::Arc, time::Duration};

use super::{
    pods::pod,
    world::{NOW, World},
};
use crate::{
    app::{
        Shared,
        testing::{answer, draw, look, needs, red_mapping, sees, test_shared, type_text, with},
    },
    core::{
        command::Command,
        request::{Request, Response},
        scope::Scope,
    },
    model::{
        backend::{Backend, ErrorKind, SourceError},
        labels::{Labels, Matcher},
        series::Vector,
        time::{TimeWindow, Timestamp},
    },
    views::{Act, View, infra::Infra},
};

const SIZE: (u16, u16) = (120, 30);

struct Stage {
    shared: Shared,
    scope: Scope,
    view: Infra,
}

impl Stage {
    fn new(service: Option<&str>, view: Infra) -> Self {
        let scope = Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600)));
        let scope = service.map_or(scope.clone(), |service| scope.with_service(service));
        let mut shared = test_shared();
        shared.red.settle(Self::now(), Ok(Arc::new(red_mapping(&["orders"]))));
        Self { shared, scope, view }
    }

    fn now() -> Timestamp {
        Timestamp::from_secs(NOW)
    }

    fn asked(&self) -> Vec<Request> {
        needs(&self.view, &look(&self.shared, &self.scope, Self::now()), SIZE.0, SIZE.1).into_iter().map(|need| need.request).collect()
    }

    /// Answers all questions of an instant out of a world, until there is no new one.
    fn tell(&mut self, world: &World) {
        let mut told = Vec::new();
        while let Some(request) = self.asked().into_iter().find(|r| matches!(r, Request::Instant { .. }) && !told.contains(r)) {
            let Request::Instant { query, .. } = &request else { unreachable!() };
            let vector = world.answer(query);
            self.answer(&request, Ok(Response::Vector(vector)));
            told.push(request);
        }
    }

    fn answer(&mut self, request: &Request, result: Result<Response, SourceError>) {
        let look = look(&self.shared, &self.scope, Self::now());
        answer(&mut self.view, &look, SIZE, |need| need.request == *request, result);
    }

    fn run(&mut self, command: Command) -> Vec<Act> {
        let look = look(&self.shared, &self.scope, Self::now());
        with(&look, SIZE, |cx| self.view.command(cx, command)).1
    }

    fn type_text(&mut self, text: &str) {
        type_text(&mut self.view, &look(&self.shared, &self.scope, Self::now()), SIZE, text);
    }

    fn screen(&self) -> String {
        draw(&self.view, &look(&self.shared, &self.scope, Self::now()), SIZE.0, SIZE.1)
    }

    /// The line that the cursor is on.
    fn selected(&self) -> String {
        self.screen().lines().find(|line| line.contains('▌')).unwrap_or_default().to_owned()
    }
}

fn shop() -> World {
    let pods = ["orders-0", "orders-1", "orders-2"].into_iter().fold(World::default(), pod);
    let of = "namespace=shop, pod=orders-1, container=app";
    pods.gauge(&format!("kube_pod_container_status_waiting_reason{{{of}, reason=CrashLoopBackOff}}"), 1.0).over(
        &format!("kube_pod_container_status_restarts_total{{{of}}}"),
        (NOW - 7200, NOW),
        |at| f64::from(at > NOW - 1200) * 2.0,
    )
}

#[test]
fn the_worst_is_under_the_cursor_and_enter_leads_to_its_logs() {
    let mut stage = Stage::new(Some("orders"), Infra::default());
    stage.tell(&shop());
    sees(&stage.screen(), &["pods", "1 of 3 not well", "CrashLoop", "2 restarts in 1h"]);
    let narrow = draw(&stage.view, &look(&stage.shared, &stage.scope, Stage::now()), 80, 24);
    sees(&narrow, &["pods ── 1 of 3 not well ── 2 restarts in 1h", "orders-1", "CrashLoop"]);
    assert!(stage.selected().contains("orders-1"), "{}", stage.screen());
    let acts = stage.run(Command::Drill);
    let expected = stage.scope.with_matcher(Matcher::equal("pod", "orders-1"));
    assert_eq!(acts, [Act::Push(crate::core::command::ViewKind::Logs, Box::new(expected))]);
}

#[test]
fn what_led_here_is_selected_as_soon_as_it_is_there_and_stays_so() {
    let labels: Labels = [("pod", "orders-2"), ("service", "orders")].into_iter().collect();
    let mut stage = Stage::new(Some("orders"), Infra::new(Some(labels)));
    stage.tell(&shop());
    assert!(stage.selected().contains("orders-2"), "{}", stage.screen());
    // Another one becomes the worst: the cursor stays with its pod.
    let worse = shop().gauge("kube_pod_container_status_waiting_reason{namespace=shop, pod=orders-0, container=app, reason=Error}", 1.0);
    stage.tell(&worse);
    assert!(stage.selected().contains("orders-2"), "{}", stage.screen());
}

#[test]
fn a_pod_that_a_span_names_is_shown_whatever_it_is_called() {
    let labels: Labels = [("pod", "blue-7")].into_iter().collect();
    let mut stage = Stage::new(Some("orders"), Infra::new(Some(labels)));
    stage.tell(&pod(shop(), "blue-7"));
    assert!(stage.selected().contains("blue-7"), "{}", stage.screen());
    sees(&stage.screen(), &["orders-0", "orders-1", "orders-2"]);
}

#[test]
fn a_pod_says_what_is_not_well_about_its_node() {
    let node = "job=node-exporter, instance=10.0.0.1:9100, node=node-1";
    let shop = ["orders-0", "orders-1"].into_iter().fold(World::default(), pod);
    let shop = shop.counter(&format!("node_disk_io_time_seconds_total{{{node}, device=sda}}"), 0.97);
    let mut stage = Stage::new(Some("orders"), Infra::default());
    stage.tell(&shop.gauge(&format!("node_load1{{{node}}}"), 1.0));
    sees(&stage.screen(), &["2 of 2 not well", "on node-1: disk sda busy 97"]);
}

#[test]
fn a_filter_leaves_what_it_names() {
    let mut stage = Stage::new(Some("orders"), Infra::default());
    stage.tell(&shop());
    stage.run(Command::Filter);
    stage.type_text("orders-2");
    let screen = stage.screen();
    sees(&screen, &["orders-2"]);
    assert!(!screen.contains("orders-0"), "{screen}");
    stage.type_text("9");
    sees(&stage.screen(), &["None passes the filter."]);
}

#[test]
fn what_is_not_told_is_said_and_what_was_told_stays_when_it_is_old() {
    let mut stage = Stage::new(Some("orders"), Infra::default());
    stage.tell(&World::default());
    sees(&stage.screen(), &["Nothing tells what orders runs on.", "kube-state-metrics"]);
    stage.tell(&shop());
    let failed = SourceError::new(Backend::Prometheus, ErrorKind::Server(503), "answered 503");
    let question = stage.asked().into_iter().find(|r| matches!(r, Request::Instant { query, .. } if query.contains("kube_pod_info")));
    stage.answer(&question.unwrap(), Err(failed));
    sees(&stage.screen(), &["stale", "answered 503", "orders-1"]);
}

#[test]
fn without_a_service_all_is_well_or_what_is_not_is_shown() {
    let mut stage = Stage::new(None, Infra::default());
    stage.tell(&["a-0", "b-0"].into_iter().fold(World::default(), pod));
    sees(&stage.screen(), &["All 2 are well."]);
    stage.tell(&shop());
    sees(&stage.screen(), &["1 of 3 not well", "orders-1"]);
}

#[test]
fn it_is_drawn_at_any_size() {
    let mut stage = Stage::new(Some("orders"), Infra::default());
    stage.tell(&shop());
    for (width, height) in [(1, 1), (20, 5), (80, 24), (200, 50), (300, 4)] {
        draw(&stage.view, &look(&stage.shared, &stage.scope, Stage::now()), width, height);
        stage.run(Command::NextPane);
        stage.run(Command::FullScreen);
    }
    stage.answer(&stage.asked()[0].clone(), Ok(Response::Vector(Vector::default())));
}

#[test]
fn the_first_section_is_in_focus_whichever_answers_first_until_the_user_moves() {
    let mut stage = Stage::new(Some("orders"), Infra::default());
    let world = shop().gauge("probe_success{job=blackbox, instance=https://orders.example/}", 1.0);
    let probes =
        stage.asked().into_iter().find(|r| matches!(r, Request::Instant { query, .. } if query.contains("probe_success"))).unwrap();
    let Request::Instant { query, .. } = &probes else { unreachable!() };
    stage.answer(&probes, Ok(Response::Vector(world.answer(query))));
    sees(&stage.screen(), &["https://orders.example/"]);
    stage.tell(&world);
    let leads_to_a_pod = |stage: &mut Stage| {
        let acts = stage.run(Command::Drill);
        acts.iter().any(|act| matches!(act, crate::views::Act::Push(_, logs) if !logs.matchers.is_empty()))
    };
    assert!(leads_to_a_pod(&mut stage), "the pods, which have logs of their own");
    stage.run(Command::NextPane);
    stage.tell(&world);
    assert!(!leads_to_a_pod(&mut stage), "the probes still");
}
