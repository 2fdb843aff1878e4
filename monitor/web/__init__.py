"""Dashboard, API and live events."""
