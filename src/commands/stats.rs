//! `wgstat stats IFACE`.

use std::io::Write;

use super::{Outcome, conclude, report, terminal, written};
use crate::cli::{Global, Stats};
use crate::collect::Scope;
use crate::error::Result;
use crate::model::Name;
use crate::render::{human::Style, json, stats};
use crate::sampler::Sampler;

pub(super) fn run(options: &Stats, global: &Global, out: &mut dyn Write, remarks: &mut dyn Write) -> Result<Outcome> {
    let scope = Scope { interfaces: vec![Name::from(options.interface.as_os_str())], without_peers: global.no_peers };
    let mut sampler = Sampler::open(scope)?;
    let sample = match options.interval {
        Some(interval) => sampler.sample_over(interval)?,
        None => sampler.sample()?,
    };
    let report = report(&sample);
    written(if global.json {
        json::status(out, &report)
    } else {
        let style = Style { exact_bytes: options.bytes, all_peers: options.all, ..terminal::style(global.color) };
        stats::write(out, &style, &report)
    })?;
    written(out.flush())?;
    Ok(conclude(&sample.snapshot, global, remarks))
}
