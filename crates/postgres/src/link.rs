//! [`Link`]: the connection that is held, and made again once it is lost.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dinoai::journal::JournalError;
use tokio::runtime::{Handle, Id};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::address::{Address, Name, Server};
use crate::failure::{is_lost, is_read_only};
use crate::table;
use crate::tls::Connector;

/// How long it may take to connect, over all hosts.
const TO_CONNECT: Duration = Duration::from_secs(10);
/// How long a statement may take.
const TO_ANSWER: Duration = Duration::from_secs(10);
/// How long a call may take, whatever it does.
const IN_ALL: Duration = Duration::from_secs(15);
/// How long it may take to open one address of a host that has several.
const TO_OPEN: Duration = Duration::from_secs(5);
/// How long it is tried to cancel a statement.
const TO_CANCEL: Duration = Duration::from_secs(5);

/// The parameters of a statement.
pub(crate) type Parameters<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

/// The way to the server.
pub(crate) struct Link {
    address: Arc<Address>,
    /// One connection for each runtime, since only that one's tasks see to it.
    connections: Mutex<HashMap<Id, Connecting>>,
}

/// A connection that is being made, or was made.
type Connecting = watch::Receiver<Option<Result<Arc<Connection>, JournalError>>>;

/// A connection.
struct Connection {
    client: Client,
    name: Name,
    task: AbortHandle,
}

/// Rows, and where they come from.
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
    pub(crate) name: Name,
}

/// Whether a statement may be sent again where the connection was lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    Once,
    Never,
}

