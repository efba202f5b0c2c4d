//! DNS flows.

use midwire_wire::dns::{Question, Record};

use super::raw::{bad, dict, float, int, need, opt, unexpected};
use super::{Kind, Pairs, Source};
use crate::value::Raw;
use crate::{Dns, DnsFlow, FlowInfo, Number};

impl<'a> Source<'a> {
    pub(super) fn dns_flow(&self, info: FlowInfo, own: Pairs<'a>) -> Result<DnsFlow, Kind> {
        let mut request = None;
        let mut response = None;
        for (key, value) in own {
            match key.data {
                b"request" => request = Some(self.dns(value)?),
                b"response" => response = Some(opt(value, |v| self.dns(v))?),
                _ => return Err(unexpected(key)),
            }
        }
        let (request, request_timestamp) = need(request, "request")?;
        let (response, response_timestamp) = need(response, "response")?.unzip();
        Ok(DnsFlow {
            info,
            request,
            request_timestamp,
            response,
            response_timestamp,
        })
    }

    fn dns(&self, raw: Raw<'a>) -> Result<(Dns, Number), Kind> {
        let mut timestamp = None;
        let mut dns = Dns {
            id: 0,
            query: false,
            op_code: 0,
            authoritative_answer: false,
            truncation: false,
            recursion_desired: false,
            recursion_available: false,
            reserved: 0,
            response_code: 0,
            questions: Vec::new(),
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
        };
        let mut seen = 0_u16;
        for pair in dict(raw, "request")? {
            let (key, value) = pair?;
            let bit = match key.data {
                b"timestamp" => {
                    timestamp = Some(float(value, "timestamp")?);
                    continue;
                }
                b"id" => {
                    dns.id = int(value, "id")?;
                    0
                }
                b"query" => {
                    dns.query = value.bool().map_err(bad("query"))?;
                    1
                }
                b"op_code" => {
                    dns.op_code = int(value, "op_code")?;
                    2
                }
                b"authoritative_answer" => {
                    dns.authoritative_answer = value.bool().map_err(bad("authoritative_answer"))?;
                    3
                }
                b"truncation" => {
                    dns.truncation = value.bool().map_err(bad("truncation"))?;
                    4
                }
                b"recursion_desired" => {
                    dns.recursion_desired = value.bool().map_err(bad("recursion_desired"))?;
                    5
                }
                b"recursion_available" => {
                    dns.recursion_available = value.bool().map_err(bad("recursion_available"))?;
                    6
                }
                b"reserved" => {
                    dns.reserved = int(value, "reserved")?;
                    7
                }
                b"response_code" => {
                    dns.response_code = int(value, "response_code")?;
                    8
                }
                b"questions" => {
                    let list = value.list().map_err(bad("questions"))?;
                    dns.questions = list.map(|q| self.question(q?)).collect::<Result<_, _>>()?;
                    9
                }
                b"answers" => {
                    dns.answers = self.records(value, "answers")?;
                    10
                }
                b"authorities" => {
                    dns.authorities = self.records(value, "authorities")?;
                    11
                }
                b"additionals" => {
                    dns.additionals = self.records(value, "additionals")?;
                    12
                }
                _ => return Err(unexpected(key)),
            };
            seen |= 1 << bit;
        }
        const KEYS: [&str; 13] = [
            "id",
            "query",
            "op_code",
            "authoritative_answer",
            "truncation",
            "recursion_desired",
            "recursion_available",
            "reserved",
            "response_code",
            "questions",
            "answers",
            "authorities",
            "additionals",
        ];
        if let Some(key) = KEYS.get(seen.trailing_ones() as usize) {
            return Err(Kind::MissingKey(key));
        }
        Ok((dns, Number::Float(need(timestamp, "timestamp")?)))
    }

    fn question(&self, raw: Raw<'a>) -> Result<Question, Kind> {
        let mut name = None;
        let mut type_ = None;
        let mut class = None;
        for pair in dict(raw, "questions")? {
            let (key, value) = pair?;
            match key.data {
                b"name" => name = Some(self.text(value, "name")?),
                b"type" => type_ = Some(int(value, "type")?),
                b"class_" => class = Some(int(value, "class_")?),
                _ => return Err(unexpected(key)),
            }
        }
        Ok(Question {
            name: need(name, "name")?,
            type_: need(type_, "type")?,
            class: need(class, "class_")?,
        })
    }

    fn records(&self, raw: Raw<'a>, key: &'static str) -> Result<Vec<Record>, Kind> {
        let list = raw.list().map_err(bad(key))?;
        list.map(|record| self.record(record?)).collect()
    }

    fn record(&self, raw: Raw<'a>) -> Result<Record, Kind> {
        let mut name = None;
        let mut type_ = None;
        let mut class = None;
        let mut ttl = None;
        let mut data = None;
        for pair in dict(raw, "answers")? {
            let (key, value) = pair?;
            match key.data {
                b"name" => name = Some(self.text(value, "name")?),
                b"type" => type_ = Some(int(value, "type")?),
                b"class_" => class = Some(int(value, "class_")?),
                b"ttl" => ttl = Some(int(value, "ttl")?),
                b"data" => data = Some(self.bytes(value, "data")?),
                _ => return Err(unexpected(key)),
            }
        }
        Ok(Record {
            name: need(name, "name")?,
            type_: need(type_, "type")?,
            class: need(class, "class_")?,
            ttl: need(ttl, "ttl")?,
            data: need(data, "data")?,
        })
    }
}
