//! Runs `wgstat generate`: writes the files that are committed and packaged.

mod completions;
mod man;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::output::output_error;
use super::{Invocation, Outcome};
use crate::cli::{Artifact, Generate, Limits};
use crate::config::keys;
use crate::error::{Error, Result};
use crate::findings::RuleId;
use crate::model::printable;
use crate::render::alert_rules::alert_rules;
use crate::render::{grafana, json};

pub(super) fn run(options: &Generate, invocation: Invocation<'_>) -> Result<Outcome> {
    let Invocation { out, err, .. } = invocation;
    let default = match options.artifact {
        Artifact::Man => "man",
        Artifact::Completions => "completions",
        Artifact::Schema => "docs/schema",
        Artifact::AlertRules => "packaging/prometheus",
        Artifact::Dashboard => "packaging/grafana",
        // A configuration file has no default directory.
        Artifact::Config if options.directory.is_none() => {
            out.write_all(keys::commented().as_bytes()).and_then(|()| out.flush()).map_err(output_error)?;
            return Ok(Outcome::Done);
        }
        Artifact::Config => "",
    };
    let directory = options.directory.clone().unwrap_or_else(|| PathBuf::from(default));
    for (name, content) in files(options).map_err(|source| failed(&directory, source))? {
        let path = directory.join(name);
        fs::create_dir_all(&directory)
            .and_then(|()| fs::write(&path, content))
            .map_err(|source| failed(&path, source))?;
        let _ = writeln!(err, "wrote {}", path.display());
    }
    Ok(Outcome::Done)
}

/// Returns the error of a file that cannot be written.
fn failed(path: &Path, source: io::Error) -> Error {
    Error::Output { subject: printable(&path.to_string_lossy()).into_owned(), source }
}

/// Returns the names of the files and their content.
fn files(options: &Generate) -> io::Result<Vec<(String, Vec<u8>)>> {
    match options.artifact {
        Artifact::Man => man::pages(),
        Artifact::Completions => completions::files(),
        Artifact::AlertRules => {
            let Limits { rx_errors, tx_errors, rx_dropped, tx_dropped } = options.limits;
            let limits = [
                (RuleId::RxErrors, rx_errors),
                (RuleId::TxErrors, tx_errors),
                (RuleId::RxDropped, rx_dropped),
                (RuleId::TxDropped, tx_dropped),
            ];
            Ok(vec![("wgstat-rules.yml".to_owned(), alert_rules(&limits).into_bytes())])
        }
        Artifact::Dashboard => Ok(vec![("wgstat.json".to_owned(), grafana::dashboard().into_bytes())]),
        Artifact::Config => Ok(vec![("wgstat.toml".to_owned(), keys::commented().into_bytes())]),
        Artifact::Schema => json::schemas()
            .into_iter()
            .map(|(name, schema)| {
                let mut text = serde_json::to_vec_pretty(&schema)?;
                text.push(b'\n');
                Ok((format!("{name}.json"), text))
            })
            .collect(),
    }
}
