//! What is looked at from outside: blackbox_exporter.

use super::{
    super::{
        block::Layout,
        model::{Model, SECOND},
        series::{Registry, Value, whole},
        shop::Op,
    },
    Family, pairs, unix,
};

pub const FAMILIES: &[Family] = &[
    ("probe_duration_seconds", "gauge", "Returns how long the probe took to complete in seconds"),
    ("probe_http_status_code", "gauge", "Response HTTP status code"),
    ("probe_ssl_earliest_cert_expiry", "gauge", "Returns last SSL chain expiry in unixtime"),
    ("probe_success", "gauge", "Displays whether or not the probe was a success"),
];

/// From the world's begin until the edge's certificate expires.
const CERTIFICATE: i64 = 61 * 86_400 * SECOND;

impl Registry {
    /// A customer that looks at the front page.
    pub(super) fn blackbox(&mut self, model: &Model, layout: &Layout) {
        let base = pairs(&[("namespace", "monitoring"), ("job", "blackbox"), ("instance", "https://shop.example/")]);
        let target = self.exporter(12 * SECOND, 306, &base);
        let spans = |error: bool| layout.span(Op::WebHome, error).map(|h| h as u16);
        let cells = |error: bool| spans(error).map_or_else(Vec::new, whole);
        let fares = |right: f64, wrong: f64| Value::Probe { right: cells(false), wrong: cells(true), shown: [right, wrong] };
        self.add("probe_success", target, &base, fares(1.0, 0.0));
        self.add("probe_http_status_code", target, &base, fares(200.0, 500.0));
        self.add("probe_duration_seconds", target, &base, Value::Mean([false, true].into_iter().filter_map(spans).collect()));
        self.add("probe_ssl_earliest_cert_expiry", target, &base, Value::Constant(unix(model.birth + CERTIFICATE)));
    }
}
