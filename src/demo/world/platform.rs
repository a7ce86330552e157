//! What logs without being one of the shop's services: the ingress in front of it (nginx), its session store (Rust, which
//! writes for a terminal, in colours, at debug level), and the kubelets of its nodes (klog). Each is labelled in a way of
//! its own, as different people have shipped them.

use std::fmt::Write as _;

use super::{
    lines::Kind,
    model::{Model, Pod, PodId, Request},
    shop::NODES,
    walk::Hop,
};
use crate::model::{
    labels::Labels,
    trace::{SpanId, TraceId},
};

/// Pods of the ingress, of the session store, and nodes, in the order of their streams.
const INGRESS: usize = 2;
const SESSIONS: usize = 2;

/// Labels of the streams, which follow those of the pods.
pub fn streams(model: &Model) -> Vec<Labels> {
    let word = |salt: u64| format!("{:05x}", super::rng::hash(model.seed, 700 + salt) & 0xf_ffff);
    let ingress = (0..INGRESS).map(|i| {
        let pod = format!("ingress-nginx-controller-6d5f55d86c-{}", word(i as u64));
        vec![("job", "ingress-nginx/controller".to_owned()), ("namespace", "ingress-nginx".to_owned()), ("pod", pod)]
    });
    let sessions = (0..SESSIONS).map(|i| vec![("container_name", "sessions".to_owned()), ("host", NODES[i + 1].0.to_owned())]);
    let kubelets = NODES
        .iter()
        .map(|(node, _)| vec![("job", "systemd-journal".to_owned()), ("unit", "kubelet.service".to_owned()), ("host", (*node).to_owned())]);
    ingress.chain(sessions).chain(kubelets).map(|pairs| pairs.into_iter().collect()).collect()
}

/// The number of the stream that a line belongs to: a pod's, or one of those that follow.
pub fn stream_of(kind: Kind, pods: usize, request: Option<&Request>, pod: PodId, node: usize) -> PodId {
    let one_of = |n: usize, salt: u64| request.map_or(0, |r| (r.draw(salt) % n as u64) as usize);
    let place = match kind {
        Kind::Ingress => one_of(INGRESS, 46),
        Kind::Session | Kind::SessionNew => INGRESS + one_of(SESSIONS, 47),
        Kind::KubeletAdd | Kind::KubeletKill => INGRESS + SESSIONS + node,
        _ => return pod,
    };
    (pods + place) as PodId
}

/// nginx's combined format with the time that a request took, where it went, and its `traceparent`.
pub fn ingress(out: &mut String, at: i64, request: &Request, hop: &Hop, pod: &Pod, (trace, span): (TraceId, SpanId)) {
    let (method, route) = hop.op.info().name.split_once(' ').unwrap_or(("", ""));
    let status = hop.op.info().statuses[hop.outcome.status_index()];
    let client = request.draw(48);
    let bytes = if hop.outcome.is_error() { 162 } else { 900 + request.draw(49) % 40_000 };
    let _ = write!(
        out,
        "{}.{}.{}.{} - - [{}] \"{method} {} HTTP/1.1\" {status} {bytes} \"-\" \"{}\" {:.3} {}:3000 00-{trace}-{span}-01",
        client % 90 + 80,
        client >> 8 & 255,
        client >> 16 & 255,
        client >> 24 & 255,
        chrono::DateTime::from_timestamp_nanos(at).format("%d/%b/%Y:%H:%M:%S +0000"),
        request.path(route),
        request.user_agent(),
        (hop.end - hop.start) as f64 / 1e9,
        pod.ip,
    );
}

/// `tracing_subscriber` as it writes to a terminal.
pub fn session(out: &mut String, at: i64, kind: Kind, request: &Request) {
    let (level, module, message) =
        if kind == Kind::SessionNew { ("\u{1b}[32m INFO", "sessions", "opened") } else { ("\u{1b}[34mDEBUG", "sessions::store", "read") };
    let (high, low) = (request.draw(52), request.draw(53));
    let id =
        format!("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", high >> 32, high >> 16 & 0xffff, high & 0xfff, low >> 52, low & 0xffff_ffff_ffff);
    let field = |name: &str, value: &dyn std::fmt::Display| format!(" \u{1b}[3m{name}\u{1b}[0m\u{1b}[2m=\u{1b}[0m{value}");
    let _ = write!(
        out,
        "\u{1b}[2m{}\u{1b}[0m {level}\u{1b}[0m \u{1b}[2m{module}\u{1b}[0m\u{1b}[2m:\u{1b}[0m {message}{}{}{}",
        chrono::DateTime::from_timestamp_nanos(at).format("%Y-%m-%dT%H:%M:%S%.6fZ"),
        field("session", &id),
        field("token", &format_args!("\"{:016x}\"", request.draw(54))),
        field("bytes", &(200 + request.draw(55) % 4_000)),
    );
}

/// klog's format, as kubelets write it.
pub fn kubelet(out: &mut String, at: i64, kind: Kind, pod: &Pod) {
    let service = pod.service.info().name;
    let (place, what) = match kind {
        Kind::KubeletAdd => ("kubelet.go:2420", format!("\"SyncLoop ADD\" source=\"api\" pods=[\"shop/{}\"]", pod.name)),
        _ => (
            "kuberuntime_container.go:808",
            format!("\"Killing container with a grace period\" pod=\"shop/{}\" containerName=\"{service}\" gracePeriod=30", pod.name),
        ),
    };
    let _ = write!(out, "I{}    1873 {place}] {what}", chrono::DateTime::from_timestamp_nanos(at).format("%m%d %H:%M:%S%.6f"));
}
