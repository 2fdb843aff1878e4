"""Who watches the watcher: a ping to somebody outside, a word each morning, systemd's watchdog."""
