"""Turn prompts into chorales: harmonise, compose, rank."""
