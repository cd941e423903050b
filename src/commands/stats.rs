//! `wgstat stats IFACE`.

use std::io::Write;

use super::{Outcome, conclude, report, scope, tell_origins, terminal, written};
use crate::cli::{Global, Stats};
use crate::error::Result;
use crate::model::Settings;
use crate::render::{human::Style, json, stats};
use crate::sampler::Sampler;

pub(super) fn run(
    options: &Stats,
    global: &Global,
    settings: Settings,
    out: &mut dyn Write,
    remarks: &mut dyn Write,
) -> Result<Outcome> {
    let mut sampler = Sampler::open(scope(std::slice::from_ref(&options.interface), global), settings)?;
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
    tell_origins(&sampler, &sample.snapshot, global, out, remarks)?;
    written(out.flush())?;
    Ok(conclude(&sample.snapshot, global, remarks))
}
