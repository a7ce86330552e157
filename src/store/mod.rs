//! What is kept of streams: bounded, in order, quick to filter.

mod condition;
mod counting;
mod exceptions;
mod filter;
mod filtering;
mod folds;
mod lines;
mod log_store;
mod needles;
mod patterns;
mod row;
mod segment;
mod show;
mod streams;
mod verdict;

pub use self::{
    condition::{Amount, Condition, Order, Place, Test, plain_part},
    counting::CountJob,
    filter::Pattern,
    filtering::{FilterJob, FilterNews},
    log_store::LogStore,
    patterns::{Chosen, Found, PatternJob, PatternNews, SameJob, Snapshot, Sought},
    row::{Line, LineId},
    show::{Mark, Show},
};
