"""A stand-in for the ad platforms: it checks what it is sent the way they do, keeps it, and shows it."""
