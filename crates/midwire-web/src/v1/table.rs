//! The versioned routes.

use crate::openapi;
use crate::table::{Input, Route};

/// All versioned routes.
pub(crate) const ROUTES: &[Route] = &[Route {
    method: "GET",
    path: "/api/v1/openapi.json",
    summary: "This document.",
    query: &[],
    input: Input::Nothing,
    run: |call| Box::pin(openapi::serve(call)),
}];
