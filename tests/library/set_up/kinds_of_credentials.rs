//! Each kind of credentials is recognised and reaches the server.

use dinoai::{Client, Credentials};
use httpmock::MockServer;

use crate::set_up::clients::call;
use crate::support::fault_server::{FaultServer, SESSION};

#[tokio::test]
async fn a_client_with_every_kind_of_credentials_reaches_the_server() {
    let server = FaultServer::start([]).await;
    for credentials in [
        Credentials::key_and_secret("key", "secret"),
        Credentials::workspace_token("prdm_wsp_token"),
        Credentials::company_token("prdm_cmp_token", "w1"),
    ] {
        let client = Client::new(server.endpoint(), credentials).unwrap();
        client.get_run(SESSION).await.unwrap();
    }
}

#[tokio::test]
async fn each_kind_of_token_is_recognised_by_its_prefix() {
    for (secret, uid) in [
        ("prdm_wsp_of-the-test", None),
        ("prdm_cmp_of-the-test", Some("workspace-of-the-test")),
    ] {
        let server = MockServer::start_async().await;
        let requests = server
            .mock_async(|when, then| {
                let when = when
                    .header("authorization", format!("Bearer {secret}"))
                    .header_missing("x-api-key")
                    .header_missing("x-api-secret");
                match uid {
                    Some(uid) => when.header("x-paradime-workspace", uid),
                    None => when.header_missing("x-paradime-workspace"),
                };
                then.status(404);
            })
            .await;
        let endpoint = server.url("/graphql");
        let mut variables = vec![
            ("PARADIME_API_ENDPOINT", endpoint.as_str()),
            ("PARADIME_API_SECRET", secret),
        ];
        variables.extend(uid.map(|uid| ("PARADIME_WORKSPACE_UID", uid)));
        assert_eq!(call("from_env", &variables), "HTTP 404");
        assert_eq!(requests.calls(), 1);
    }
}
