//! DNS messages.

use midwire_flow::{Dns, Number};
use midwire_wire::dns::{Record, classes, http_status, op_codes, response_codes, types};
use serde_json::{Value as Json, json};

/// A query or answer with the time when it came.
pub(crate) fn message(message: &Dns, timestamp: Option<Number>) -> Json {
    let questions = message.questions.iter().map(|question| {
        json!({
            "name": question.name,
            "type": types::to_str(question.type_),
            "class": classes::to_str(question.class),
        })
    });
    json!({
        "id": message.id,
        "query": message.query,
        "op_code": op_codes::to_str(u16::from(message.op_code)),
        "authoritative_answer": message.authoritative_answer,
        "truncation": message.truncation,
        "recursion_desired": message.recursion_desired,
        "recursion_available": message.recursion_available,
        "response_code": response_codes::to_str(u16::from(message.response_code)),
        "status_code": http_status(message.response_code),
        "questions": questions.collect::<Vec<_>>(),
        "answers": records(&message.answers),
        "authorities": records(&message.authorities),
        "additionals": records(&message.additionals),
        "size": message.size(),
        "timestamp": timestamp.map(Number::as_f64),
    })
}

fn records(records: &[Record]) -> Json {
    let shown = records.iter().map(|record| {
        json!({
            "name": record.name,
            "type": types::to_str(record.type_),
            "class": classes::to_str(record.class),
            "ttl": record.ttl,
            "data": record.to_string(),
        })
    });
    Json::Array(shown.collect())
}
