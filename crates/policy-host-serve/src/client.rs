//! A small blocking HTTPS client that keeps its connection: for the tests and for measurements, so that the client adds
//! as little as it can.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::tls::{TlsError, certificates};

/// One connection to a server.
pub struct Client {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP code.
    pub code: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The authority cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// TLS could not be set up.
    #[error("cannot set up TLS: {0}")]
    Rustls(#[from] rustls::Error),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// The answer is no HTTP/1.1 with a content length.
    #[error("the answer cannot be read at `{0}`")]
    Answer(String),
}

impl Client {
    /// Connects to a server whose certificate an authority vouches for; it is asked for as `localhost`.
    ///
    /// # Errors
    /// When the server cannot be reached or is not believed.
    pub fn connect(address: SocketAddr, authority: &str) -> Result<Self, ClientError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authority)? {
            roots.add(certificate)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").map_err(|e| ClientError::Answer(e.to_string()))?;
        let tcp = TcpStream::connect(address)?;
        tcp.set_nodelay(true)?;
        let tls = ClientConnection::new(Arc::new(config), name)?;
        Ok(Self {
            stream: BufReader::new(StreamOwned::new(tls, tcp)),
        })
    }

    /// Posts JSON text.
    ///
    /// # Errors
    /// When the connection fails, or the answer cannot be read.
    pub fn post(&mut self, path: &str, body: &[u8]) -> Result<Answer, ClientError> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.send(&[head.as_bytes(), body].concat())
    }

    /// Gets a path.
    ///
    /// # Errors
    /// As [`Client::post`].
    pub fn get(&mut self, path: &str) -> Result<Answer, ClientError> {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes())
    }

    fn send(&mut self, request: &[u8]) -> Result<Answer, ClientError> {
        let stream = self.stream.get_mut();
        stream.write_all(request)?;
        stream.flush()?;
        let status = self.line()?;
        let code = status
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or(ClientError::Answer(status))?;
        let mut length = 0;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value
                    .trim()
                    .parse()
                    .map_err(|_| ClientError::Answer(line.clone()))?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { code, body })
    }

    fn line(&mut self) -> Result<String, ClientError> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(ClientError::Answer("the end of the connection".to_owned()));
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}
