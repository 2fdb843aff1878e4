"""Rules tried against history and against now."""
