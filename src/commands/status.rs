//! `wgstat status`.

use std::io::Write;

use super::{Outcome, conclude, report, terminal, written};
use crate::cli::{Global, Status};
use crate::collect::Scope;
use crate::error::Result;
use crate::model::Name;
use crate::render::{human::Style, json, status};
use crate::sampler::Sampler;

pub(super) fn run(options: &Status, global: &Global, out: &mut dyn Write, remarks: &mut dyn Write) -> Result<Outcome> {
    let scope = Scope {
        interfaces: options.interfaces.iter().map(|name| Name::from(name.as_os_str())).collect(),
        without_peers: global.no_peers,
    };
    let sample = Sampler::open(scope)?.sample()?;
    let report = report(&sample);
    written(if global.json {
        json::status(out, &report)
    } else {
        let style = Style { exact_bytes: options.bytes, all_peers: options.all, ..terminal::style(global.color) };
        status::write(out, &style, &report)
    })?;
    written(out.flush())?;
    Ok(conclude(&sample.snapshot, global, remarks))
}
