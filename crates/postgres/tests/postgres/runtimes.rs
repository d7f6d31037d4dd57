//! It works in several runtimes, and after one has ended.

use dinoai_postgres::PostgresJournal;
use tokio::runtime::{Builder, Runtime};

use crate::support::{Server, find, started, store};

/// One whose tasks go on only while it is blocked on.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn after_its_runtime_has_ended() {
    let Some(server) = Server::start() else {
        return;
    };
    let first = runtime();
    let url = server.url("postgres", "");
    let journal = first.block_on(PostgresJournal::connect(url)).unwrap();
    first.block_on(store(&journal, "key", &started("a")));
    drop(first);
    for _ in 0..3 {
        let found = runtime().block_on(find(&journal, "key"));
        assert_eq!(found.unwrap().entry, started("a"));
    }
}

#[test]
fn while_another_stands_still() {
    let Some(server) = Server::start() else {
        return;
    };
    let (first, second) = (runtime(), runtime());
    let url = server.url("postgres", "");
    let journal = first.block_on(PostgresJournal::connect(url)).unwrap();
    for number in 0..3 {
        second.block_on(store(&journal, &format!("key-{number}"), &started("a")));
        let found = first.block_on(find(&journal, &format!("key-{number}")));
        assert_eq!(found.unwrap().entry, started("a"));
    }
}

#[test]
fn from_many_threads_at_once() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.url("postgres", "");
    let journal = runtime().block_on(PostgresJournal::connect(url)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let journal = &journal;
            scope.spawn(move || {
                let runtime = runtime();
                for number in 0..5 {
                    let key = format!("{thread}/{number}");
                    runtime.block_on(store(journal, &key, &started(&key)));
                }
            });
        }
    });
}

#[test]
fn outside_of_one_it_says_so() {
    use dinoai::journal::Journal;
    use std::task::{Context, Poll, Waker};

    let Some(server) = Server::start() else {
        return;
    };
    let url = server.url("postgres", "");
    let journal = runtime().block_on(PostgresJournal::connect(url)).unwrap();
    let mut call = journal.load("key");
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Err(error)) = call.as_mut().poll(&mut context) else {
        panic!("it has answered");
    };
    assert!(
        error.to_string().contains("outside of a tokio runtime"),
        "{error}"
    );
}
