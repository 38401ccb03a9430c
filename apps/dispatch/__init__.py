"""Events on their way to the ad platforms: each sent once, every attempt on record."""
