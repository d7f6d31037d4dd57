//! [`Workspace`]: what runs belong to.

use serde::{Deserialize, Serialize};

/// A workspace that credentials reach, from [`Client::list_workspaces`](crate::Client::list_workspaces).
///
/// ```no_run
/// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
/// for workspace in client.list_workspaces().await? {
///     println!("{} {}", workspace.uid, workspace.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Workspace {
    /// Its uid: what [`ClientBuilder::workspace`](crate::ClientBuilder::workspace) takes, and
    /// [`Run::workspace_uid`](crate::Run::workspace_uid) says.
    pub uid: String,
    /// What people call it.
    pub name: String,
}

impl Workspace {
    /// A workspace for a test.
    ///
    /// ```
    /// assert_eq!(dinoai::Workspace::new("w1", "Analytics").name, "Analytics");
    /// ```
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn new(uid: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uid: uid.into(),
            name: name.into(),
        }
    }
}
