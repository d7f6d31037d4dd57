//! [`Features`]: what a backend supports.

use std::time::SystemTime;

#[cfg(doc)]
use crate::client::Client;
use crate::error::Error;

/// What a backend supports, and whether the credentials may read, as [`Client::probe`] found it.
///
/// Whether they may start runs is not tested: only a run that is started would show it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Features {
    /// Whether the credentials may read runs: the capability `dinoai:agent:read`.
    pub read: Access,
    /// What the server's clock said, from its first response with a `Date`; `None` if none has one.
    pub server_time: Option<SystemTime>,
    /// [`Client::trigger_run`], as the vendor's page has it.
    pub trigger_run: Support,
    /// The same with a base branch or a model family.
    pub trigger_options: Support,
    /// [`Client::send_message`], and with it [`Session::ask`](crate::Session::ask).
    pub send_message: Support,
    /// [`Client::get_run`].
    pub get_run: Support,
    /// What a wait polls: the status alone.
    pub status: Support,
    /// What a watch polls: the status, and which messages and children there are.
    pub digest: Support,
    /// [`Client::get_run_steps`].
    pub steps: Support,
    /// [`Client::stop_run`], and with it stopping at a timeout.
    pub stop_run: Support,
    /// [`Client::list_workspaces`].
    pub list_workspaces: Support,
}

/// One feature: a document of this crate, and whether the backend supports it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Feature<'a> {
    /// The field of [`Features`], for example `steps`.
    pub name: &'static str,
    /// The name of the document's operation, for example `DinoaiAgentRunSteps`.
    pub operation: &'static str,
    /// Whether the backend supports it.
    pub support: &'a Support,
}

/// Whether a backend supports a document of this crate.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Support {
    /// The backend takes the document. Whether its response has the types that this crate reads, validation does
    /// not show: where the backend allows introspection, the command's `doctor` and `schema diff` compare them.
    Supported,
    /// The backend does not know a field or an argument that the document needs and that is not on the
    /// vendor's page: it is older than the feature. Calls that need it fail with [`Error::Unsupported`].
    #[non_exhaustive]
    NotSupported {
        /// The fields and arguments that it does not know, as the schema spells them.
        fields: Vec<String>,
    },
    /// The backend refuses the document for another reason, or does not know what the vendor's page has:
    /// its schema has moved. Calls that need it fail; look for a newer version of this crate.
    #[non_exhaustive]
    Broken {
        /// What the backend said.
        error: Error,
    },
    /// The credentials were refused for this document.
    #[non_exhaustive]
    Refused {
        /// What the backend said.
        error: Error,
    },
    /// Nothing is known: no usable response came, or the deadline passed before it was sent.
    #[non_exhaustive]
    NotChecked {
        /// What came instead.
        error: Error,
    },
}

/// Whether credentials may do something.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Access {
    /// They may: the backend looked for a run, and said that there is none.
    Granted,
    /// They were refused.
    #[non_exhaustive]
    Refused {
        /// What the backend said.
        error: Error,
    },
    /// Nothing is known: no usable response came, its errors say neither that there is no such run nor that
    /// the credentials may not read, or the client names no workspace.
    #[non_exhaustive]
    NotChecked {
        /// What came instead.
        error: Error,
    },
}

impl Features {
    /// All features, in the order of the fields.
    ///
    /// ```no_run
    /// use dinoai::Support;
    ///
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// for feature in client.probe().await?.iter() {
    ///     if let Support::NotSupported { fields, .. } = feature.support {
    ///         println!("{}: the backend does not know {}", feature.name, fields.join(", "));
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Feature<'_>> {
        let feature = |name, operation, support| Feature {
            name,
            operation,
            support,
        };
        [
            feature("trigger_run", "TriggerDinoaiAgentRun", &self.trigger_run),
            feature(
                "trigger_options",
                "TriggerDinoaiAgentRunWithOptions",
                &self.trigger_options,
            ),
            feature("send_message", "SendDinoaiAgentMessage", &self.send_message),
            feature("get_run", "DinoaiAgentRun", &self.get_run),
            feature("status", "DinoaiAgentRunStatus", &self.status),
            feature("digest", "DinoaiAgentRunDigest", &self.digest),
            feature("steps", "DinoaiAgentRunSteps", &self.steps),
            feature("stop_run", "StopDinoaiAgentRun", &self.stop_run),
            feature("list_workspaces", "ListWorkspaces", &self.list_workspaces),
        ]
        .into_iter()
    }
}

impl Support {
    /// Whether the backend takes the document.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let has_steps = client.probe().await?.steps.is_supported();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_supported(&self) -> bool {
        matches!(self, Self::Supported)
    }
}
