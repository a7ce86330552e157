//! RED metrics without configuration: which families a Prometheus has, which labels mean service, route and status.

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RedMapping {}
