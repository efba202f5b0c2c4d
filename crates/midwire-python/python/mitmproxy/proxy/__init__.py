"""Names of the proxy that scripts use; the proxy itself runs in another process."""
