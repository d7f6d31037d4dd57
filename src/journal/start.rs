//! Starts the run of a key, or finds what was started before.
//!
//! The work is done on a task of its own, so that the outcome of a trigger that has left is recorded although
//! the caller has dropped the call. [`claiming`](super::claiming) takes the key, or says why not; here the
//! request is sent; [`record`](super::record) stores what came of it.

use std::panic::resume_unwind;

use tokio::sync::oneshot;
use tracing::Instrument;

use super::claim::Claim;
use super::claiming::{Claimed, Claims, new_owner};
use super::entry::{RequestDigest, account};
use super::once::{Keyed, OnUnrecorded, Once, Reply};
use super::record::{record_once, record_outcome};
use super::restart::Before;
use super::rules::{Outcome, check_key};
use crate::error::{Error, Result};
use crate::operations::documents::TriggerDinoaiAgentRun;
use crate::operations::{Api, check_request};
use crate::transport::{CallOptions, Operation};

impl Keyed {
    /// Starts the run, or finds what was started before.
    pub(crate) async fn start(self, on_unrecorded: Option<Box<OnUnrecorded>>) -> Result<Once> {
        check_request(&self.request)?;
        check_key(&self.key)?;
        // Before the key is bound to an account that is none.
        let executor = self.api.executor();
        executor.check_workspace(&TriggerDinoaiAgentRun::INFO)?;
        let call = || TriggerDinoaiAgentRun::INFO.call();
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::outside_of_tokio(call()));
        }
        // Closed once this future is dropped: what has not left by then does not leave.
        let api = self.api.child();
        let _closes = api.closed().clone().drop_guard();
        let (reply, result) = oneshot::channel();
        let task = tokio::spawn(self.on_task(api, reply, on_unrecorded).in_current_span());
        if let Ok(result) = result.await {
            return result;
        }
        match task.await.map_err(tokio::task::JoinError::try_into_panic) {
            // The caller's own callback's.
            Err(Ok(panic)) => resume_unwind(panic),
            _ => Err(Error::lost(
                call(),
                "the task that was sending it is gone".to_owned(),
            )),
        }
    }

    async fn on_task(self, api: Api, reply: Reply, on_unrecorded: Option<Box<OnUnrecorded>>) {
        let mut claims = Claims {
            account: account(&api.account()),
            digest: RequestDigest::of(&self.request),
            api: &api,
            start: &self,
            owner: new_owner(),
            unsettled: None,
        };
        let claimed = claims.claim().await;
        let unsettled = claims.unsettled.take();
        let once = match claimed {
            Ok(Claimed::Now(claim)) => {
                return self.send(&api, *claim, reply, on_unrecorded).await;
            }
            Ok(Claimed::No(once)) => Ok(once),
            Err(error) => Err(error),
        };
        let (journal, key) = (&*self.journal, &*self.key);
        let nothing = Outcome::NotStarted("it was not sent: the journal failed".to_owned());
        let unsettled = match unsettled {
            None => None,
            // The journal may have it all the same. Before the caller is answered, since the program may end
            // then.
            Some(claim) => {
                let given_back = record_once(&api, journal, key, &claim, &nothing).await;
                given_back.err().map(|error| (claim, error))
            }
        };
        // Nobody listens any more where the call was dropped, here and below.
        let _ = reply.send(once);
        if let Some((claim, error)) = unsettled {
            record_outcome(&api, journal, key, &claim, &nothing, Some(error)).await;
        }
    }

    /// Sends the request of a claim, and records what came of it.
    async fn send(
        self,
        api: &Api,
        claim: Claim,
        reply: Reply,
        on_unrecorded: Option<Box<OnUnrecorded>>,
    ) {
        let end = api.clock().now().saturating_add(claim.limit);
        let options = CallOptions {
            deadline: Some(self.deadline.map_or(end, |deadline| deadline.min(end))),
            retry: self.retry,
            returns_rate_limits: self.returns_rate_limits,
            leaves_before: Some(claim.leaves_before),
            ..CallOptions::default()
        };
        let result = api.trigger(self.request, options).await;
        let outcome = Outcome::of(&result);
        let result = result.map(|accepted| Once::Started {
            accepted,
            failed: match &claim.before {
                Some(Before::Failed(run)) => Some(run.clone()),
                Some(Before::Was(_)) | None => None,
            },
            owner: claim.owner.clone(),
        });
        let (journal, key) = (self.journal, self.key);
        let Err(error) = record_once(api, &*journal, &key, &claim, &outcome).await else {
            drop(claim);
            let _ = reply.send(result);
            return;
        };
        let id = match &outcome {
            Outcome::Started(id) => Some(id.clone()),
            Outcome::NotStarted(_) | Outcome::Unknown(_) => None,
        };
        // On a task of its own, whatever the caller's function does.
        let (api, failed) = (api.clone(), error.clone());
        let recording = async move {
            record_outcome(&api, &*journal, &key, &claim, &outcome, Some(failed)).await;
        };
        tokio::spawn(recording.in_current_span());
        if let Some(id) = id {
            tracing::warn!(session_id = %id, %error, "the journal has not taken a session id; trying again");
            if let Some(on_unrecorded) = on_unrecorded {
                on_unrecorded(&id, &error);
            }
        }
        let _ = reply.send(result);
    }
}
