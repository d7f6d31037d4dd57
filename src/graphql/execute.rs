//! Sends documents of the user's own.

use serde::de::DeserializeOwned;

use super::document::OwnDocument;
use super::response::Response;
use crate::error::Result;
use crate::operations::Api;
use crate::transport::{CallOptions, Safety};

impl Api {
    /// Sends a document of the user's own.
    pub(crate) async fn execute<T: DeserializeOwned>(
        &self,
        document: OwnDocument,
        options: CallOptions,
    ) -> Result<Response<T>> {
        let OwnDocument { info, roots, body } = document;
        let options = match info.safety {
            Safety::Never => self.starting(options),
            Safety::Read | Safety::Idempotent => options,
        };
        let executor = self.executor();
        let context = executor.context();
        let sent = executor.send(&info, body, None, options, |response, call| {
            response.whole::<T>(&info, &roots, call, context)
        });
        let (data, errors) = sent.await?;
        Ok(Response { data, errors })
    }
}
