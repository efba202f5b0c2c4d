"""Reading and writing flow files."""

from mitmproxy.io.io import FilteredFlowWriter, FlowReader, FlowWriter, read_flows_from_paths

__all__ = ["FilteredFlowWriter", "FlowReader", "FlowWriter", "read_flows_from_paths"]
