//! Filter expressions: no text panics, and what parses prints to a text that parses to the same filter.

#![no_main]

use libfuzzer_sys::fuzz_target;
use midwire_flow::filter::Filter;

fuzz_target!(|expression: &str| {
    match Filter::parse(expression) {
        Ok(filter) => assert_eq!(Filter::parse(&filter.to_string()).as_ref(), Ok(&filter)),
        Err(error) => drop(error.caret()),
    }
});
