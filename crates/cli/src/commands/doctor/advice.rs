//! What to do about an error: every line that failed says it.

use dinoai::{Error, Obstacle};

const ENDPOINT: &str = "check PARADIME_API_ENDPOINT (or --endpoint): it is the URL shown when the API key was generated";
const LATER: &str = "run `dinoai doctor` again later; if it lasts, ask Paradime's support";

/// What to do where the credentials were refused for one document.
pub(super) const REFUSED: &str = "check the credentials and what they may do";

/// What to do about an error of the probe.
pub(super) fn fix(error: &Error) -> &'static str {
    match error {
        Error::NotSent { obstacle, .. } => of_obstacle(*obstacle),
        Error::Transport { .. } => "check the network, then run `dinoai doctor` again",
        Error::RateLimited { .. } => "wait a minute, then run `dinoai doctor` again",
        Error::Unauthorized { .. } => REFUSED,
        Error::Http { status, .. } if *status >= 500 => LATER,
        Error::Http { .. } | Error::Decode { .. } | Error::ResponseTooLarge { .. } => ENDPOINT,
        Error::Unsupported { .. } => "ask Paradime for an update of the workspace's backend",
        Error::InvalidConfig { .. } => {
            "check the options, the environment and the credentials file"
        }
        _ => LATER,
    }
}

fn of_obstacle(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::NameResolution => {
            "check the host in PARADIME_API_ENDPOINT (or --endpoint), and the network"
        }
        Obstacle::Certificate => {
            "check the endpoint and this machine's clock, or add the certificate's issuer to the \
             system's certificates"
        }
        Obstacle::Proxy => "check the proxy's address, and the host in PARADIME_API_ENDPOINT",
        Obstacle::ProxyCredentials => "give the proxy's user and password in its address",
        _ => "check PARADIME_API_ENDPOINT (or --endpoint), the network and its proxy",
    }
}
