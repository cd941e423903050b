//! Runs `wgstat status`.

use super::output::{output_error, report};
use super::{Invocation, Outcome};
use crate::cli::Status;
use crate::error::Result;
use crate::render::{format::Style, json, status};
use crate::sampler::Sampler;

pub(super) fn run(options: &Status, mut invocation: Invocation<'_>) -> Result<Outcome> {
    let mut sampler = Sampler::open(invocation.scope(&options.interfaces), invocation.take_settings())?;
    let sample = sampler.sample()?;
    let report = report(&sample);
    let written = if invocation.global.json {
        json::status(invocation.out, &report)
    } else {
        let style = Style { exact_bytes: options.bytes, all_peers: options.all, ..invocation.style() };
        status::write(invocation.out, &style, &report)
    };
    written.map_err(output_error)?;
    invocation.print_name_origins(&sampler, &sample.snapshot)?;
    invocation.out.flush().map_err(output_error)?;
    Ok(invocation.report_problems(&sample.snapshot))
}
