//! Opens listening sockets, and takes over those that systemd passes.

use std::fs::{self, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use rustix::fs::Mode;

use crate::model::ListenAddress;

/// Owns a listening socket. A socket file that it created is removed on drop.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: Socket,
    /// The address it listens on.
    pub address: ListenAddress,
    /// Socket file to remove on drop; `None` if systemd owns it.
    file: Option<PathBuf>,
}

/// Holds the socket itself.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens on an address. A socket file gets this mode (`chmod(2)`).
    ///
    /// # Errors
    /// Fails as `bind(2)` does. A stale socket file is replaced; any other file is not.
    pub fn bind(address: &ListenAddress, mode: u32) -> io::Result<Self> {
        match address {
            ListenAddress::Tcp(address) => Self::from_tcp(TcpListener::bind(address)?),
            ListenAddress::Unix(path) => {
                remove_stale(path)?;
                // No client may connect before the file has its mode.
                let old_mask = rustix::process::umask(Mode::from_raw_mode(0o777));
                let bound = UnixListener::bind(path);
                rustix::process::umask(old_mask);
                let listener = bound?;
                fs::set_permissions(path, Permissions::from_mode(mode))?;
                let mut listener = Self::from_unix(listener)?;
                listener.file = Some(path.clone());
                Ok(listener)
            }
        }
    }

    fn from_tcp(socket: TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = ListenAddress::Tcp(socket.local_addr()?);
        Ok(Self { socket: Socket::Tcp(socket), address, file: None })
    }

    fn from_unix(socket: UnixListener) -> io::Result<Self> {
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

/// Removes a socket file that no process listens on.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
            // A process listens on it, or this cannot be checked.
            _ => Err(io::ErrorKind::AddrInUse.into()),
        },
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => Ok(()),
    }
}

/// Returns the sockets that systemd passed (`sd_listen_fds(3)`); none if there are none.
///
/// # Errors
/// Returns an error if one of them is not a listening stream socket.
pub fn inherited_listeners() -> io::Result<Vec<Listener>> {
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..passed.len() {
        match passed.take_tcp_listener(index) {
            Ok(socket) => listeners.extend(socket.map(Listener::from_tcp).transpose()?),
            Err(_) => listeners.extend(passed.take_unix_listener(index)?.map(Listener::from_unix).transpose()?),
        }
    }
    Ok(listeners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stale_socket_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sock");
        let address = ListenAddress::Unix(path.clone());
        let first = Listener::bind(&address, 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Listener::bind(&address, 0o600).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(!path.exists(), "the file is removed with its listener");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        Listener::bind(&address, 0o666).unwrap();
        fs::write(&path, "precious").unwrap();
        assert_eq!(Listener::bind(&address, 0o600).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}
