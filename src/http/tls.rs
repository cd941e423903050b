//! TLS by rustls, from the files that the web configuration names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};

/// What the file says of TLS, its paths made whole.
pub(super) struct TlsFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) client_authority: Option<PathBuf>,
    pub(super) client: ClientAuth,
    pub(super) oldest: Oldest,
}

/// What is asked of clients: `client_auth_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientAuth {
    /// `NoClientCert`.
    None,
    /// `VerifyClientCertIfGiven`.
    IfGiven,
    /// `RequireAndVerifyClientCert`.
    Required,
}

/// `min_version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Oldest {
    Tls12,
    Tls13,
}

static BOTH: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];

/// Reads the files. The error names the one at fault and why; never what is in it.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, (PathBuf, String)> {
    let chain = certificates(&files.certificate)?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| (files.key.clone(), told(&error, "private key")))?;
    let provider = Arc::new(default_provider());
    let versions = match files.oldest {
        Oldest::Tls12 => &BOTH[..],
        Oldest::Tls13 => &BOTH[..1],
    };
    let in_certificate = |error: &dyn std::fmt::Display| (files.certificate.clone(), error.to_string());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| in_certificate(&error))?;
    let builder = match (&files.client_authority, files.client) {
        (_, ClientAuth::None) | (None, _) => builder.with_no_client_auth(),
        (Some(path), client) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| (path.clone(), error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = if client == ClientAuth::IfGiven { verifier.allow_unauthenticated() } else { verifier };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| (path.clone(), error.to_string()))?)
        }
    };
    // Where certificate and key do not belong together, it says so.
    let mut config = builder.with_single_cert(chain, key).map_err(|error| in_certificate(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, (PathBuf, String)> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err((path.to_owned(), "there is no certificate in it".to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err((path.to_owned(), told(&error, "certificate"))),
    }
}

fn told(error: &tokio_rustls::rustls::pki_types::pem::Error, what: &str) -> String {
    use tokio_rustls::rustls::pki_types::pem::Error;
    match error {
        Error::Io(error) => format!("cannot read: {error}"),
        _ => format!("there is no {what} in it, in PEM"),
    }
}
