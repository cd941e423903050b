//! `wgstat serve`, met as its clients meet it.

mod access;
mod attacks;
pub(crate) mod client;
mod documents;
mod page;
