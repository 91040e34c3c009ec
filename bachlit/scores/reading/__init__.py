"""Read score files into chorales."""
