//! Where the lines of earlier conversations are kept.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::environment;

/// A file beside the credentials. Not the vendor's, which has another form. `None` where there
/// is no home, which is not made for it, or no folder can be made in it.
pub(super) fn path() -> Option<PathBuf> {
    let folder = environment::paradime_folder()?;
    #[cfg_attr(not(unix), allow(unused_mut, reason = "the mode is Unix's"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    match builder.create(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return None,
        _ => {}
    }
    Some(folder.join("dinoai_chat_history"))
}
