//! Silences by keys against what Alertmanager's own API says: what the form would hit, what was written, what is expired.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::support::{Terminal, servers::Servers};

const ENTER: &str = "\r";
const ESC: &str = "\x1b";

/// All of it.
pub fn the_form_and_the_list_say_and_do_what_alertmanager_does(config: &str) {
    let servers = Servers::of(config);
    let mut t = Terminal::start_with(200, 50, &["--config", config], &[("USER", "walker")]);
    t.see("OrdersPoolSaturated");
    hits(&mut t, &servers);
    written(&mut t, &servers);
    t.keys("q").ended();
}

/// The number of alerts before them on the screen is that of Alertmanager for the same matchers.
fn hits(t: &mut Terminal, servers: &Servers) {
    let count = |filters: &[&str]| {
        let params: Vec<(&str, &str)> = filters.iter().map(|f| ("filter", *f)).collect();
        servers.get("alertmanager", "/api/v2/alerts", &params).as_array().unwrap().len()
    };
    for filters in [
        &[r#"alertname="OrdersPoolSaturated""#][..],
        &[r#"alertname=~"Orders.*|CheckoutBudgetBurn""#],
        &[r#"alertname=~"Orders""#],
        &[r#"alertname!="WebApdexLow""#, r#"service=~".+""#],
        &[r#"alertname!~"Orders.*""#],
        &[r#"nowhere="""#, r#"alertname=~"(?i)orders.*""#],
        &[r#"service!="it's \"quoted\" \\ and größer""#],
        &[r#"severity=~"crit\\w+|pa[g]e""#],
    ] {
        t.keys("S").at("Silences").keys("s").at("Silence");
        // What was left of the one before is a draft.
        t.keys("\x18\x18\x18\x18").see("a matcher is needed");
        t.keys(&format!("\x1b[200~{{{}}}\x1b[201~", filters.join(", ")));
        // Alerts may come and go meanwhile: both must come to agree.
        t.wait_until(&format!("the hits of {filters:?} to be those of Alertmanager"), |t| {
            t.text().contains(&format!("would hit now: {} of {} alert", count(filters), count(&[])))
        });
        t.keys(ESC).at("Silences").keys(ESC).at("Alerts");
    }
}

fn written(t: &mut Terminal, servers: &Servers) {
    const NAME: &str = "OrdersPoolSaturated";
    const COMMENT: &str = "the \"walk\" \\ größer";
    t.select(NAME);
    t.keys("s").at("Silence").see("would hit now: 1 of ");
    t.keys(COMMENT).see(COMMENT);
    t.keys(ENTER).see("write this?");
    t.keys("y");
    let screen = t.see(" is active.");
    let id = screen.split_whitespace().find(|w| w.len() == 36 && w.matches('-').count() == 4).expect("the id is on the screen").to_owned();
    let silence = servers.get("alertmanager", &format!("/api/v2/silence/{id}"), &[]);
    assert_eq!((&silence["comment"], &silence["createdBy"]), (&Value::from(COMMENT), &Value::from("walker")));
    let labels = servers.alerts(NAME)[0]["labels"].clone();
    let pairs =
        |v: &Value| v.as_object().unwrap().iter().map(|(n, v)| (n.clone(), v.as_str().unwrap().to_owned())).collect::<BTreeSet<_>>();
    let matchers = silence["matchers"].as_array().unwrap();
    assert!(matchers.iter().all(|m| m["isEqual"] == true && m["isRegex"] == false), "{silence}");
    let text = |m: &Value, field: &str| m[field].as_str().unwrap().to_owned();
    assert_eq!(matchers.iter().map(|m| (text(m, "name"), text(m, "value"))).collect::<BTreeSet<_>>(), pairs(&labels));
    let time = |field: &str| silence[field].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let seconds = (time("endsAt") - time("startsAt")).num_seconds();
    assert!((7140..=7200).contains(&seconds), "two hours from when it was sent: {seconds} s");
    let filter = format!("alertname=\"{NAME}\"");
    let silencing = || servers.get("alertmanager", "/api/v2/alerts", &[("filter", &filter)])[0]["status"]["silencedBy"].clone();
    assert_eq!(silencing(), Value::from(vec![id.clone()]));
    t.keys(ESC).at("Alerts");
    t.wait("the alert to be silenced", |s| s.lines().any(|l| l.contains(NAME) && l.contains("silenced")));

    t.keys("S").at("Silences").see(&id);
    t.select("the \"walk\"");
    t.keys("X").see("It silences 1 alert: 1 will notify again.");
    t.keys("y").see(&format!("Silence {id} is expired."));
    assert_eq!(servers.get("alertmanager", &format!("/api/v2/silence/{id}"), &[])["status"]["state"], "expired");
    assert_eq!(silencing(), Value::Array(Vec::new()));
    t.keys(ESC).at("Alerts");
}
