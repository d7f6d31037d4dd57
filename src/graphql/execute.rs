//! Sends documents of the user's own.

use serde::de::DeserializeOwned;

use super::document::OwnDocument;
use super::response::Response;
use crate::error::Result;
use crate::operations::Api;
use crate::transport::{CallOptions, Safety};

impl Api {
    /// Sends a document of the user's own, as those of this crate are sent.
    pub(crate) async fn execute<T: DeserializeOwned>(
        &self,
        document: OwnDocument<T>,
        options: CallOptions,
    ) -> Result<Response<T>> {
        let OwnDocument { body, reader } = document;
        let options = match reader.info.safety {
            Safety::Never => self.starting(options),
            Safety::Read | Safety::Idempotent => options,
        };
        self.executor().execute(body, &reader, options).await
    }
}
