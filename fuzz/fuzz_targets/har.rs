//! Any bytes give flows or an error; what is exported is JSON that can be imported.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midwire_flow::Flow;
use midwire_flow::file::open_flows;
use midwire_flow::har::{Importer, export};

fuzz_target!(|data: &[u8]| {
    let flows: Vec<Flow> = open_flows(data).flatten().collect();
    let mut har = Vec::new();
    let Ok(summary) = export(&flows, &mut har) else {
        return;
    };
    assert!(har.is_ascii());
    let read = Importer::read(&har[..]);
    assert!(read.is_ok());
    if let Ok(importer) = read {
        assert!(importer.count() <= summary.entries);
    }
});
