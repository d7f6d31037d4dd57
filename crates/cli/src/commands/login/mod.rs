//! `dinoai login`: asks for endpoint and credentials, and writes the file that both this command
//! and the vendor's read.
//!
//! [`login`] asks on a [`PromptThread`], whose [`Prompt`] writes the questions and reads the
//! answers.

mod prompt;

use dinoai::{Client, Credentials};

use crate::account;
use crate::args::{Format, GlobalArgs};
use crate::output::Output;
use crate::report::{ExitStatus, Failure};
use prompt::{Prompt, PromptThread};

pub(crate) fn login(global: &GlobalArgs, output: &Output) -> Result<ExitStatus, Failure> {
    if output.format != Format::Text {
        return Err(Failure::usage(
            "login asks its questions as text; omit --output",
        ));
    }
    let path = account::credentials_file(global).ok_or_else(|| {
        Failure::usage("no home folder found; name a file with --credentials-file")
    })?;
    // Nobody is to type a secret in vain.
    account::refuse_unwritable(&path)?;
    let mut prompts = PromptThread::begin(output)?;
    // Also a link that leads nowhere.
    if path.symlink_metadata().is_ok() {
        let question = "Do you want to overwrite existing credentials? [y/N]: ";
        let answer = prompts.ask(move |prompt| prompt.line(question))?;
        if !matches!(answer.to_lowercase().as_str(), "y" | "yes") {
            return Err(Failure::usage(
                "nothing was written; to overwrite, answer y",
            ));
        }
    }
    output.note("Generate API credentials at https://app.paradime.io/settings/current-workspace");
    // Questions go to the terminal by themselves.
    output.block_until_written(None);
    let endpoint = global.endpoint.clone();
    let (endpoint, credentials) = prompts.ask(|prompt| ask_for_account(prompt, endpoint))?;
    // What no client could be made of is not worth keeping.
    Client::new(&endpoint, credentials.clone())?;
    credentials.save(&endpoint, &path)?;
    output.note(&format!("Saved to {}.", path.display()));
    Ok(ExitStatus::Done)
}

/// Asks for the credentials, and for the endpoint if it is not given.
fn ask_for_account(
    prompt: &mut Prompt,
    endpoint: Option<String>,
) -> Result<(String, Credentials), Failure> {
    let secret = prompt.secret("API secret, or token (prdm_wsp_…, prdm_cmp_…): ")?;
    let credentials = if secret.starts_with("prdm_wsp_") {
        Credentials::workspace_token(secret)
    } else if secret.starts_with("prdm_cmp_") {
        Credentials::company_token(secret, prompt.filled("Workspace UID: ")?)
    } else {
        Credentials::key_and_secret(prompt.filled("API key: ")?, secret)
    };
    let endpoint = match endpoint {
        Some(endpoint) => endpoint,
        None => prompt.filled("API endpoint: ")?,
    };
    Ok((endpoint, credentials))
}
