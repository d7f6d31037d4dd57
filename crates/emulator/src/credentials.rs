//! The demo credentials of an emulator, of each kind that the API knows; its workspaces; and what a
//! request's headers allow.
//!
//! The credentials are the same for every emulator: they open nothing but a server on this machine.

use std::sync::Arc;

use axum::http::HeaderMap;

/// The part of the endpoint's path that stands for the company.
pub(crate) const ENDPOINT_TOKEN: &str = "demo-company";
pub(crate) const KEY: &str = "demo-key";
pub(crate) const SECRET: &str = "demo-secret";
pub(crate) const WORKSPACE_TOKEN: &str = "prdm_wsp_demo";
pub(crate) const COMPANY_TOKEN: &str = "prdm_cmp_demo";
pub(crate) const WORKSPACE_UID: &str = "demo-workspace";
const WORKSPACE_NAME: &str = "Demo workspace";

const KEY_HEADER: &str = "x-api-key";
const SECRET_HEADER: &str = "x-api-secret";
const WORKSPACE_HEADER: &str = "x-paradime-workspace";

/// Whether a header carries a credential, so that its value is not recorded.
pub(crate) fn is_credential(header: &str) -> bool {
    matches!(
        header,
        KEY_HEADER | SECRET_HEADER | "authorization" | "proxy-authorization" | "cookie"
    )
}

/// A workspace of an emulator: what is shown of it, and what its runs belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedWorkspace {
    pub(crate) uid: Arc<str>,
    pub(crate) name: String,
}

/// The workspaces of an emulator, in their order; the demo workspace is always there.
#[derive(Debug, Clone)]
pub(crate) struct Workspaces {
    all: Vec<NamedWorkspace>,
}

impl Default for Workspaces {
    fn default() -> Self {
        Self {
            all: vec![NamedWorkspace {
                uid: WORKSPACE_UID.into(),
                name: WORKSPACE_NAME.to_owned(),
            }],
        }
    }
}

impl Workspaces {
    /// Adds a workspace, or gives the one with this uid another name.
    pub(crate) fn add(&mut self, uid: String, name: String) {
        match self.all.iter_mut().find(|known| *known.uid == *uid) {
            Some(known) => known.name = name,
            None => self.all.push(NamedWorkspace {
                uid: uid.into(),
                name,
            }),
        }
    }

    pub(crate) fn all(&self) -> &[NamedWorkspace] {
        &self.all
    }

    /// What a request may do; `None` without valid credentials. A bearer token decides alone.
    pub(crate) fn access(&self, headers: &HeaderMap) -> Option<Access> {
        let named = headers.get(WORKSPACE_HEADER).map(|uid| {
            let is_it = |known: &&NamedWorkspace| known.uid.as_bytes() == uid.as_bytes();
            self.all.iter().find(is_it)
        });
        let in_demo = || Arc::clone(&self.all[0].uid);
        let in_named = || match named {
            Some(Some(workspace)) => Arc::clone(&workspace.uid),
            // Credentials of one workspace need no header.
            Some(None) | None => in_demo(),
        };
        match headers.get("authorization") {
            Some(authorization) => match authorization.to_str().ok().and_then(bearer) {
                Some(WORKSPACE_TOKEN) => Some(Access::Workspace(in_named())),
                Some(COMPANY_TOKEN) => match named {
                    Some(Some(workspace)) => Some(Access::Workspace(Arc::clone(&workspace.uid))),
                    Some(None) => None,
                    None => Some(Access::List),
                },
                _ => None,
            },
            None => {
                let is_valid = is(headers, KEY_HEADER, KEY) && is(headers, SECRET_HEADER, SECRET);
                is_valid.then(|| Access::Workspace(in_named()))
            }
        }
    }
}

/// What a request's credentials allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everything, in the workspace with this uid.
    Workspace(Arc<str>),
    /// To list the workspaces: a company token, and no workspace named.
    List,
}

impl Access {
    /// Whether a root field is within it.
    pub(crate) fn allows(&self, root_field: &str) -> bool {
        match self {
            Self::Workspace(_) => true,
            Self::List => root_field == "listWorkspaces",
        }
    }
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim_start())
}

fn is(headers: &HeaderMap, name: &str, value: &str) -> bool {
    headers
        .get(name)
        .is_some_and(|given| given.as_bytes() == value.as_bytes())
}
