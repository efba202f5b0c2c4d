//! Tests of the public interface, some of them against mitmproxy itself.

mod mitmproxy;
