//! Sections from one library to the other, through what keeps their order.

use bytes::Bytes;
use midwire_wire::Fields;

use super::convert;
use super::order::{Ordered, Orders};
use super::watch::PREFACE;

async fn sections_arrive(sections: Vec<Vec<(&'static str, &'static str)>>) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (near, _) = Ordered::new(near, (0, PREFACE), 4096);
    let (far, orders): (_, Orders) = Ordered::new(far, (PREFACE, 0), 4096);
    let (sender, connection) = h2::client::handshake(near).await.unwrap();
    tokio::spawn(connection);
    let wanted = sections.clone();
    let serve = async {
        let mut connection = h2::server::handshake(far).await.unwrap();
        for section in wanted {
            let (request, mut respond) = connection.accept().await.unwrap().unwrap();
            let stream = request.body().stream_id().as_u32();
            let got = convert::fields(request.headers(), (&orders, stream));
            assert_eq!(got, Fields::from_pairs(section));
            respond
                .send_response(http::Response::new(()), true)
                .unwrap();
        }
    };
    let ask = async {
        let mut sender: h2::client::SendRequest<Bytes> = sender;
        for section in sections {
            sender = sender.ready().await.unwrap();
            let mut request = http::Request::get("https://h/path").body(()).unwrap();
            *request.headers_mut() = convert::header_map(&Fields::from_pairs(section)).unwrap();
            let (response, _) = sender.send_request(request, true).unwrap();
            response.await.unwrap();
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = serve => {}
        () = ask => {}
    }
}

#[tokio::test]
async fn sections_arrive_in_their_order_and_tables_stay_in_step() {
    let plain = vec![("x-a", "1"), ("accept", "*/*"), ("x-b", "two")];
    let mixed = vec![
        ("x-a", "1"),
        ("x-b", "two"),
        ("x-a", "2"),
        ("accept", "*/*"),
        ("x-b", ""),
        ("accept-encoding", "gzip, deflate"),
        ("x-a", "3"),
    ];
    let grouped = vec![("x-a", "1"), ("x-a", "2"), ("x-b", "two")];
    sections_arrive(vec![
        mixed.clone(),
        plain.clone(),
        mixed.clone(),
        grouped,
        mixed.clone(),
        plain,
        mixed,
    ])
    .await;
}

#[tokio::test]
async fn long_sections_arrive_in_their_order() {
    let long: &'static str = "0123456789".repeat(1500).leak();
    sections_arrive(vec![
        vec![("x-a", long), ("x-b", long), ("x-a", long), ("x-c", "end")],
        vec![("x-a", long), ("x-c", "end")],
    ])
    .await;
}
