//! `wgstat serve`, met as its clients meet it.

mod access;
mod attacks;
mod client;
mod documents;
mod page;
