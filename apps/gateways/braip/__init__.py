"""Braip: "postbacks" in JSON, in PHP's forms, or as a list of messages."""
