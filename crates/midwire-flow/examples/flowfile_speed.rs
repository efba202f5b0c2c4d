//! Measures how long a flow takes to write and to read: `cargo run --release --example flowfile_speed [FLOWS]`.

use std::io::{Read, Write as _};
use std::sync::Arc;
use std::time::Instant;

use midwire_flow::file::{Writer, open_flows};
use midwire_flow::{ClientConn, Content, Flow, FlowInfo, HttpFlow, Request, Response, ServerConn};
use midwire_wire::Fields;

fn sample() -> Result<Flow, Box<dyn std::error::Error>> {
    let names: Vec<_> = (0..8)
        .map(|n| (format!("X-Field-{n}"), "some value of a field"))
        .collect();
    let mut request = Request::make(
        "GET",
        "https://example.com/some/path?x=1",
        "",
        Fields::from_pairs(names.clone()),
    )?;
    request.content = Content::Memory("".into());
    let mut response = Response::make(200, vec![b'x'; 200], Fields::from_pairs(names));
    response.timestamp_start = 1_700_000_000.123_456.into();
    let mut info = FlowInfo::new(
        Arc::new(ClientConn::default()),
        Arc::new(ServerConn::default()),
    );
    info.live = false;
    Ok(Flow::Http(Box::new(HttpFlow {
        info,
        request,
        response: Some(response),
        websocket: None,
    })))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: u32 = std::env::args().nth(1).map_or(Ok(100_000), |n| n.parse())?;
    let flow = sample()?;
    let mut writer = Writer::new(tempfile::tempfile()?);
    let start = Instant::now();
    for _ in 0..count {
        writer.add(&flow)?;
    }
    let written = start.elapsed() / count;
    let mut file = writer.into_inner();
    std::io::Seek::rewind(&mut file)?;
    let start = Instant::now();
    let mut read = 0_u32;
    for flow in open_flows((&mut file).take(u64::MAX)) {
        flow?;
        read += 1;
    }
    let each = start.elapsed() / read;
    let size = file.metadata()?.len() / u64::from(read);
    writeln!(
        std::io::stdout(),
        "{read} flows of {size} bytes: written in {written:?} each, read in {each:?} each"
    )?;
    Ok(())
}
