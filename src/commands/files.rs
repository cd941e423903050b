//! Files that are written as a whole or not at all.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Replaces a file as a whole. Whoever reads it, and whenever this is killed, there is the old one or the new one; what may
/// be left over beside it has a name that the textfile collector does not read.
pub(super) fn replace(path: &Path, mode: u32, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let target = match fs::metadata(path) {
        // A rename onto a folder fails too, but says less of it.
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        // It would replace what is no file, a device even, by one.
        Ok(found) if !found.is_file() => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        // What a link leads to is replaced, not the link.
        Ok(_) => fs::canonicalize(path)?,
        Err(_) => path.to_owned(),
    };
    let path = target.as_path();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".wgstat-")
        .suffix(".tmp")
        .tempfile_in(folder)
        .map_err(|error| without_path(&error))?;
    write(file.as_file_mut())?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The rename itself is on the disk only when the folder is.
    match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        // A folder may be written to by those who may not read it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

/// tempfile tells the name that the file would have had for a moment, which nobody asked for.
fn without_path(error: &io::Error) -> io::Error {
    let text = error.to_string();
    let cause = text.split_once(" at path ").map_or(&*text, |(cause, _)| cause);
    io::Error::new(error.kind(), cause)
}