impl Link {
    pub(crate) fn new(address: Address) -> Self {
        Self {
            address: Arc::new(address),
            connections: Mutex::default(),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Connects, unless that was done.
    pub(crate) async fn connect(&self) -> Result<(), JournalError> {
        self.connection(Instant::now() + IN_ALL).await.map(drop)
    }

    /// Asks one statement, in one round trip.
    pub(crate) async fn ask(
        &self,
        statement: &str,
        parameters: Parameters<'_>,
        mut repeat: Repeat,
    ) -> Result<Answer, JournalError> {
        let end = Instant::now() + IN_ALL;
        loop {
            let connection = self.connection(end).await?;
            let name = &connection.name;
            let asked = connection.client.query_typed(statement, parameters);
            let until = end.min(Instant::now() + TO_ANSWER);
            let error = match timeout_at(until, asked).await {
                Ok(Ok(rows)) => {
                    let name = name.clone();
                    return Ok(Answer { rows, name });
                }
                Ok(Err(error)) => error,
                Err(_) => {
                    self.forget(&connection);
                    connection.give_up(self.address.connector.clone());
                    return Err(name.unavailable(
                        "the server has not answered within 10 s; check that it works, and that nobody has \
                         locked the table",
                    ));
                }
            };
            if is_lost(&error) || is_read_only(&error) {
                self.forget(&connection);
            }
            if is_lost(&error) && repeat == Repeat::Once {
                repeat = Repeat::Never;
                continue;
            }
            return Err(name.failed(error));
        }
    }

    /// The connection of this runtime. It is made by a task, for all who wait.
    async fn connection(&self, end: Instant) -> Result<Arc<Connection>, JournalError> {
        let runtime = Handle::try_current().map_err(|_| {
            JournalError::unusable(format!(
                "the journal on {} was used outside of a tokio runtime; call it within one",
                self.address
            ))
        })?;
        let mut connecting = self.connecting(&runtime);
        let gone = |problem: &str| {
            JournalError::unavailable(format!("the journal on {}: {problem}", self.address))
        };
        let made = timeout_at(end, connecting.wait_for(Option::is_some)).await;
        match made {
            Ok(Ok(made)) => match &*made {
                Some(made) => made.clone(),
                None => Err(gone("it is still being connected to; try again")),
            },
            Ok(Err(_)) => Err(gone("the runtime is shutting down")),
            Err(_) => Err(gone("it was not connected to in time; try again")),
        }
    }

    fn connecting(&self, runtime: &Handle) -> Connecting {
        let mut connections = lock(&self.connections);
        connections.retain(|_, connecting| is_good(connecting));
        match connections.entry(runtime.id()) {
            Entry::Occupied(connecting) => connecting.get().clone(),
            Entry::Vacant(place) => {
                let (made, connecting) = watch::channel(None);
                let address = self.address.clone();
                runtime.spawn(async move {
                    made.send_replace(Some(connect(&address).await));
                });
                place.insert(connecting).clone()
            }
        }
    }

    /// Lets the next call connect again.
    fn forget(&self, connection: &Arc<Connection>) {
        lock(&self.connections).retain(|_, connecting| match &*connecting.borrow() {
            Some(Ok(other)) => !Arc::ptr_eq(other, connection),
            _ => true,
        });
    }
}

/// Whether a connection is still being made, or works as far as is known.
fn is_good(connecting: &Connecting) -> bool {
    match &*connecting.borrow() {
        Some(Ok(connection)) => !connection.client.is_closed(),
        Some(Err(_)) => false,
        // Not if the task is gone, with its runtime.
        None => connecting.has_changed().is_ok(),
    }
}

impl Connection {
    /// Closes it for all, and asks the server to stop what hangs, so that it is not done much later.
    fn give_up(&self, connector: Connector) {
        let token = self.client.cancel_token();
        tokio::spawn(async move {
            if let Ok(Err(error)) = timeout(TO_CANCEL, token.cancel_query(connector)).await {
                tracing::debug!(%error, "a statement of the journal could not be cancelled");
            }
        });
        self.task.abort();
    }
}

/// Connects to the first server that can be used.
async fn connect(address: &Address) -> Result<Arc<Connection>, JournalError> {
    let end = Instant::now() + TO_CONNECT;
    let count = address.servers.len();
    let first = match address.is_random {
        true => RandomState::new().hash_one(0) as usize % count,
        false => 0,
    };
    let servers = address.servers.iter().cycle().skip(first).take(count);
    let mut left = count;
    let mut problems: Vec<JournalError> = vec![];
    for server in servers {
        let time = end.saturating_duration_since(Instant::now()) / left.max(1) as u32;
        left -= 1;
        match connect_to(server, &address.connector, time).await {
            Ok(connection) => return Ok(Arc::new(connection)),
            // As libpq: one that refuses is not passed over.
            Err(error) if !error.is_transient() => return Err(error),
            Err(error) => problems.push(error),
        }
    }
    let last = problems.pop();
    let Some(last) = last else {
        return Err(JournalError::unusable(
            "the URL of the journal names no host",
        ));
    };
    if problems.is_empty() {
        return Err(last);
    }
    let mut texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    texts.push(last.to_string());
    Err(JournalError::unavailable(texts.join("; ")))
}

async fn connect_to(
    server: &Server,
    connector: &Connector,
    time: Duration,
) -> Result<Connection, JournalError> {
    let name = server.name.clone();
    let mut config = server.config.clone();
    let given = config.get_connect_timeout().copied();
    let time = given.unwrap_or(time).min(time);
    config.connect_timeout(time.min(TO_OPEN));
    let connected = timeout(time, async {
        let connected = config.connect(connector.clone()).await;
        let (client, connection) = connected.map_err(|error| name.failed(error))?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection of the journal is lost");
            }
        });
        let connection = Connection {
            client,
            name: name.clone(),
            task: task.abort_handle(),
        };
        table::ensure(&connection.client, &name).await?;
        Ok(connection)
    });
    connected.await.unwrap_or_else(|_| {
        let seconds = time.as_secs_f64();
        Err(server.name.unavailable(&format!(
            "it has not answered within {seconds:.0} s; check that it runs, and host and port in the URL"
        )))
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
