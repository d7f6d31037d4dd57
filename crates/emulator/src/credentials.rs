//! The demo credentials of an emulator, of each kind that the API knows, and the check of a
//! request's headers against them.
//!
//! They are the same for every emulator: they open nothing but a server on this machine.

use axum::http::HeaderMap;

/// The part of the endpoint's path that stands for the company.
pub(crate) const ENDPOINT_TOKEN: &str = "demo-company";
pub(crate) const KEY: &str = "demo-key";
pub(crate) const SECRET: &str = "demo-secret";
pub(crate) const WORKSPACE_TOKEN: &str = "prdm_wsp_demo";
pub(crate) const COMPANY_TOKEN: &str = "prdm_cmp_demo";
pub(crate) const WORKSPACE_UID: &str = "demo-workspace";

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

/// Whether a request may pass. A bearer token decides alone.
pub(crate) fn are_valid(headers: &HeaderMap) -> bool {
    match headers.get("authorization") {
        Some(authorization) => match authorization.to_str().ok().and_then(bearer) {
            Some(WORKSPACE_TOKEN) => true,
            Some(COMPANY_TOKEN) => is(headers, WORKSPACE_HEADER, WORKSPACE_UID),
            _ => false,
        },
        None => is(headers, KEY_HEADER, KEY) && is(headers, SECRET_HEADER, SECRET),
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
