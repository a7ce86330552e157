//! What is kept of streams: bounded, in order, quick to filter.

mod condition;
mod filter;
mod filtering;
mod log_store;
mod patterns;
mod segment;
mod streams;
mod verdict;

pub use self::{
    condition::{Condition, Place, plain_part},
    filter::Pattern,
    filtering::{FilterJob, FilterNews},
    log_store::{LogStore, Mark, Show},
    patterns::{Chosen, Found, PatternJob, PatternNews, Snapshot},
    segment::{Line, LineId},
};
