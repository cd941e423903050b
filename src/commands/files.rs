//! Replaces files atomically.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Replaces a file atomically: a reader sees the old content or the new one, also if the process is killed. A temporary file
/// that is left over has a name that the textfile collector ignores.
///
/// # Errors
/// Returns an error if the path is a directory or not a regular file, or if writing fails.
pub(super) fn replace(path: &Path, mode: u32, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let target = match fs::metadata(path) {
        // The error of a rename onto a directory would be less clear.
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        // The rename would replace a device or a socket by a file.
        Ok(found) if !found.is_file() => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        // Replace the target of a symbolic link, not the link.
        Ok(_) => fs::canonicalize(path)?,
        Err(_) => path.to_owned(),
    };
    let path = target.as_path();
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".wgstat-")
        .suffix(".tmp")
        .tempfile_in(directory)
        .map_err(|error| without_path(&error))?;
    write(file.as_file_mut())?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The rename is durable only after the directory is synced.
    match File::open(directory) {
        Ok(directory) => directory.sync_all(),
        // A directory can be writable without being readable.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes the name of the temporary file from an error of `tempfile`, because the user does not know it.
fn without_path(error: &io::Error) -> io::Error {
    let text = error.to_string();
    let cause = text.split_once(" at path ").map_or(&*text, |(cause, _)| cause);
    io::Error::new(error.kind(), cause)
}
