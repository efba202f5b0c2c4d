"""The process that runs addon scripts for midwire.

It talks to the core by the frames of docs/script-protocol.md and gives scripts the objects of
the package ``mitmproxy`` beside it."""
