//! Runs `wgstat stats IFACE`.

use super::output::{output_error, report};
use super::{Invocation, Outcome};
use crate::cli::Stats;
use crate::error::Result;
use crate::render::{format::Style, json, stats};
use crate::sampler::Sampler;

pub(super) fn run(options: &Stats, mut invocation: Invocation<'_>) -> Result<Outcome> {
    let scope = invocation.scope(std::slice::from_ref(&options.interface));
    let mut sampler = Sampler::open(scope, invocation.take_settings())?;
    let sample = match options.interval {
        Some(interval) => sampler.sample_over(interval)?,
        None => sampler.sample()?,
    };
    let report = report(&sample);
    let written = if invocation.global.json {
        json::status(invocation.out, &report)
    } else {
        let style = Style { exact_bytes: options.bytes, all_peers: options.all, ..invocation.style() };
        stats::write(invocation.out, &style, &report)
    };
    written.map_err(output_error)?;
    invocation.print_name_origins(&sampler, &sample.snapshot)?;
    invocation.out.flush().map_err(output_error)?;
    Ok(invocation.report_problems(&sample.snapshot))
}
