//! `localhost` is this machine, whatever a resolver says.

use std::net::SocketAddr;

use dinoai::{Error, Retry};
use httpmock::MockServer;

use crate::set_up::clients::{client, count};

/// A resolver for which every name is another machine.
struct Elsewhere;

impl reqwest::dns::Resolve for Elsewhere {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let address = SocketAddr::from(([127, 0, 0, 99], 0));
        let addresses: reqwest::dns::Addrs = Box::new(std::iter::once(address));
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_a_resolver_says() {
    let server = MockServer::start_async().await;
    let requests = count(&server).await;
    let elsewhere = SocketAddr::from(([127, 0, 0, 99], 0));
    for name in ["localhost", "localhost."] {
        let endpoint = format!("http://{name}:{}/graphql", server.port());
        let builder = || client(&server).endpoint(&endpoint).retry(Retry::none());
        for builder in [
            builder().http_client(|http| http.dns_resolver(Elsewhere)),
            builder().http_client(move |http| http.resolve(name, elsewhere)),
        ] {
            let error = builder.build().unwrap().get_run("session").await;
            let error = error.unwrap_err();
            assert!(
                matches!(error, Error::Http { status: 404, .. }),
                "{error:?}"
            );
        }
    }
    assert_eq!(requests.calls(), 4);
}
