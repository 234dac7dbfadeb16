//! Files that are either whole or not there: written beside their place, synced, then renamed.

use crate::error::DataError;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Creates or replaces the file at `path` with what `fill` writes; on an error the old file stays as it was.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&mut std::fs::File>) -> std::io::Result<()>,
) -> Result<(), DataError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(DataError::io("create", folder))?;
    let attempt = || -> std::io::Result<()> {
        let mut file = as_any_other_file().tempfile_in(folder)?;
        let mut out = BufWriter::with_capacity(1 << 16, file.as_file_mut());
        fill(&mut out)?;
        out.flush()?;
        drop(out);
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().map_err(DataError::io("write", path))
}

/// Temporary files are readable by their owner alone, results by whom the system's mask lets.
fn as_any_other_file() -> tempfile::Builder<'static, 'static> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "permissions are a matter of Unix"))]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}
