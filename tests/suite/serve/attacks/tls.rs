//! Abandons TLS handshakes.

use std::sync::Arc;

use tokio_rustls::rustls::ClientConnection;
use tokio_rustls::rustls::pki_types::ServerName;

use super::{CONNECTIONS, Stream, Target, WebFile, in_parallel, lock, stop, tls_client};
use crate::serve::client::{Client, eventually, get, metric};

#[test]
fn abandoned_tls_handshakes_leak_nothing() {
    let _lock = lock();
    let (web, config) = WebFile::tls();
    let server = web.start();
    let connect = || Client::over(Box::new(tls_client(&server, &config).stream) as Box<dyn Stream>);
    // The first message of a client.
    let hello = {
        let mut connection =
            ClientConnection::new(Arc::clone(&config), ServerName::from(server.address().ip())).unwrap();
        let mut bytes = Vec::new();
        connection.write_tls(&mut bytes).unwrap();
        bytes
    };
    let refused = || {
        // While all connections are in use, a TLS client is disconnected without a response.
        let text = eventually("a connection is accepted", || tls_client(&server, &config).get("/metrics").ok()).text();
        metric(&text, "wgstat_http_refused_total{reason=\"tls\"}")
    };
    Target { server: &server, connect: &connect, fields: &[] }.under_attack(|| {
        let before = refused();
        in_parallel(4, 2000, |number| {
            let mut client = server.client();
            let _ = match number % 5 {
                0 => Ok(()),
                1 => client.send(&hello[..hello.len() / 2]),
                2 => client.send(&hello),
                3 => client.send(get("/metrics", &[])),
                _ => client.send([b"\x16\x03\x01\xff\xff".to_vec(), vec![0; 1000]].concat()),
            };
            if number % 2 == 0 { client.reset() } else { drop(client) }
        });
        // Some may have been rejected before the handshake.
        let counted = eventually("they are counted", || Some(refused() - before).filter(|counted| *counted > 1000.0));
        assert!(counted <= 2000.0, "{counted}");
        // Clients that disconnect after the handshake.
        in_parallel(4, 400, |_| {
            let mut client = tls_client(&server, &config);
            let _ = client.send(get("/", &[]));
            Client::over(client.stream.sock).reset();
        });
        // Unfinished handshakes take all connections: other clients are rejected, nothing more.
        let mut held: Vec<Client> = (0..CONNECTIONS - 1).map(|_| server.client()).collect();
        for client in &mut held {
            client.send(&hello[..20]).unwrap();
        }
        eventually("all connections are in use", || tls_client(&server, &config).get("/health").is_err().then_some(()));
        drop(held);
        eventually("a connection is accepted", || tls_client(&server, &config).get("/health").ok());
    });
    stop(server);
}
