//! The versioned routes.

use super::{
    actions, commands, compose, connect, content, detail, diff, events, files, filters, list,
    messages, options, rules, socket, state, stats, streams, tree,
};
use crate::routes::{commands as named, misc};
use crate::table::{Input, Route};
use crate::{openapi, table::table_of_routes};

table_of_routes! {
    GET "/api/v1/openapi.json" openapi::serve, Nothing, [], "This document.";
    GET "/api/v1/flows" list::list, Nothing, ["filter", "plain", "sort", "reverse", "offset", "count"], "A window on the list of flows.";
    GET "/api/v1/updates" socket::updates, WebSocket, [], "A view of one's own: rows, counts, events, search in bodies.";
    GET "/api/v1/flows/{id}" detail::get, Nothing, [], "One flow without content.";
    PUT "/api/v1/flows/{id}" detail::put, Json, [], "Change a flow.";
    GET "/api/v1/flows/{id}/export" commands::export_flow, Nothing, ["format", "redact"], "A flow as a command, code or raw text.";
    GET "/api/v1/flows/{id}/events" streams::list, Nothing, ["offset", "count"], "Events of a streamed response.";
    GET "/api/v1/flows/{id}/messages" messages::list, Nothing, ["offset", "count"], "Messages of a conversation.";
    POST "/api/v1/flows/{id}/messages" messages::inject, Json, [], "Send a message into a running conversation.";
    GET "/api/v1/flows/{id}/messages/{n}/view" messages::view, Nothing, ["name", "lines"], "A message in a content view.";
    GET "/api/v1/flows/{id}/messages/{n}/content" messages::bytes, Nothing, [], "The bytes of a message.";
    GET "/api/v1/flows/{id}/{message}/content" content::get, Nothing, ["decoded", "offset", "length", "original", "download"], "The content of a request or response, also in ranges.";
    GET "/api/v1/flows/{id}/{message}/image" content::image, Nothing, ["original"], "Content that is a raster picture.";
    GET "/api/v1/flows/{id}/{message}/view" content::view, Nothing, ["name", "lines", "original"], "Content in a content view.";
    GET "/api/v1/export-formats" commands::formats, Nothing, [], "The formats of exports.";
    POST "/api/v1/actions/{action}" actions::run, Json, [], "Replay, resume, kill, delete, duplicate, mark, comment, revert or mock flows.";
    POST "/api/v1/compose" compose::send, Json, [], "Send a request made by hand.";
    POST "/api/v1/compose/curl" compose::from_curl, Json, [], "Read a curl command line as a request.";
    GET "/api/v1/diff" diff::get, Nothing, ["a", "b", "part", "original"], "What differs between two messages.";
    GET "/api/v1/state" state::get, Nothing, [], "Listeners, authority, counts, and what is out of the ordinary.";
    GET "/api/v1/ca/{kind}" state::certificate, Nothing, [], "The certificate of the authority: pem, p12 or cer.";
    GET "/api/v1/options" options::get, Nothing, [], "All options with where their values came from.";
    PUT "/api/v1/options" options::put, Json, [], "Set options, all or none.";
    POST "/api/v1/options/save" options::save, Json, [], "Save options to a config file.";
    GET "/api/v1/commands" named::list, Nothing, [], "All commands by name.";
    POST "/api/v1/commands" commands::line, Json, [], "Run a command line.";
    POST "/api/v1/commands/{name}" named::run, Json, [], "Run a command.";
    GET "/api/v1/complete" commands::complete, Nothing, ["line"], "Lines that a line can become.";
    GET "/api/v1/events" events::list, Nothing, ["offset", "count", "level"], "Entries of the event log.";
    GET "/api/v1/filter-help" misc::filter_help, Nothing, [], "Operators of filter expressions.";
    GET "/api/v1/rules" rules::get, Nothing, [], "Rules of all kinds in one list.";
    PUT "/api/v1/rules" rules::put, Json, [], "Replace the list of rules.";
    POST "/api/v1/rules/dry-run" rules::dry_run, Json, [], "Captured flows that a rule would have concerned.";
    GET "/api/v1/filters" filters::get, Nothing, [], "Saved filters.";
    PUT "/api/v1/filters" filters::put, Json, [], "Replace the saved filters.";
    GET "/api/v1/stats" stats::get, Nothing, ["by", "filter", "plain"], "Counts, sizes and times.";
    GET "/api/v1/tree" tree::get, Nothing, ["filter", "plain"], "Flows by host and path.";
    GET "/api/v1/connect" connect::get, Nothing, [], "How clients are made to use the proxy.";
    POST "/api/v1/load" files::load, File, [], "Add the flows of a flow file or HAR.";
    GET "/api/v1/dump" files::save, Nothing, ["filter", "plain", "format"], "Flows as a flow file or HAR.";
    POST "/api/v1/clear" misc::clear, Nothing, [], "Remove all flows and events.";
}
