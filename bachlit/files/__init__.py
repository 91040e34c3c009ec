"""Write files whole or not at all, mark them, and refuse to replace a user's own."""
