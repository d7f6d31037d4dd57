//! Where the lines of earlier conversations are kept.

use std::env;
use std::fs::DirBuilder;
use std::path::PathBuf;

/// A file beside the credentials. Not the vendor's, which has another form. `None` where there
/// is no home, or no folder can be made in it.
pub(super) fn path() -> Option<PathBuf> {
    let folder = env::home_dir()?.join(".paradime");
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(&folder).ok()?;
    Some(folder.join("dinoai_chat_history"))
}
