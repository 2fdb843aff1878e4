"""The whole service over real servers."""
