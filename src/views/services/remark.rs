//! Why a figure of a service is missing, or is not exact.

use super::rank::Row;
use crate::red::{Durations, Failures, RedMapping};

/// What is to be said of a service's figures. `answered`: whether its failures and its p95 were asked and answered; of what
/// was not there is nothing to say. Without traffic no figure is missing.
pub fn remark(mapping: &RedMapping, row: &Row, answered: [bool; 2]) -> Option<String> {
    let family = row.family(mapping)?;
    row.rate.filter(|rate| *rate > 0.0)?;
    let failures = || match &family.failures {
        None => Some("failures are not told".to_owned()),
        Some(Failures::Counter(counter)) => Some(format!("{} has no series of it", counter.metric)),
        // Requests that lack the label in the window tell nothing.
        Some(Failures::Status(status)) => Some(format!("its requests have no {}", status.label)),
    };
    let quantile = || match &family.durations {
        None => Some("no durations".to_owned()),
        Some(Durations::Given(_)) if family.lacks_quantile(0.95) => Some("its quantiles have no p95".to_owned()),
        Some(Durations::Given(_)) => Some("p95 of each instance only, Service shows them".to_owned()),
        Some(Durations::Classic { .. } | Durations::Native(_)) => Some("its histogram tells no p95".to_owned()),
    };
    let told = [
        failures().filter(|_| answered[0] && row.errors.is_none()),
        quantile().filter(|_| answered[1] && row.p95.is_none()),
        Some("p95 about: buckets of its instances differ".to_owned()).filter(|_| row.mixed && row.p95.is_some()),
    ];
    let told: Vec<String> = told.into_iter().flatten().collect();
    (!told.is_empty()).then(|| told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::testing::red_mapping,
        red::{FailureCounter, Family, GivenQuantile},
    };

    #[test]
    fn a_figure_that_is_missing_says_why() {
        let family = red_mapping(&["a"]).families.remove(0);
        let given = |q| GivenQuantile { q, metric: "x".to_owned(), label: None };
        let counter = FailureCounter { metric: "shop_errors_total".to_owned(), labels: Vec::new() };
        let row = Row { service: "a".into(), family: Some(0), rate: Some(1.0), ..Row::default() };
        let said = |family: Family, row: &Row, answered| {
            remark(&RedMapping { families: vec![family], ..RedMapping::default() }, row, answered).unwrap_or_default()
        };
        let all = [true, true];
        let bare = Family { failures: None, durations: None, ..family.clone() };
        assert_eq!(said(bare.clone(), &row, all), "failures are not told, no durations");
        assert_eq!(said(bare.clone(), &row, [false, false]), "", "of what was not asked nothing is known");
        assert_eq!(said(bare, &Row { rate: Some(0.0), ..row.clone() }, all), "", "without traffic nothing is missing");
        let failing = Row { errors: Some(0.0), ..row.clone() };
        let summary = |quantiles: Vec<GivenQuantile>| Family { durations: Some(Durations::Given(quantiles)), ..family.clone() };
        assert_eq!(said(summary(vec![given(0.5), given(0.99)]), &failing, all), "its quantiles have no p95");
        assert_eq!(said(summary(vec![given(0.95)]), &failing, all), "p95 of each instance only, Service shows them");
        let counted = Family { failures: Some(Failures::Counter(counter)), ..family.clone() };
        let measured = Row { p95: Some(0.1), ..row.clone() };
        assert_eq!(said(counted, &measured, all), "shop_errors_total has no series of it");
        let mixed = Row { mixed: true, errors: Some(0.0), ..measured };
        assert_eq!(said(family, &mixed, all), "p95 about: buckets of its instances differ");
    }
}
