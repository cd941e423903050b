//! Tests `wgstat serve` as its clients use it.

mod access;
mod attacks;
pub(crate) mod client;
mod documents;
mod page;
