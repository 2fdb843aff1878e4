"""The monitor as somebody sees it whose role holds at some sites only: other sites do not exist."""
