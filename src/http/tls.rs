//! Sets up TLS (rustls) from the files that the web configuration names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};

/// Holds the `tls_server_config` section with resolved paths.
pub(super) struct TlsFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) client_ca: Option<PathBuf>,
    pub(super) client_auth: ClientAuth,
    pub(super) min_version: MinVersion,
}

/// Says whether clients need a certificate: `client_auth_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientAuth {
    /// `NoClientCert`.
    None,
    /// `VerifyClientCertIfGiven`.
    IfGiven,
    /// `RequireAndVerifyClientCert`.
    Required,
}

/// Oldest accepted version: `min_version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MinVersion {
    Tls12,
    Tls13,
}

static VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];

/// Reads the files.
///
/// # Errors
/// Returns the file at fault and the cause. The cause never contains text from the file.
pub(super) fn build_acceptor(files: &TlsFiles) -> Result<TlsAcceptor, (PathBuf, String)> {
    let chain = read_certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| (files.key.clone(), describe_pem_error(&error, "private key")))?;
    let provider = Arc::new(default_provider());
    let versions = match files.min_version {
        MinVersion::Tls12 => &VERSIONS[..],
        MinVersion::Tls13 => &VERSIONS[..1],
    };
    let certificate_error = |error: &dyn std::fmt::Display| (files.certificate.clone(), error.to_string());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| certificate_error(&error))?;
    let builder = match (&files.client_ca, files.client_auth) {
        (_, ClientAuth::None) | (None, _) => builder.with_no_client_auth(),
        (Some(path), client_auth) => {
            let mut roots = RootCertStore::empty();
            for certificate in read_certificates(path)? {
                roots.add(certificate).map_err(|error| (path.clone(), error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = if client_auth == ClientAuth::IfGiven { verifier.allow_unauthenticated() } else { verifier };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| (path.clone(), error.to_string()))?)
        }
    };
    // This fails if the key does not belong to the certificate.
    let mut config = builder.with_single_cert(chain, key).map_err(|error| certificate_error(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Reads all certificates of a PEM file.
fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, (PathBuf, String)> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err((path.to_owned(), "no certificate found".to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err((path.to_owned(), describe_pem_error(&error, "certificate"))),
    }
}

/// Describes why a file has no `item` (a certificate or a private key).
fn describe_pem_error(error: &tokio_rustls::rustls::pki_types::pem::Error, item: &str) -> String {
    use tokio_rustls::rustls::pki_types::pem::Error;
    match error {
        Error::Io(error) => format!("cannot read: {error}"),
        _ => format!("no {item} in PEM format found"),
    }
}
