//! [`Call`]: what a client's calls return.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use super::api::Api;
use crate::error::{Error, Result};
use crate::transport::{CallOptions, Retry};

/// The future of a [`Call`], of a wait or of a follow-up: it owns what it needs, so that it can be
/// spawned.
pub type CallFuture<T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'static>>;

/// One call of the API.
///
/// Await it; nothing is sent before.
///
/// ```no_run
/// use std::time::Duration;
/// use dinoai::{Client, Retry};
///
/// # async fn example(client: Client) -> dinoai::Result<()> {
/// let run = client
///     .get_run("xwzdneft6emspe0f")
///     .timeout(Duration::from_secs(5))
///     .retry(Retry::none())
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// To spawn it, call [`into_future`](IntoFuture::into_future).
#[must_use = "a call sends nothing until it is awaited"]
pub struct Call<T> {
    api: Api,
    timeout: Option<Duration>,
    retry: Option<Retry>,
    make: Box<Make<T>>,
}

type Make<T> = dyn FnOnce(Api, CallOptions) -> CallFuture<T> + Send;

impl<T> Call<T> {
    pub(crate) fn new<F>(
        api: Api,
        make: impl FnOnce(Api, CallOptions) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        Self {
            api,
            timeout: None,
            retry: None,
            make: Box::new(|api, options| Box::pin(make(api, options))),
        }
    }

    /// Sets how long this call may take, all attempts and pauses included.
    ///
    /// Without it the client's [`Retry`] decides: 2 minutes by default. A trigger or a follow-up
    /// that has left by then is still awaited as long as the request timeout says, since the
    /// session id is in its response. Zero is [`Error::InvalidRequest`] once the call is awaited.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let soon = std::time::Duration::from_secs(2);
    /// println!("{}", client.get_run("xwzdneft6emspe0f").timeout(soon).await?.status);
    /// # Ok(())
    /// # }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how often, and for how long, this call is tried, in place of the client's [`Retry`].
    ///
    /// What may be sent again is not changed by it.
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let once = dinoai::Retry::none();
    /// println!("{}", client.get_run("xwzdneft6emspe0f").retry(once).await?.status);
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }
}

impl<T: 'static> IntoFuture for Call<T> {
    type Output = Result<T>;
    type IntoFuture = CallFuture<T>;

    fn into_future(self) -> CallFuture<T> {
        let Self {
            api,
            timeout,
            retry,
            make,
        } = self;
        Box::pin(async move {
            if timeout.is_some_and(|timeout| timeout.is_zero()) {
                return Err(Error::zero("timeout"));
            }
            let retry = match (timeout, retry) {
                (Some(timeout), retry) => {
                    let retry = retry.unwrap_or_else(|| api.retry().clone());
                    Some(retry.with_call_timeout(timeout))
                }
                (None, retry) => retry,
            };
            let deadline = timeout.map(|timeout| api.clock().now().saturating_add(timeout));
            let options = CallOptions {
                deadline,
                retry,
                ..CallOptions::default()
            };
            make(api, options).await
        })
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Call")
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
