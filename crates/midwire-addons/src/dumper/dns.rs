//! DNS queries and answers.

use midwire_flow::DnsFlow;
use midwire_views::Clean;
use midwire_wire::dns::{op_codes, response_codes, types};

use super::Printer;
use crate::style::{BRIGHT_BLUE, GREEN, MAGENTA, RED, Style};

impl Printer<'_> {
    pub(super) fn dns_response(&mut self, flow: &DnsFlow) {
        let Some(response) = &flow.response else {
            return;
        };
        self.query(flow);
        self.page.paint(" <<", Style::BOLD).push(" ");
        if response.answers.is_empty() {
            let code = response_codes::to_str(response.response_code.into());
            self.page.paint(Clean::line(&code), Style::colour(RED));
        }
        for (index, answer) in response.answers.iter().enumerate() {
            if index > 0 {
                self.page.push(", ");
            }
            let answer = answer.to_string();
            self.page
                .paint(Clean::line(&answer), Style::colour(BRIGHT_BLUE));
        }
        self.page.line();
    }

    pub(super) fn dns_error(&mut self, flow: &DnsFlow) {
        let Some(error) = &flow.info.error else {
            return;
        };
        self.query(flow);
        self.error_line(&error.msg);
    }

    fn query(&mut self, flow: &DnsFlow) {
        self.client(&flow.info);
        let question = flow.request.questions.first();
        let kind = question.map_or("?".into(), |question| types::to_str(question.type_));
        let colour = match &*kind {
            "A" => GREEN,
            "AAAA" => MAGENTA,
            _ => RED,
        };
        let code = op_codes::to_str(flow.request.op_code.into());
        let what = format!("DNS {code} ({kind})");
        let name = question.map_or("", |question| &question.name);
        self.page
            .push(": ")
            .paint(Clean::line(&what), Style::colour(colour))
            .push(" ")
            .paint(Clean::line(name), Style::BOLD)
            .line();
    }
}
