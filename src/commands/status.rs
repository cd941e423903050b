//! `wgstat status`.

use std::io::Write;

use super::{Outcome, conclude, report, scope, tell_origins, terminal, written};
use crate::cli::{Global, Status};
use crate::error::Result;
use crate::model::Settings;
use crate::render::{human::Style, json, status};
use crate::sampler::Sampler;

pub(super) fn run(
    options: &Status,
    global: &Global,
    settings: Settings,
    out: &mut dyn Write,
    remarks: &mut dyn Write,
) -> Result<Outcome> {
    let mut sampler = Sampler::open(scope(&options.interfaces, global), settings)?;
    let sample = sampler.sample()?;
    let report = report(&sample);
    written(if global.json {
        json::status(out, &report)
    } else {
        let style = Style { exact_bytes: options.bytes, all_peers: options.all, ..terminal::style(global.color) };
        status::write(out, &style, &report)
    })?;
    tell_origins(&sampler, &sample.snapshot, global, out, remarks)?;
    written(out.flush())?;
    Ok(conclude(&sample.snapshot, global, remarks))
}
