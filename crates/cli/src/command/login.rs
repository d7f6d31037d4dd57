//! `dinoai login`: asks for endpoint and credentials, and writes the file that both this command
//! and the vendor's read.

mod prompt;
mod store;

use dinoai::{Client, Credentials};

use crate::account::file;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::Global;
use crate::output::Output;
use prompt::Prompt;

pub(crate) fn login(global: &Global, output: &Output) -> Result<Exit, Failure> {
    let path = file::path(global).ok_or_else(|| {
        Failure::usage("there is no home folder: name a file with --credentials-file")
    })?;
    let mut prompt = Prompt::open()?;
    if path.exists() {
        let answer = prompt.line("Do you want to overwrite existing credentials? [y/N]: ")?;
        if !matches!(answer.to_lowercase().as_str(), "y" | "yes") {
            return Err(Failure::usage("the credentials are left as they are"));
        }
    }
    output.note(
        "API credentials are generated at https://app.paradime.io/settings/current-workspace",
    );
    let secret = prompt.secret("API secret, or token (prdm_wsp_…, prdm_cmp_…): ")?;
    let mut lines = vec![];
    let credentials = if secret.starts_with("prdm_wsp_") {
        Credentials::workspace_token(&secret)
    } else if secret.starts_with("prdm_cmp_") {
        let uid = prompt.filled("Workspace UID: ")?;
        lines.push(("WORKSPACE_UID", uid.clone()));
        Credentials::company_token(&secret, uid)
    } else {
        let key = prompt.filled("API key: ")?;
        lines.push(("API_KEY", key.clone()));
        Credentials::key_and_secret(key, &secret)
    };
    let endpoint = match &global.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => prompt.filled("API endpoint: ")?,
    };
    // What no client could be made of is not worth keeping.
    Client::new(&endpoint, credentials)?;
    lines.push(("API_SECRET", secret));
    lines.insert(0, ("API_ENDPOINT", endpoint));
    let text: String = lines
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    store::write(&path, &text).map_err(|error| {
        Failure::system(format!("{} cannot be written: {error}", path.display()))
    })?;
    output.note(&format!("Written to {}.", path.display()));
    Ok(Exit::Done)
}
