//! `wgstat export-metrics`.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Outcome, conclude, report, written};
use crate::cli::{CompatArg, ExportMetrics, Global};
use crate::collect::Scope;
use crate::error::{Error, Result};
use crate::model::{Name, printable};
use crate::render::prometheus::{self, Compat, Options};
use crate::sampler::Sampler;

pub(super) fn run(
    options: &ExportMetrics,
    global: &Global,
    out: &mut dyn Write,
    remarks: &mut dyn Write,
) -> Result<Outcome> {
    let scope = Scope {
        interfaces: options.interfaces.iter().map(|name| Name::from(name.as_os_str())).collect(),
        without_peers: global.no_peers,
    };
    let sample = Sampler::open(scope)?.sample()?;
    let render = Options {
        max_peers: options.max_peers,
        peer_endpoints: options.peer_endpoints,
        compat: options.compat.map(|compat| match compat {
            CompatArg::Mindflavor => Compat::Mindflavor,
            CompatArg::Mdlayher => Compat::Mdlayher,
        }),
    };
    let report = report(&sample);
    match &options.output {
        Some(path) => {
            replace(path, |file| prometheus::write(file, &report, &render))
                .map_err(|source| Error::Output { subject: printable(&path.to_string_lossy()).into_owned(), source })?;
        }
        None => written(prometheus::write(out, &report, &render).and_then(|()| out.flush()))?,
    }
    Ok(conclude(&sample.snapshot, global, remarks))
}

/// Replaces a file as a whole. Whoever reads it, and whenever this is killed, there is the old one or the new one; what may
/// be left over beside it has a name that the textfile collector does not read.
fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    // A rename onto a folder fails too, but says less of it.
    if fs::metadata(path).is_ok_and(|found| found.is_dir()) {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".wgstat-").suffix(".tmp").tempfile_in(folder)?;
    write(file.as_file_mut())?;
    // For the collector, which is another user's.
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The rename itself is on the disk only when the folder is.
    File::open(folder)?.sync_all()
}
