"""Write files whole or not at all, seal them, and protect the user's own."""
