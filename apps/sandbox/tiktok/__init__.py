"""TikTok's Events API as pure rules: what it accepts, what it refuses, and in which words. No Django here."""
