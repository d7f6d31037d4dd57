//! Which settings are found where, and what errors say of them.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

fn place<'a>(variables: &'a [(&'a str, &'a str)]) -> Place<'a> {
    Place {
        name: "in the test".to_owned(),
        is_file: false,
        look_up: Box::new(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        }),
    }
}

fn find(variables: &[(&str, &str)]) -> Result<Account, Error> {
    Values::find(&[place(variables)], Wanted::ALL)?.account(Wanted::ALL, "in the environment")
}

fn sent(credentials: &Credentials) -> Vec<(String, String)> {
    let headers = credentials.headers().unwrap();
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn the_kind_follows_from_the_secrets_prefix() {
    let endpoint = ("API_ENDPOINT", "https://host/graphql");
    let key = ("API_KEY", "k");
    let workspace = ("WORKSPACE_UID", "w1");
    let headers = |variables: &[(&str, &str)]| sent(&find(variables).unwrap().credentials.unwrap());
    insta::assert_debug_snapshot!([
        headers(&[endpoint, key, ("API_SECRET", "s")]),
        headers(&[endpoint, key, ("API_SECRET", "s"), workspace]),
        headers(&[endpoint, key, ("API_SECRET", "prdm_wsp_t")]),
        headers(&[endpoint, ("API_SECRET", "prdm_cmp_t"), workspace]),
    ],
@r#"
[
    [
        (
            "x-api-key",
            "k",
        ),
        (
            "x-api-secret",
            "s",
        ),
    ],
    [
        (
            "x-api-key",
            "k",
        ),
        (
            "x-api-secret",
            "s",
        ),
        (
            "x-paradime-workspace",
            "w1",
        ),
    ],
    [
        (
            "authorization",
            "Bearer prdm_wsp_t",
        ),
    ],
    [
        (
            "authorization",
            "Bearer prdm_cmp_t",
        ),
        (
            "x-paradime-workspace",
            "w1",
        ),
    ],
]
"#);
}

#[test]
fn the_prefixed_name_wins_and_an_empty_variable_is_unset() {
    let account = find(&[
        ("PARADIME_API_ENDPOINT", ""),
        ("API_ENDPOINT", "https://old/graphql"),
        ("PARADIME_API_KEY", "new"),
        ("API_KEY", "old"),
        ("PARADIME_API_SECRET", "s"),
        ("PARADIME_WORKSPACE_UID", ""),
    ])
    .unwrap();
    assert_eq!(account.endpoint.as_deref(), Some("https://old/graphql"));
    assert_eq!(
        account.credentials.as_ref().unwrap().secrets(),
        ["new", "s"]
    );
    assert_eq!(
        account
            .credentials
            .as_ref()
            .unwrap()
            .headers()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn what_is_missing_is_named_with_the_ways_to_set_it() {
    let endpoint = ("PARADIME_API_ENDPOINT", "https://host/graphql");
    let refusal = |variables: &[(&str, &str)]| find(variables).err().unwrap().to_string();
    insta::assert_snapshot!(
        [
            refusal(&[]),
            refusal(&[endpoint]),
            refusal(&[("PARADIME_API_SECRET", "s")]),
            refusal(&[endpoint, ("PARADIME_API_SECRET", "s")]),
            refusal(&[endpoint, ("PARADIME_API_SECRET", "prdm_cmp_t")]),
        ]
        .join("\n"),
@r"
PARADIME_API_ENDPOINT (the URL shown when the API key was generated), PARADIME_API_KEY (the API key, unless the secret is a token) and PARADIME_API_SECRET (the API key's secret, or a token) are missing: set them in the environment
PARADIME_API_KEY (the API key, unless the secret is a token) and PARADIME_API_SECRET (the API key's secret, or a token) are missing: set them in the environment
PARADIME_API_ENDPOINT (the URL shown when the API key was generated) and PARADIME_API_KEY (the API key, which a secret that is no token needs) are missing: set them in the environment
PARADIME_API_KEY (the API key, which a secret that is no token needs) is missing: set it in the environment
PARADIME_WORKSPACE_UID (which a company token needs) is missing: set it in the environment
");
}

/// A credentials file in a folder of its own.
fn file(text: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("credentials");
    fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn the_environment_wins_and_the_file_fills_what_is_missing() {
    let (_folder, path) = file(
        b"# written by hand\n\nexport API_ENDPOINT = 'https://file/graphql'\nAPI_KEY=file\n\
          API_SECRET=a$b#c\\d=e\n",
    );
    let variables = [("PARADIME_API_KEY", "environment")];
    let account = Account::from_place_or_file(place(&variables), &path, Wanted::ALL).unwrap();
    assert_eq!(account.endpoint.as_deref(), Some("https://file/graphql"));
    assert_eq!(
        account.credentials.as_ref().unwrap().secrets(),
        ["environment", "a$b#c\\d=e"]
    );
}

/// `API_ENDPOINT` is a name that any product may use: what the file holds was never meant for
/// the address in it.
#[test]
fn an_endpoint_that_may_be_anothers_does_not_get_the_files_secret() {
    let (_folder, path) =
        file(b"API_ENDPOINT=https://canary-file/graphql\nAPI_KEY=canary\nAPI_SECRET=canary\n");
    let other = ("API_ENDPOINT", "https://canary-other/graphql");
    let refusal = |variables: &[(&str, &str)]| {
        let account = Account::from_place_or_file(place(variables), &path, Wanted::ALL);
        let refusal = account.err().unwrap().to_string();
        refusal.replace(&path.display().to_string(), "FILE")
    };
    insta::assert_snapshot!(
        [
            refusal(&[other]),
            refusal(&[other, ("PARADIME_API_KEY", "canary")]),
        ]
        .join("\n"),
        @"
        endpoint (API_ENDPOINT in the test) may be another product's, so it does not get the secret (API_SECRET in FILE): set PARADIME_API_ENDPOINT, or put endpoint and secret in one place
        endpoint (API_ENDPOINT in the test) may be another product's, so it does not get the secret (API_SECRET in FILE): set PARADIME_API_ENDPOINT, or put endpoint and secret in one place
        "
    );
}

#[test]
fn an_endpoint_and_a_secret_that_belong_together_are_used() {
    let (_folder, path) = file(b"API_ENDPOINT=https://file/graphql\nAPI_KEY=k\nAPI_SECRET=file\n");
    for (variables, endpoint, secret) in [
        (vec![], "https://file/graphql", "file"),
        (
            vec![("PARADIME_API_ENDPOINT", "https://prefixed/graphql")],
            "https://prefixed/graphql",
            "file",
        ),
        (
            vec![
                ("PARADIME_API_ENDPOINT", "https://prefixed/graphql"),
                ("API_ENDPOINT", "https://other/graphql"),
            ],
            "https://prefixed/graphql",
            "file",
        ),
        (
            vec![("PARADIME_API_ENDPOINT", ""), ("PARADIME_API_KEY", "k")],
            "https://file/graphql",
            "file",
        ),
        (
            vec![("API_SECRET", "environment")],
            "https://file/graphql",
            "environment",
        ),
        (
            vec![
                ("API_ENDPOINT", "https://environment/graphql"),
                ("API_SECRET", "environment"),
            ],
            "https://environment/graphql",
            "environment",
        ),
    ] {
        let account = Account::from_place_or_file(place(&variables), &path, Wanted::ALL).unwrap();
        assert_eq!(account.endpoint.as_deref(), Some(endpoint), "{variables:?}");
        assert_eq!(
            account
                .credentials
                .as_ref()
                .unwrap()
                .secrets()
                .last()
                .unwrap(),
            secret,
            "{variables:?}"
        );
    }
}

#[test]
fn the_places_of_what_is_used_read_as_one_clause_without_any_value() {
    let (_folder, path) = file(
        b"API_ENDPOINT=https://canary/graphql\nAPI_KEY=canary\nAPI_SECRET=canary\n\
          WORKSPACE_UID=canary\n",
    );
    let described = |variables: &[(&str, &str)]| {
        let account = Account::from_place_or_file(place(variables), &path, Wanted::ALL).unwrap();
        let described = account.origins.describe().unwrap();
        described.replace(&path.display().to_string(), "FILE")
    };
    let endpoint = ("PARADIME_API_ENDPOINT", "https://canary/graphql");
    let key = ("API_KEY", "canary");
    let secret = ("API_SECRET", "canary");
    let token = ("API_SECRET", "prdm_wsp_canary");
    let uid = ("WORKSPACE_UID", "canary");
    insta::assert_snapshot!(
        [
            described(&[]),
            described(&[endpoint]),
            described(&[key]),
            described(&[endpoint, key, secret]),
            described(&[endpoint, key, secret, uid]),
            described(&[endpoint, key, token, uid]),
        ]
        .join("\n"),
        @"
        endpoint, key, secret and workspace uid from API_ENDPOINT, API_KEY, API_SECRET and WORKSPACE_UID in FILE
        endpoint from PARADIME_API_ENDPOINT in the test, key, secret and workspace uid from API_KEY, API_SECRET and WORKSPACE_UID in FILE
        endpoint, secret and workspace uid from API_ENDPOINT, API_SECRET and WORKSPACE_UID in FILE, key from API_KEY in the test
        endpoint, key and secret from PARADIME_API_ENDPOINT, API_KEY and API_SECRET in the test, workspace uid from WORKSPACE_UID in FILE
        endpoint, key, secret and workspace uid from PARADIME_API_ENDPOINT, API_KEY, API_SECRET and WORKSPACE_UID in the test
        endpoint, secret and workspace uid from PARADIME_API_ENDPOINT, API_SECRET and WORKSPACE_UID in the test
        "
    );
    assert_eq!(Origins::default().describe(), None);
}

#[test]
fn a_bad_file_that_is_not_needed_does_no_harm() {
    let (_folder, path) = file(b"\xff");
    let variables = [
        ("API_ENDPOINT", "https://host/graphql"),
        ("API_SECRET", "prdm_wsp_t"),
    ];
    assert!(Account::from_place_or_file(place(&variables), &path, Wanted::ALL).is_ok());
}

#[test]
fn a_bad_file_is_named_with_the_line_and_without_its_text() {
    let refusal = |path: &Path| {
        let error = Account::from_place_or_file(place(&[]), path, Wanted::ALL)
            .err()
            .unwrap();
        error
            .to_string()
            .replace(&path.display().to_string(), "FILE")
    };
    let (_malformed, malformed) = file(b"API_KEY=k\ncanary\n");
    let (_binary, binary) = file(b"API_KEY=\xff\n");
    let (folder, incomplete) = file(b"API_KEY=k\n");
    insta::assert_snapshot!(
        [
            refusal(&malformed),
            refusal(&binary),
            refusal(&incomplete),
            refusal(folder.path()),
            refusal(&folder.path().join("missing")),
        ]
        .join("\n"),
@r"
PARADIME_API_ENDPOINT (the URL shown when the API key was generated) and PARADIME_API_SECRET (the API key's secret, or a token) are missing: set them in the environment, or in FILE; nothing could be read from line 2 of that file
credentials file FILE is not a text file (UTF-8)
PARADIME_API_ENDPOINT (the URL shown when the API key was generated) and PARADIME_API_SECRET (the API key's secret, or a token) are missing: set them in the environment, or in FILE
credentials file FILE cannot be read: Is a directory (os error 21)
PARADIME_API_ENDPOINT (the URL shown when the API key was generated), PARADIME_API_KEY (the API key, unless the secret is a token) and PARADIME_API_SECRET (the API key's secret, or a token) are missing: set them in the environment, or in FILE, which does not exist
");
}

/// As for the vendor's command, whose reader sets no variable that is set, be it to nothing.
#[test]
fn a_variable_that_is_set_to_nothing_hides_the_files_of_its_name_alone() {
    let (_folder, path) = file(
        b"API_ENDPOINT=https://file/graphql\nAPI_KEY=canary\nPARADIME_API_SECRET=canary\n\
          API_SECRET=canary\n",
    );
    let hidden = [("API_ENDPOINT", ""), ("API_KEY", "")];
    let account = Account::from_place_or_file(place(&hidden), &path, Wanted::ALL);
    let refusal = account.err().unwrap().to_string();
    let refusal = refusal.replace(&path.display().to_string(), "FILE");
    insta::assert_snapshot!(refusal, @"PARADIME_API_ENDPOINT (the URL shown when the API key was generated) and PARADIME_API_KEY (the API key, which a secret that is no token needs) are missing: set them in the environment, or in FILE; the environment sets API_ENDPOINT and API_KEY to nothing, which hides what the file says");
    let other = [("PARADIME_API_SECRET", "")];
    assert!(Account::from_place_or_file(place(&other), &path, Wanted::ALL).is_ok());
}

#[test]
fn what_is_not_wanted_is_not_looked_for() {
    let (_folder, path) = file(b"API_KEY=k\nAPI_SECRET=s\n");
    let other = [("API_ENDPOINT", "https://other/graphql")];
    let wanted = Wanted {
        endpoint: false,
        credentials: true,
        workspace: true,
    };
    let account = Account::from_place_or_file(place(&other), &path, wanted).unwrap();
    assert_eq!(account.endpoint, None);
    assert_eq!(account.credentials.unwrap().secrets(), ["k", "s"]);
    assert_eq!(
        account
            .origins
            .describe()
            .unwrap()
            .replace(&path.display().to_string(), "FILE"),
        "key and secret from API_KEY and API_SECRET in FILE"
    );
    let wanted = Wanted {
        endpoint: true,
        credentials: false,
        workspace: true,
    };
    let account = Account::from_place_or_file(place(&other), &path, wanted).unwrap();
    assert_eq!(account.endpoint.as_deref(), Some("https://other/graphql"));
    assert!(account.credentials.is_none());
}

#[cfg(unix)]
#[test]
fn a_file_without_an_end_is_refused() {
    let error = Account::from_file_alone(Path::new("/dev/zero"));
    let error = error.err().unwrap().to_string();
    assert!(error.contains("is larger than 1024 KiB"), "{error}");
}
