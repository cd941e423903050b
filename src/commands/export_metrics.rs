//! `wgstat export-metrics`.

use std::io::Write;

use super::{Outcome, conclude, files, report, scope, written};
use crate::cli::{CompatArg, ExportMetrics, Global, Metrics};
use crate::error::{Error, Result};
use crate::model::{Settings, printable};
use crate::render::prometheus::{self, Compat, Options};
use crate::sampler::Sampler;

/// The collector is another user's.
const READABLE: u32 = 0o644;

pub(super) fn run(
    options: &ExportMetrics,
    global: &Global,
    settings: Settings,
    out: &mut dyn Write,
    remarks: &mut dyn Write,
) -> Result<Outcome> {
    let sample = Sampler::open(scope(&options.interfaces, global), settings)?.sample()?;
    let render = rendering(&options.metrics, options.peer_endpoints);
    let report = report(&sample);
    match &options.output {
        Some(path) => {
            files::replace(path, READABLE, |file| prometheus::write(file, &report, &render))
                .map_err(|source| Error::Output { subject: printable(&path.to_string_lossy()).into_owned(), source })?;
        }
        None => written(prometheus::write(out, &report, &render).and_then(|()| out.flush()))?,
    }
    Ok(conclude(&sample.snapshot, global, remarks))
}

/// What the metrics are to have, as both commands that write them are told.
pub(super) fn rendering(options: &Metrics, peer_endpoints: bool) -> Options {
    Options {
        max_peers: options.max_peers,
        peer_endpoints,
        compat: options.compat.map(|compat| match compat {
            CompatArg::Mindflavor => Compat::Mindflavor,
            CompatArg::Mdlayher => Compat::Mdlayher,
        }),
    }
}
