//! Hands connections to several servers in turn, as a Service does for the replicas of a policy server.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::ClusterError;

/// A listener whose connections go to its servers in turn. Dropping it ends the listener, not the connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl Proxy {
    /// Listens on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub fn start(servers: Vec<SocketAddr>) -> Result<Self, ClusterError> {
        let failed = || ClusterError::io("listen for a proxy");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed())?;
        let address = listener.local_addr().map_err(failed())?;
        let ended = Arc::new(AtomicBool::new(false));
        let told = ended.clone();
        std::thread::spawn(move || {
            for (connection, server) in listener.incoming().zip(servers.iter().cycle()) {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                // A server that is down gets its turn, and refuses it.
                if let (Ok(client), Ok(server)) = (connection, TcpStream::connect(server)) {
                    let _ = join(client, server);
                }
            }
        });
        Ok(Self { address, ended })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees its end.
        let _ = TcpStream::connect(self.address);
    }
}

fn join(client: TcpStream, server: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy(client.try_clone()?, server.try_clone()?);
    copy(server, client);
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// Answers each connection with one byte.
    fn server(answer: u8) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let _ = connection.write_all(&[answer]);
            }
        });
        address
    }

    #[test]
    fn connections_go_to_the_servers_in_turn() {
        let proxy = Proxy::start(vec![server(b'a'), server(b'b')]).unwrap();
        let answers: Vec<u8> = (0..4)
            .map(|_| {
                let mut answer = [0];
                TcpStream::connect(proxy.address())
                    .unwrap()
                    .read_exact(&mut answer)
                    .unwrap();
                answer[0]
            })
            .collect();
        assert_eq!(answers, b"abab");
    }
}
