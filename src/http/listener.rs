//! Sockets that listen: made of addresses, or handed over by systemd.

use std::fs::{self, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use rustix::fs::Mode;

use crate::model::ListenAddress;

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: Socket,
    /// Where.
    pub address: ListenAddress,
    /// The socket file that is ours to remove.
    file: Option<PathBuf>,
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens on an address; a socket file gets this mode, as of chmod(2).
    ///
    /// # Errors
    /// As `bind(2)`. A socket file that nobody listens on any more is replaced, any other file is not.
    pub fn bind(address: &ListenAddress, mode: u32) -> io::Result<Self> {
        match address {
            ListenAddress::Tcp(address) => Self::tcp(TcpListener::bind(address)?),
            ListenAddress::Unix(path) => {
                remove_stale(path)?;
                // No one else is to reach it before it has its mode.
                let before = rustix::process::umask(Mode::from_raw_mode(0o777));
                let bound = UnixListener::bind(path);
                rustix::process::umask(before);
                let listener = bound?;
                fs::set_permissions(path, Permissions::from_mode(mode))?;
                let mut listener = Self::unix(listener)?;
                listener.file = Some(path.clone());
                Ok(listener)
            }
        }
    }

    fn tcp(socket: TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = ListenAddress::Tcp(socket.local_addr()?);
        Ok(Self { socket: Socket::Tcp(socket), address, file: None })
    }

    fn unix(socket: UnixListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let path = socket.local_addr()?.as_pathname().map(Path::to_owned).unwrap_or_default();
        Ok(Self { socket: Socket::Unix(socket), address: ListenAddress::Unix(path), file: None })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = fs::remove_file(file);
        }
    }
}

/// Removes a socket file that whoever made it left behind.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
            // Somebody listens, or it cannot be told.
            _ => Err(io::ErrorKind::AddrInUse.into()),
        },
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => Ok(()),
    }
}

/// The sockets that systemd hands over; none where it started nothing.
///
/// # Errors
/// Where one of them does not listen for streams.
pub fn inherited() -> io::Result<Vec<Listener>> {
    let mut given = ListenFd::from_env();
    let mut listeners = Vec::new();
    for place in 0..given.len() {
        match given.take_tcp_listener(place) {
            Ok(socket) => listeners.extend(socket.map(Listener::tcp).transpose()?),
            Err(_) => listeners.extend(given.take_unix_listener(place)?.map(Listener::unix).transpose()?),
        }
    }
    Ok(listeners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_file_is_replaced_only_where_nobody_listens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sock");
        let address = ListenAddress::Unix(path.clone());
        let first = Listener::bind(&address, 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Listener::bind(&address, 0o600).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(!path.exists(), "it is removed with its listener");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        Listener::bind(&address, 0o666).unwrap();
        fs::write(&path, "precious").unwrap();
        assert_eq!(Listener::bind(&address, 0o600).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}
