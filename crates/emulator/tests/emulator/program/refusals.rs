//! What the program cannot start with is reported in lines that a terminal can take, and it fails.

use std::process::Command;

use super::Program;

#[test]
fn it_fails_with_a_reason_where_its_port_is_taken() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let mut program = Program::start(&["--port", &port]);
    assert_eq!(program.0.wait().unwrap().code(), Some(1));
    let shown = program.standard_error();
    assert!(shown.contains(&port), "{shown}");
}

#[test]
fn what_it_cannot_start_with_is_reported_and_fails() {
    for (arguments, reason) in [
        (&["--agents", "no/such"][..], "cannot read no/such"),
        (&["--scenario", "no.yml"], "cannot read no.yml"),
        #[cfg(unix)]
        (&["--scenario", "/dev/zero"], "neither a file nor a pipe"),
        #[cfg(unix)]
        (&["--backend", "/dev/zero"], "neither a file nor a pipe"),
        (
            &["--backend", "no.graphql"],
            "the built-in ones are current and pages",
        ),
        (&["--fault", "meteor"], "unknown variant `meteor`"),
        (
            &["--fault", "{fault: pass, often: 2}"],
            "unknown field `often`",
        ),
        (
            &["--fault", "graphql_error"],
            "missing field `status` of the fault `graphql_error`",
        ),
        (
            &["--fault", "{fault: status, status: 1000}"],
            "`status` 1000 is none that an HTTP response can have",
        ),
        (
            &["--fault", "delay"],
            "missing field `delay_seconds` of the fault `delay`",
        ),
        (
            &["--fault", "{fault: delay, delay_seconds: .nan}"],
            "`delay_seconds`: NaN is not a finite number",
        ),
        (
            &["--fault", "{fault: delay, delay_seconds: .inf}"],
            "`delay_seconds`: inf is not a finite number",
        ),
        (
            &["--fault", "{fault: gzip_bomb, bytes: 18446744073709551615}"],
            "`bytes` is a whole number from 0 to 1099511627776",
        ),
        (
            &["--fault", "{fault: delay, delay_seconds: 1, bytes: 1}"],
            "`bytes` does not belong to the fault `delay`",
        ),
        (
            &["--allow-host", "http://a:4000"],
            "'http://a:4000' is not a host",
        ),
        (
            &["--refusal-status", "500"],
            "possible values: 200, 400, 422",
        ),
        (&["--latency", "soon"], "not a number"),
        (&["--timestamp-resolution=-1"], "negative"),
        (&["--host", "nowhere"], "invalid IP address"),
    ] {
        let program = env!("CARGO_BIN_EXE_dinoai-emulator");
        let output = Command::new(program)
            .args(["--port=0"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        let shown = String::from_utf8(output.stderr).unwrap();
        assert!(shown.contains(reason), "{shown}");
    }
}

/// What files say is not what the program says: no terminal and no CI system acts on it.
#[cfg(unix)]
#[test]
fn texts_of_files_are_shown_on_one_line_and_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, agent: &str| {
        let text = format!("name: {agent}\nversion: 1\nrole: r\ngoal: g\nbackstory: b\n");
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    let hostile = "a\n::add-mask::q\n##vso[task.complete]##[group]\u{1b}]0;t\u{7}\u{202e}";
    let agents = format!("--agents={}", folder.path().to_str().unwrap());
    let quoted = serde_json::to_string(hostile).unwrap();
    let check = |shown: &str| {
        assert!(
            shown.contains(r"a\u{a}::add-mask::q\u{a}#\u{23}vso["),
            "{shown}"
        );
        for line in shown.lines() {
            let is_plain = |it: char| !it.is_control() && it != '\u{202e}';
            assert!(line.chars().all(is_plain), "{line:?}");
            assert!(!line.starts_with("::") && !line.contains("##"), "{line}");
        }
    };
    write("x.yml", &quoted);
    let refused = Command::new(env!("CARGO_BIN_EXE_dinoai-emulator"))
        .args(["--port=0", &agents])
        .output()
        .unwrap();
    assert!(!refused.status.success());
    check(&String::from_utf8(refused.stderr).unwrap());
    std::fs::remove_file(folder.path().join("x.yml")).unwrap();
    write(&format!("{hostile}.yml").replace('/', "-"), &quoted);
    let mut program = Program::start(&[&agents]);
    program.exports();
    program.signal("TERM");
    check(&program.standard_error());
}
