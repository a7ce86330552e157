//! The Infra page, and what its sections tell of a Prometheus of a few series.

mod jobs;
mod nodes;
mod page;
mod pods;
mod pools;
mod probes;
mod queues;
mod targets;
mod world;
