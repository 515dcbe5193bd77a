//! Certificates: those given, or a new authority and a server certificate made for the occasion.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A server's certificate chain and key, both PEM.
#[derive(Clone)]
pub struct Identity {
    /// The chain, the server's own certificate first.
    pub certificates: String,
    /// The key.
    pub key: String,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A text is no PEM of the right kind.
    #[error("no {what} in PEM form: {reason}")]
    Pem {
        /// What was looked for.
        what: &'static str,
        /// What the reader said.
        reason: String,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// Certificate and key cannot be used.
    #[error("cannot use certificate and key: {0}")]
    Use(#[from] rustls::Error),
}

impl Identity {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn from_files(certificates: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|source| TlsError::Read {
                path: path.display().to_string(),
                source,
            })
        };
        Ok(Self {
            certificates: read(certificates)?,
            key: read(key)?,
        })
    }

    /// Makes an authority that nobody else has, and a certificate for these names and addresses. The second text is the
    /// authority's certificate.
    ///
    /// # Errors
    /// When a name is none.
    pub fn make(names: &[String]) -> Result<(Self, String), TlsError> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority
            .distinguished_name
            .push(DnType::CommonName, "policy-host-serve test authority");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let mut server = CertificateParams::new(names.to_vec())?;
        server
            .distinguished_name
            .push(DnType::CommonName, "policy-host-serve");
        let certificate = server.signed_by(&key, &authority)?;
        let identity = Self {
            certificates: certificate.pem(),
            key: key.serialize_pem(),
        };
        Ok((identity, authority.pem()))
    }

    /// The identity as rustls wants it.
    ///
    /// # Errors
    /// When certificate or key is none, or they do not belong together.
    pub fn server_config(&self) -> Result<ServerConfig, TlsError> {
        let certificates = certificates(&self.certificates)?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(|e| TlsError::Pem {
            what: "private key",
            reason: e.to_string(),
        })?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// The certificates of a PEM text; at least one.
pub(crate) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let missing = |reason: String| TlsError::Pem {
        what: "certificate",
        reason,
    };
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| missing(e.to_string()))?;
    if certificates.is_empty() {
        return Err(missing("the text has none".to_owned()));
    }
    Ok(certificates)
}
