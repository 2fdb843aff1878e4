"""One file here is one way of telling people."""
