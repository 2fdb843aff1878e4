"""The watch over the monitor itself."""
