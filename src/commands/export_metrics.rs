//! Runs `wgstat export-metrics`.

use super::output::{output_error, report};
use super::{Invocation, Outcome, files};
use crate::cli::{CompatArg, ExportMetrics, Metrics};
use crate::error::{Error, Result};
use crate::model::printable;
use crate::render::prometheus::{self, Compat, Options};
use crate::sampler::Sampler;

/// Mode of the file. `node_exporter` runs as another user.
const READABLE: u32 = 0o644;

pub(super) fn run(options: &ExportMetrics, mut invocation: Invocation<'_>) -> Result<Outcome> {
    let sample = Sampler::open(invocation.scope(&options.interfaces), invocation.take_settings())?.sample()?;
    let render = exposition_options(&options.metrics, options.peer_endpoints);
    let report = report(&sample);
    match &options.output {
        Some(path) => {
            files::replace(path, READABLE, |file| prometheus::write(file, &report, &render))
                .map_err(|source| Error::Output { subject: printable(&path.to_string_lossy()).into_owned(), source })?;
        }
        None => prometheus::write(invocation.out, &report, &render)
            .and_then(|()| invocation.out.flush())
            .map_err(output_error)?,
    }
    Ok(invocation.report_problems(&sample.snapshot))
}

/// Returns the options of the exposition, for both commands that write one.
pub(super) fn exposition_options(options: &Metrics, peer_endpoints: bool) -> Options {
    Options {
        max_peers: options.max_peers,
        peer_endpoints,
        compat: options.compat.map(|compat| match compat {
            CompatArg::Mindflavor => Compat::Mindflavor,
            CompatArg::Mdlayher => Compat::Mdlayher,
        }),
    }
}
