"""TikTok's Events API as pure rules: what to send, what would be refused, what an answer means."""
